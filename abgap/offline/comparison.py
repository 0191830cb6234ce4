"""Scores made into offline rows: the gain of each candidate over its baseline, with its interval and
p-value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from abgap.offline.scores import PairSums, Scores
from abgap.records import Direction, Estimable, Interval, NotEstimable, OfflineRow, Reason
from abgap.stats.arrays import MIN_UNITS
from abgap.stats.moments import Univariate
from abgap.stats.multiplicity import holm
from abgap.stats.paired import Comparison, paired_difference, unpaired_difference

PAIRED = "mean over queries of the given scores, compared query by query with the baseline"
UNPAIRED = "aggregated score as given; the models' errors are taken to be independent"
FACE_VALUE = "aggregated score as given, without a standard error"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """What one comparison found, before multiplicity."""

    definition: str
    n: int | None
    skipped: int
    value: float | None
    baseline_value: float | None
    gain: Estimable
    p_value: float | None


def make_offline_rows(
    scores: Scores,
    comparisons: Sequence[tuple[str, str]],
    directions: Mapping[str, Direction],
    *,
    alpha: float,
) -> tuple[OfflineRow, ...]:
    """One row per comparison (model, baseline) and metric that both have; Holm over the candidates of a
    metric.

    directions: of declared metrics; up when not declared.
    """
    metrics = sorted({metric for _, metric in scores.known})
    rows = []
    for model, baseline in comparisons:
        for metric in metrics:
            found = _compare(scores, model, baseline, metric, alpha)
            if found is not None:
                rows.append(_row(found, model, baseline, metric, directions.get(metric, Direction.UP)))
    return _adjusted(rows)


def _compare(scores: Scores, model: str, baseline: str, metric: str, alpha: float) -> _Compared | None:
    pair = scores.pairs.get((model, baseline, metric))
    if pair is not None:
        queries = scores.queries[model, metric] + scores.queries[baseline, metric]
        return _paired(pair, skipped=queries - 2 * pair.shared, alpha=alpha)
    candidate, base = scores.aggregates.get((model, metric)), scores.aggregates.get((baseline, metric))
    if candidate is None or base is None:
        return None
    n = min((x.n for x in (candidate, base) if x.n is not None), default=None)
    known = {"n": n, "skipped": 0, "value": candidate.value, "baseline_value": base.value}
    if candidate.se is None or base.se is None:
        detail = "the scores come without per-query rows or standard errors"
        gain = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail=detail)
        return _Compared(definition=FACE_VALUE, gain=gain, p_value=None, **known)
    found = unpaired_difference(
        value=candidate.value,
        standard_error=candidate.se,
        baseline_value=base.value,
        baseline_standard_error=base.se,
        alpha=alpha,
    )
    return _Compared(
        definition=UNPAIRED,
        gain=_interval(found, alpha, "normal", n),
        p_value=_optional(found.p_value),
        **known,
    )


def _paired(pair: PairSums, *, skipped: int, alpha: float) -> _Compared:
    n = pair.shared
    mean = pair.difference / n
    variance = max(pair.square - pair.difference * mean, 0.0) / (n - 1) if n > 1 else np.nan
    found = paired_difference(_one(n, mean, variance), alpha)
    return _Compared(
        definition=PAIRED,
        n=n,
        skipped=skipped,
        value=pair.candidate / n,
        baseline_value=pair.base / n,
        gain=_interval(found, alpha, "paired-t", n),
        p_value=_optional(found.p_value),
    )


def _one(n: int, mean: float, variance: float) -> Univariate:
    return Univariate(n=np.array(float(n)), mean=np.array(mean), variance=np.array(variance))


def _interval(found: Comparison, alpha: float, method: str, n: int | None) -> Estimable:
    reason = found.problem[()]
    if reason is not None:
        return NotEstimable(reason=reason, detail=_why_not(reason, n))
    estimate, low, high = (float(x) for x in (found.difference, found.low, found.high))
    return Interval(estimate=estimate, low=low, high=high, level=1.0 - alpha, method=method)


def _why_not(reason: Reason, n: int | None) -> str:
    if reason is Reason.ZERO_VARIANCE:
        return "the difference is the same in every query, so nothing can be tested"
    return f"only {n or 0} queries are shared, at least {MIN_UNITS} are needed"


def _optional(value: object) -> float | None:
    number = float(value)  # type: ignore[arg-type]  # a 0-d array
    return number if np.isfinite(number) else None


def _row(found: _Compared, model: str, baseline: str, metric: str, direction: Direction) -> OfflineRow:
    return OfflineRow(
        model=model,
        baseline=baseline,
        metric=metric,
        definition=found.definition,
        direction=direction,
        slice_name=None,
        slice_value=None,
        n=found.n,
        skipped=found.skipped,
        value=found.value,
        baseline_value=found.baseline_value,
        gain=found.gain,
        p_value=found.p_value,
        p_adjusted=None,
    )


def _adjusted(rows: Sequence[OfflineRow]) -> tuple[OfflineRow, ...]:
    labels = {metric: code for code, metric in enumerate(sorted({row.metric for row in rows}))}
    p = np.array([np.nan if row.p_value is None else row.p_value for row in rows], dtype=np.float64)
    adjusted = holm(p, np.array([labels[row.metric] for row in rows], dtype=np.intp))
    return tuple(replace(row, p_adjusted=_optional(value)) for row, value in zip(rows, adjusted, strict=True))
