"""Contests of aggregated scores: from standard errors where these are given, at face value where not."""

from __future__ import annotations

from collections.abc import Mapping

from abgap.offline.contest import Contest
from abgap.offline.example_contests import NO_BASELINE, PAIRED, Terms
from abgap.offline.sums import Against, Aggregate, Evaluated
from abgap.records import Estimable, Interval, NotEstimable, Reason, words
from abgap.stats.arrays import finite_or_none
from abgap.stats.paired import unpaired_difference

UNPAIRED = "aggregated score as given; the models' errors are taken to be independent"
FACE_VALUE = "aggregated score as given, without a standard error"
ALONE = "aggregated score as given"


def compare_aggregates(
    against: Against,
    aggregates: Mapping[tuple[str, str], Aggregate],
    with_queries: Mapping[tuple[str, str], Evaluated],
    terms: Terms,
) -> Contest:
    """The contest of two aggregated scores; of a score alone; or of what cannot be held against each other."""
    model, baseline, metric = against.model, against.baseline, against.metric
    candidate = aggregates.get((model, metric))
    base = None if baseline is None else aggregates.get((baseline, metric))
    if candidate is not None and baseline is None:
        return _contest(against, ALONE, candidate, None, NO_BASELINE)
    if candidate is not None and base is not None:
        if candidate.split != base.split:
            return _contest(against, FACE_VALUE, None, None, _other_split(candidate, base))
        return _unpaired(against, candidate, base, terms)
    # One of them has queries, or neither has a value.
    sides = [(side, metric) for side in (model, baseline) if side is not None]
    queries = sum(with_queries[side].examples for side in sides if side in with_queries)
    detail = "one model has queries, the other an aggregate" if queries else "a score without a value"
    missing = NotEstimable(reason=Reason.NOT_MATCHED, detail=detail)
    return Contest(
        model=model,
        baseline=baseline,
        metric=metric,
        definition=PAIRED if queries else ALONE,
        n=0,
        skipped=queries,
        value=None,
        baseline_value=None,
        gain=missing,
    )


def _other_split(candidate: Aggregate, base: Aggregate) -> NotEstimable:
    """Why aggregates of different splits are not held against each other."""
    model, baseline = (_where(side) for side in (candidate, base))
    detail = f"evaluated on {model}, the baseline on {baseline}"
    return NotEstimable(reason=Reason.NOT_MATCHED, detail=detail)


def _where(side: Aggregate) -> str:
    count = "" if side.n is None else f" ({words.count(side.n)})"
    return ("no split that is named" if side.split is None else f"split {side.split!r}") + count


def _unpaired(against: Against, candidate: Aggregate, base: Aggregate, terms: Terms) -> Contest:
    if candidate.se is None or base.se is None:
        detail = "the scores come without per-query rows or standard errors"
        bare = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail=detail)
        return _contest(against, FACE_VALUE, candidate, base, bare)
    gain, p_value = difference_of(candidate, base, alpha=terms.alpha)
    return _contest(against, UNPAIRED, candidate, base, gain, p_value)


def difference_of(candidate: Aggregate, base: Aggregate, *, alpha: float) -> tuple[Estimable, float | None]:
    """The difference of two scores with independent standard errors, with its interval, and its p."""
    found = unpaired_difference(
        value=candidate.value,
        standard_error=float("nan") if candidate.se is None else candidate.se,
        baseline_value=base.value,
        baseline_standard_error=float("nan") if base.se is None else base.se,
        alpha=alpha,
    )
    reason: Reason | None = found.problem.item()
    if reason is not None:
        details = {Reason.ZERO_VARIANCE: "both standard errors are zero, so nothing can be tested"}
        return NotEstimable(
            reason=reason, detail=details.get(reason, "a score comes without a standard error")
        ), None
    estimate, low, high = (float(x) for x in (found.difference, found.low, found.high))
    interval = Interval(estimate=estimate, low=low, high=high, level=1.0 - alpha, method="normal")
    return interval, finite_or_none(found.p_value)


def _contest(
    against: Against,
    definition: str,
    candidate: Aggregate | None,
    base: Aggregate | None,
    gain: Estimable,
    p_value: float | None = None,
) -> Contest:
    sizes = [side.n for side in (candidate, base) if side is not None and side.n is not None]
    return Contest(
        model=against.model,
        baseline=against.baseline,
        metric=against.metric,
        definition=definition,
        n=min(sizes, default=None),
        value=None if candidate is None else candidate.value,
        baseline_value=None if base is None else base.value,
        gain=gain,
        p_value=p_value,
    )
