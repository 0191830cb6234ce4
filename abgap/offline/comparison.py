"""Contests made into offline rows: what many comparisons at once change about each of them.

Candidates of a metric are corrected by Holm, slices of a comparison by Benjamini and Hochberg. The best of several
candidates owes part of its gain to luck: beside it stands the gain pulled towards the others. Then come the examples
that a gain needs, and what lazy solutions get.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from abgap.offline.contest import Contest
from abgap.offline.directions import direction_of, nearest_to
from abgap.offline.lazy import PRODUCTION, judge_lazy
from abgap.records import Check, Interval, NotEstimable, OfflineRow, Reason, Status, words
from abgap.records.checks import make_check, quoted_names
from abgap.records.moments import FloatArray
from abgap.stats.arrays import Bounds, finite_or_none
from abgap.stats.candidates import shrink_candidates
from abgap.stats.multiplicity import Labels, benjamini_hochberg, holm
from abgap.stats.paired_planning import pairs_needed
from abgap.stats.shrinkage import MIN_PARTS
from abgap.stats.tails import normal_quantile
from abgap.study.model import Study

SHRUNK = "empirical Bayes"
UNKNOWN_CORRELATION = 0.5
"""Of gains over one baseline that come without examples: that of models measured equally well."""
# Beyond this no test set goes: a gain as good as zero needs no number.
_MOST_EXAMPLES = 1e12
_MEND = 'Evaluate both on the same examples, or set examples = "shared" in [offline].'
_LUCK = "winner's curse: more than half of the gain of the best of {} candidates is to be put down to luck"


def make_offline_rows(contests: Sequence[Contest], study: Study) -> tuple[OfflineRow, ...]:
    """One row per contest, in their order, with everything that depends on the others."""
    wanted = [_wanted_gain(contest, study) for contest in contests]
    needed = _examples_needed(contests, wanted, study.study.alpha)
    rows = [_row(*each, study) for each in zip(contests, wanted, needed, strict=True)]
    rows = _adjusted(rows, lambda row: row.slice_name is None, lambda row: (row.metric,), holm)
    rows = _adjusted(
        rows,
        lambda row: row.slice_name is not None,
        lambda row: (row.metric, row.model, row.baseline),
        benjamini_hochberg,
    )
    return tuple(_with_shrinkage(rows, contests, study.study.alpha))


def _row(contest: Contest, wanted: float | None, needed: int | None, study: Study) -> OfflineRow:
    direction = direction_of(study, contest.metric)
    lazy = dict(contest.lazy)
    if contest.baseline is not None and contest.baseline == study.offline.production:
        lazy |= {} if contest.baseline_value is None else {PRODUCTION: contest.baseline_value}
    declared = study.offline_metrics.get(contest.metric)
    named = contest.metric if declared is None or declared.metric is None else declared.metric
    nearest = nearest_to(study, contest.metric)
    judged = judge_lazy(contest, lazy, named, direction, nearest)
    return OfflineRow(
        model=contest.model,
        baseline=contest.baseline,
        metric=contest.metric,
        definition=contest.definition,
        direction=direction,
        slice_name=contest.slice_name,
        slice_value=contest.slice_value,
        n=contest.n,
        skipped=contest.skipped,
        value=contest.value,
        baseline_value=contest.baseline_value,
        gain=contest.gain,
        p_value=contest.p_value,
        p_adjusted=None,
        lazy=lazy,
        bootstrap=contest.bootstrap,
        p_permutation=contest.p_permutation,
        effect_size=contest.effect_size,
        worthwhile_gain=wanted,
        examples_needed=needed,
        skill=judged.skill,
        target_ready=judged.ready,
        counts=contest.counts,
        nearest_to=nearest,
        # Of a slice it would be said once more what is said of all examples.
        notes=contest.notes if contest.slice_name is not None else (*contest.notes, *judged.notes),
    )


def _wanted_gain(contest: Contest, study: Study) -> float | None:
    """The gain worth finding, the one seen where none is declared; None where examples say nothing of it."""
    if contest.sd is None or not isinstance(contest.gain, Interval):
        return None
    declared = study.offline_metrics.get(contest.metric)
    worthwhile = None if declared is None else declared.smallest_worthwhile_gain
    return abs(contest.gain.estimate) if worthwhile is None else worthwhile


def _examples_needed(
    contests: Sequence[Contest], wanted: Sequence[float | None], alpha: float
) -> list[int | None]:
    """The examples that find the wanted gains with 80 % power; searched for at once, which is a hundred steps."""
    sizes = [
        np.nan if gain is None or contest.sd is None else gain / contest.sd
        for contest, gain in zip(contests, wanted, strict=True)
    ]
    found = pairs_needed(np.array(sizes, dtype=np.float64), alpha)
    return [int(n) if n < _MOST_EXAMPLES else None for n in found]


def _adjusted(
    rows: list[OfflineRow],
    among: Callable[[OfflineRow], bool],
    family: Callable[[OfflineRow], tuple[object, ...]],
    method: Callable[[FloatArray, Labels], FloatArray],
) -> list[OfflineRow]:
    """The rows with adjusted p-values, of those that are meant, by family."""
    codes: dict[tuple[object, ...], int] = {}
    chosen = [i for i, row in enumerate(rows) if among(row)]
    labels = [codes.setdefault(family(rows[i]), len(codes)) for i in chosen]
    p = np.array([np.nan if rows[i].p_value is None else rows[i].p_value for i in chosen], dtype=np.float64)
    found = method(p, np.array(labels, dtype=np.intp))
    for i, value in zip(chosen, found, strict=True):
        rows[i] = replace(rows[i], p_adjusted=finite_or_none(value))
    return rows


def _with_shrinkage(rows: list[OfflineRow], contests: Sequence[Contest], alpha: float) -> list[OfflineRow]:
    """Gains over one baseline in one metric pulled towards each other, where they are at least three."""
    groups: dict[tuple[str, str | None], list[int]] = {}
    for i, row in enumerate(rows):
        if row.slice_name is None and isinstance(row.gain, Interval):
            groups.setdefault((row.metric, row.baseline), []).append(i)
    for places in groups.values():
        if len(places) >= MIN_PARTS:
            measured = [_measured(contests[i], alpha) for i in places]
            known = (contests[i].correlation for i in places)
            correlation = next((each for each in known if each is not None), UNKNOWN_CORRELATION)
            found = _shrunk([rows[i] for i in places], measured, correlation, alpha)
            for i, row in zip(places, found, strict=True):
                rows[i] = row
    return rows


def _measured(contest: Contest, alpha: float) -> tuple[float, float]:
    """A gain and its standard error."""
    if not isinstance(contest.gain, Interval):
        raise TypeError("only gains with an interval are pulled together")
    if contest.sd is not None and contest.n:
        return contest.gain.estimate, contest.sd / float(contest.n) ** 0.5
    half = (contest.gain.high - contest.gain.low) / 2.0
    return contest.gain.estimate, half / float(normal_quantile(1.0 - alpha / 2.0))


def _shrunk(
    rows: Sequence[OfflineRow], measured: Sequence[tuple[float, float]], correlation: float, alpha: float
) -> list[OfflineRow]:
    """The rows with their gain as it is to be expected; the best one says when it owes most of it to luck."""
    gains, errors = np.array(measured).T
    found = shrink_candidates(gains, errors**2, correlation, alpha)
    made = []
    better = np.array([_better_by(row, gain) for row, gain in zip(rows, gains, strict=True)])
    for i, row in enumerate(rows):
        effect, luck = (_interval(of, i, alpha) for of in (found.effect, found.luck))
        lucky = better[i] == better.max() > 0.0 and _better_by(row, effect.estimate) < 0.5 * better[i]
        notes = (*row.notes, _LUCK.format(len(rows))) if lucky else row.notes
        made.append(replace(row, shrunk_gain=effect, luck=luck, candidates=len(rows), notes=notes))
    return made


def _interval(bounds: Bounds, i: int, alpha: float) -> Interval:
    estimate, low, high = (float(column[i]) for column in bounds)
    # The mean of a mixture may lie a rounding beyond its quantiles.
    return Interval(
        estimate=estimate,
        low=min(low, estimate),
        high=max(high, estimate),
        level=1.0 - alpha,
        method=SHRUNK,
    )


def _better_by(row: OfflineRow, gain: float) -> float:
    """A gain of the row with up as good."""
    if row.nearest_to is None or row.baseline_value is None:
        return row.direction.sign * gain
    return row.turned(row.baseline_value + gain) - row.turned(row.baseline_value)


def comparison_checks(rows: Sequence[OfflineRow], production: str | None) -> list[Check]:
    """Warnings: production was not evaluated, or models were evaluated on other examples than their baseline."""
    return [*_production_check(rows, production), *_examples_check(rows)]


def _production_check(rows: Sequence[OfflineRow], production: str | None) -> list[Check]:
    models = dict.fromkeys(row.model for row in rows)
    if production is None or not rows or production in models:
        return []
    sentence = (
        f"The production model {production!r} has no offline result, so that no model is held against it; "
        f"evaluated were {quoted_names(list(models))}."
    )
    return [make_check("unmatched_production", None, Status.WARN, sentence)]


def _examples_check(rows: Sequence[OfflineRow]) -> list[Check]:
    refused = [
        row for row in rows if isinstance(row.gain, NotEstimable) and row.gain.reason is Reason.NOT_MATCHED
    ]
    if not refused:
        return []
    first = refused[0]
    why = first.gain.detail if isinstance(first.gain, NotEstimable) else ""
    more = f", and {words.plural(len(refused) - 1, 'more comparison')}" if len(refused) > 1 else ""
    sentence = (
        f"Comparisons that are refused: {first.metric!r} of {first.model!r} against {first.baseline!r} ({why}){more}. "
        f"{_MEND if why.startswith('evaluated on') else 'Evaluate both on the same examples.'}"
    )
    return [
        make_check(
            "different_examples", None, Status.WARN, sentence, value=float(len(refused)), threshold=0.0
        )
    ]
