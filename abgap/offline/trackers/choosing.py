"""Which run stands for a model, and what the study takes from it.

The latest finished run of a model by its end time; deleted, unfinished and nameless runs are left out and counted, and
so are older runs and values that are no numbers.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from abgap.errors import DataError
from abgap.offline.trackers.runs import KEY, Run
from abgap.study.flaws import suggestion
from abgap.study.offline import FACTS, Model, Tracker
from abgap.study.toml import quoted

_PLACES = ("metric", "param", "tag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What a tracker says of the models.

    values: (model, metric) -> value. facts: model -> what [models] could say of it. runs: model -> id of the run that
    was read; older: how many finished runs it had before. seen: runs of the experiments that were asked for. left_out:
    how many of them were not read, by cause. not_finite: values that are NaN or infinite. unclear: facts that could
    not be read. last_day: on which a run that was read ended (UTC).
    """

    values: Mapping[tuple[str, str], float] = field(default_factory=dict)
    facts: Mapping[str, Model] = field(default_factory=dict)
    runs: Mapping[str, str] = field(default_factory=dict)
    older: Mapping[str, int] = field(default_factory=dict)
    seen: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    not_finite: int = 0
    unclear: tuple[str, ...] = ()
    last_day: dt.date | None = None


def choose_runs(runs: Sequence[Run], tracker: Tracker) -> Tracked:
    """The scores and facts of the models that the runs are of.

    Raises DataError when an experiment does not exist, or when no run is left.
    """
    _refuse_unknown_experiments(runs, tracker)
    of_experiment = [run for run in runs if not tracker.experiments or run.experiment in tracker.experiments]
    left = [run for run in of_experiment if not run.deleted]
    finished = [run for run in left if run.finished]
    named = [(model, run) for run in finished if (model := _model_of(run, tracker.model))]
    # The last of a model wins.
    latest = dict(sorted(named, key=lambda pair: (pair[1].ended or -math.inf, pair[1].id)))
    if not latest:
        raise _nothing_left(of_experiment, finished, tracker)
    values, not_finite = _values(latest, tracker)
    facts, unclear = _facts(latest, tracker)
    return Tracked(
        values=values,
        facts=facts,
        runs={model: latest[model].id for model in sorted(latest)},
        older={model: n - 1 for model, n in sorted(Counter(model for model, _ in named).items())},
        seen=len(of_experiment),
        left_out={
            "deleted": len(of_experiment) - len(left),
            "unfinished": len(left) - len(finished),
            "without a model's name": len(finished) - len(named),
            "older than another of the same model": len(named) - len(latest),
        },
        not_finite=not_finite,
        unclear=tuple(unclear),
        last_day=_last_day(latest.values()),
    )


def _last_day(runs: Iterable[Run]) -> dt.date | None:
    ended = max(
        (run.ended for run in runs if run.ended is not None and math.isfinite(run.ended)), default=None
    )
    try:
        return None if ended is None else dt.datetime.fromtimestamp(ended, dt.UTC).date()
    except (OverflowError, OSError, ValueError):
        return None


def _refuse_unknown_experiments(runs: Sequence[Run], tracker: Tracker) -> None:
    known = sorted({run.experiment for run in runs if run.experiment is not None})
    for name in tracker.experiments:
        if name not in known:
            hint = suggestion(name, known)
            raise DataError(f"{KEY}: there is no experiment {quoted(name)}" + (f"; {hint}" if hint else ""))


def _nothing_left(runs: Sequence[Run], finished: Sequence[Run], tracker: Tracker) -> DataError:
    if not runs:
        return DataError(f"{KEY}: the store has no runs; look at its path")
    if not finished:
        return DataError(
            f"{KEY}: none of {len(runs)} runs is finished and not deleted; nothing can be read from it"
        )
    return DataError(
        f"{KEY}: none of {len(finished)} finished runs has a model's name in {tracker.model!r}; say where it stands: "
        'model = "run_name", "tag:NAME" or "param:NAME"'
    )


def _model_of(run: Run, where: str) -> str | None:
    """The name of the model that a run is of, None when it has none."""
    place, _, name = where.partition(":")
    found = {"tag": run.tags, "param": run.params}[place].get(name) if name else run.name or None
    return (found or "").strip() or None


def _values(latest: Mapping[str, Run], tracker: Tracker) -> tuple[dict[tuple[str, str], float], int]:
    """The finite values by their names in the study, and how many are not finite."""
    taken = {place.partition(":")[2] for place in tracker.facts.values() if place.startswith("metric:")}
    taken |= set(FACTS)
    found, not_finite = {}, 0
    for model, run in sorted(latest.items()):
        wanted = tracker.metrics or {name: name for name in sorted(run.metrics) if name not in taken}
        for metric, name in wanted.items():
            value = run.metrics.get(name)
            if value is None:
                continue
            if math.isfinite(value):
                found[model, metric] = value
            else:
                not_finite += 1
    return found, not_finite


def _facts(latest: Mapping[str, Run], tracker: Tracker) -> tuple[dict[str, Model], list[str]]:
    found, unclear = {}, []
    for model, run in sorted(latest.items()):
        given: dict[str, object] = {}
        for fact in FACTS:
            said = _said(run, fact, tracker.facts.get(fact))
            if said is None:
                continue
            value = _read(fact, said)
            if value is None:
                unclear.append(f"{fact} of model {quoted(model)} is {quoted(said)}")
            else:
                given[fact] = value
        if given:
            found[model] = Model.model_validate(given)
    return found, unclear


def _said(run: Run, fact: str, place: str | None) -> str | None:
    """What a run says of a fact, at the declared place or under the fact's own name."""
    places = [place] if place is not None else [f"{kind}:{fact}" for kind in _PLACES]
    kinds: Mapping[str, Mapping[str, object]] = {"metric": run.metrics, "param": run.params, "tag": run.tags}
    for each in places:
        kind, _, name = each.partition(":")
        if name in kinds[kind]:
            return str(kinds[kind][name])
    return None


def _read(fact: str, said: str) -> object:
    """A fact as [models] has it; None when it is not of its kind."""
    text = said.strip()
    if fact == "trained_until":
        try:
            return dt.date.fromisoformat(text[:10])
        except ValueError:
            return None
    if fact in {"version", "family"}:
        return text or None
    try:
        number = float(text)
    except ValueError:
        return None
    least = 0.0 if fact == "cost_per_1000_requests" else math.nextafter(0.0, 1.0)
    return number if math.isfinite(number) and number >= least else None


def conflicts(declared: Mapping[str, Model], tracked: Mapping[str, Model]) -> Iterable[str]:
    """Facts on which study and tracker disagree, in words; the study's are used."""
    for model, facts in tracked.items():
        own = declared.get(model, Model())
        for fact in FACTS:
            here, there = getattr(own, fact), getattr(facts, fact)
            if here is not None and there is not None and here != there:
                yield f"{fact} of model {quoted(model)} ({here} in the study, {there} in the tracker)"


def with_facts(declared: Mapping[str, Model], tracked: Mapping[str, Model]) -> dict[str, Model]:
    """The models of the study, with what the tracker says where the study says nothing."""
    found = dict(declared)
    for model, facts in tracked.items():
        own = declared.get(model, Model())
        missing = {fact: getattr(facts, fact) for fact in FACTS if getattr(own, fact) is None}
        found[model] = own.model_copy(update=missing)
    return found
