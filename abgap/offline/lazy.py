"""What a model adds over solutions that learnt nothing, and whether a metric can tell the two apart.

Skill is ``(M - L) / (best - L)``, L being the best lazy value: 0 is no better than that, 1 all that could be gained.
It needs a metric with a best value.

A metric is not ready to be a target when the best of the lazy solutions that learnt nothing

- is as good as the model, or better; or
- reaches 90 % of the way that the model has come from the worst value the metric can have; or, where there is no
  worst value or less is better (errors), leaves less than 10 % of what could be gained over it to the model. The
  worst sMAPE is 200 and the worst Brier score 1, but nobody starts there: any guess has come most of that way, and
  an error three times as large as the model's would pass for as good.

Then nearly all of the metric can be had for nothing, and whoever optimises it has no reason to learn: with 0.5 %
positives, accuracy is 99.5 % for "always no". The model in production is a lazy choice for whoever has to decide, and
so part of the skill; but it has learnt, and does not make a metric unfit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from abgap.offline import catalogue
from abgap.offline.contest import Contest
from abgap.records import Check, Direction, Interval, OfflineRow, Status, words
from abgap.records.checks import make_check

PRODUCTION = "current production"
"""Name of the model in production among the lazy solutions."""

REACHED = 0.9
"""Share of the model's way from the worst value that makes a lazy solution as good as it."""


class LazyJudgement(NamedTuple):
    """skill and ready: None where they cannot be told. notes: in words, why a metric is not ready."""

    skill: float | None
    ready: bool | None
    notes: tuple[str, ...] = ()


def judge_lazy(
    contest: Contest, lazy: Mapping[str, float], metric: str, direction: Direction, nearest_to: float | None
) -> LazyJudgement:
    """Hold a model against lazy solutions. metric: as the catalogue knows it. nearest_to: as in OfflineRow."""
    if contest.value is None or not lazy:
        return LazyJudgement(None, None)
    scale = _scale_of(metric, direction, nearest_to)
    value, values = scale.of(contest.value), {name: scale.of(each) for name, each in lazy.items()}
    skill = _skill(value, max(values.values()), scale)
    nothing = [name for name in values if name != PRODUCTION]
    if not nothing:
        return LazyJudgement(skill, None)
    name = max(nothing, key=lambda n: values[n])
    why = _why_not_ready(value, values[name], scale)
    notes = () if why is None else (f"not ready to be a target: {name!r} {why}",)
    return LazyJudgement(skill, why is None, (*notes, *_small_gain(contest, [values[n] for n in nothing])))


class _Scale(NamedTuple):
    """A metric turned so that more is better; best and worst None where it has none.

    centre: of a metric that is better the nearer it is to that, from either side: it becomes minus the distance.
    """

    sign: int
    centre: float | None
    best: float | None
    worst: float | None

    def of(self, value: float) -> float:
        """A value on this scale."""
        return self.sign * value if self.centre is None else -abs(value - self.centre)


def _scale_of(metric: str, direction: Direction, nearest_to: float | None) -> _Scale:
    if nearest_to is not None:
        return _Scale(direction.sign, nearest_to, 0.0, None)
    two_sided = catalogue.is_two_sided(metric)
    sign, best, worst = direction.sign, catalogue.best_value(metric), catalogue.worst_value(metric)
    if two_sided:
        return _Scale(sign, None, None, None)
    has_start = worst is not None and direction is Direction.UP
    return _Scale(sign, None, None if best is None else sign * best, worst if has_start else None)


def _skill(value: float, lazy: float, scale: _Scale) -> float | None:
    """What is gained over the lazy value, as a share of what could be."""
    if scale.best is None or scale.best <= lazy:
        return None
    return (value - lazy) / (scale.best - lazy)


def _why_not_ready(value: float, lazy: float, scale: _Scale) -> str | None:
    if value <= lazy:
        return "learnt nothing and does as well as the model"
    if scale.worst is not None:
        if lazy - scale.worst < REACHED * (value - scale.worst):
            return None
        if scale.worst == 0.0:
            return "learnt nothing and gets nine tenths of what the model gets, or more"
        return f"learnt nothing and comes nine tenths of the model's way from {scale.worst:g}, the worst value, or more"
    skill = _skill(value, lazy, scale)
    if skill is not None and skill < 1.0 - REACHED:
        return "learnt nothing and leaves the model less than a tenth of what can be gained"
    return None


def _small_gain(contest: Contest, lazy: Sequence[float]) -> tuple[str, ...]:
    """A note when solutions that learnt nothing lie further apart than the two models do."""
    if not isinstance(contest.gain, Interval) or abs(contest.gain.estimate) >= max(lazy) - min(lazy):
        return ()
    return ("the difference is smaller than what lies between two lazy solutions",)


def learnt_nothing(row: OfflineRow) -> Mapping[str, float]:
    """The lazy solutions without the model in production, which has learnt."""
    return {name: value for name, value in row.lazy.items() if name != PRODUCTION}


def _best_of_nothing(row: OfflineRow) -> str | None:
    """The best of the solutions that learnt nothing."""
    return max(learnt_nothing(row), key=lambda name: row.turned(row.lazy[name]), default=None)


def lazy_checks(rows: Sequence[OfflineRow]) -> list[Check]:
    """A warning for every metric that a lazy solution satisfies, over all its models."""
    unfit: dict[str, list[OfflineRow]] = {}
    for row in rows:
        if row.slice_name is None and row.target_ready is False:
            unfit.setdefault(row.metric, []).append(row)
    return [_check(metric, found) for metric, found in unfit.items()]


def _check(metric: str, rows: Sequence[OfflineRow]) -> Check:
    first = rows[0]
    why = next(note for note in first.notes if note.startswith("not ready"))
    best = words.plain(first.lazy[name]) if (name := _best_of_nothing(first)) else ""
    sentence = f"{metric!r} is {why}: it gets {best}, {first.model!r} {words.plain(first.value or 0.0)}."
    return make_check("lazy_metric", None, Status.WARN, sentence, value=first.skill, threshold=1.0 - REACHED)
