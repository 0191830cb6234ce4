"""Scores made into offline rows: the gain of each candidate over its baseline, with its interval and p-value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from abgap.engine.exact import centred
from abgap.offline.scores import Aggregate, PairSums, Scores
from abgap.records import Direction, Estimable, Interval, NotEstimable, OfflineRow, Reason
from abgap.records.order import natural_order
from abgap.stats.arrays import MIN_UNITS, finite_or_none
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
    p_value: float | None = None


def make_offline_rows(
    scores: Scores,
    comparisons: Sequence[tuple[str, str]],
    directions: Mapping[str, Direction],
    *,
    alpha: float,
) -> tuple[OfflineRow, ...]:
    """One row per comparison (model, baseline) and metric that both have; Holm over the candidates of a metric.

    directions: of declared metrics; up when not declared.
    """
    metrics = sorted({metric for _, metric in scores.known}, key=natural_order)
    rows = []
    for model, baseline in comparisons:
        for metric in metrics:
            found = _compare(scores, model, baseline, metric, alpha)
            if found is not None:
                rows.append(_row(found, model, baseline, metric, directions.get(metric, Direction.UP)))
    return _adjusted(rows)


def _compare(scores: Scores, model: str, baseline: str, metric: str, alpha: float) -> _Compared | None:
    """Query by query where both have queries, else by their aggregates; None when one has no score at all."""
    queries = [scores.queries.get((side, metric), 0) for side in (model, baseline)]
    pair = scores.pairs.get((model, baseline, metric))
    if pair is not None:
        return _paired(pair, skipped=sum(queries) - 2 * pair.shared, alpha=alpha)
    candidate, base = (scores.aggregates.get((side, metric)) for side in (model, baseline))
    if candidate is not None and base is not None:
        return _unpaired(candidate, base, alpha)
    if not {(model, metric), (baseline, metric)} <= scores.known:
        return None
    detail = (
        "the two models share no query" if all(queries) else "one model has queries, the other an aggregate"
    )
    missing = NotEstimable(reason=Reason.NOT_MATCHED, detail=detail)
    return _Compared(
        definition=PAIRED, n=0, skipped=sum(queries), value=None, baseline_value=None, gain=missing
    )


def _unpaired(candidate: Aggregate, base: Aggregate, alpha: float) -> _Compared:
    n = min((x.n for x in (candidate, base) if x.n is not None), default=None)
    definition, p_value = FACE_VALUE, None
    detail = "the scores come without per-query rows or standard errors"
    gain: Estimable = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail=detail)
    if candidate.se is not None and base.se is not None:
        found = unpaired_difference(
            value=candidate.value,
            standard_error=candidate.se,
            baseline_value=base.value,
            baseline_standard_error=base.se,
            alpha=alpha,
        )
        definition, p_value = UNPAIRED, finite_or_none(found.p_value)
        gain = _interval(found, alpha, "normal", "both standard errors are zero, so nothing can be tested")
    return _Compared(
        definition=definition,
        n=n,
        skipped=0,
        value=candidate.value,
        baseline_value=base.value,
        gain=gain,
        p_value=p_value,
    )


def _paired(pair: PairSums, *, skipped: int, alpha: float) -> _Compared:
    n, total = np.array(float(pair.shared)), np.array(pair.difference)
    second = np.maximum(centred(np.array(pair.square), total, total, n), 0.0)
    variance = np.where(n > 1.0, second / np.maximum(n - 1.0, 1.0), np.nan)
    found = paired_difference(Univariate(n=n, mean=total / n, variance=variance), alpha)
    if pair.shared < MIN_UNITS:
        why_not = f"only {pair.shared} queries are shared, at least {MIN_UNITS} are needed"
    else:
        why_not = "the difference is the same in every query, so nothing can be tested"
    return _Compared(
        definition=PAIRED,
        n=pair.shared,
        skipped=skipped,
        value=pair.candidate / pair.shared,
        baseline_value=pair.base / pair.shared,
        gain=_interval(found, alpha, "paired-t", why_not),
        p_value=finite_or_none(found.p_value),
    )


def _interval(found: Comparison, alpha: float, method: str, why_not: str) -> Estimable:
    reason: Reason | None = found.problem.item()
    if reason is not None:
        return NotEstimable(reason=reason, detail=why_not)
    estimate, low, high = (float(x) for x in (found.difference, found.low, found.high))
    return Interval(estimate=estimate, low=low, high=high, level=1.0 - alpha, method=method)


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
    return tuple(
        replace(row, p_adjusted=finite_or_none(value)) for row, value in zip(rows, adjusted, strict=True)
    )
