"""Contests of means over queries or examples: paired t, bootstrap, exchange test, and the size of the effect.

Both models have to have been evaluated on the same examples. A model that was spared the hard ones would win: another
split or another set of examples is refused with its counts, unless the study asks for what both share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

import numpy as np

from abgap.offline.candidates import with_correlations
from abgap.offline.contest import Contest
from abgap.offline.moments import difference_moments
from abgap.offline.sums import Against, Buckets, Evaluated, Measured, ValueSums
from abgap.records import Estimable, Interval, NotEstimable, Reason, words
from abgap.records.checks import quoted_names
from abgap.stats.arrays import MIN_UNITS, finite_or_none
from abgap.stats.effect_size import cohen_dz
from abgap.stats.moments import Univariate
from abgap.stats.paired import Comparison, paired_difference
from abgap.stats.paired_resampling import (
    PairedSums,
    bootstrap_gains,
    exchange_p_values,
    mean_of_sums,
)
from abgap.study.model import Study

FEW = 30
"""Slices of fewer examples have an interval and a note: t is for means that are nearly normal."""

PAIRED = "mean over queries of the given scores, compared query by query with the baseline"
NO_BASELINE = NotEstimable(reason=Reason.NOT_DECLARED, detail="the model is held against no other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How contests are judged, and how they are spoken of.

    shared: whether models with other examples are compared over those they share. noun: of an example, in the plural.
    definitions: of metrics, in full words; counts: of special examples, by model and metric, notes: the same; lazy: the
    metric of solutions that learnt nothing, by metric and name.
    """

    alpha: float
    seed: int
    shared: bool = False
    noun: str = "queries"
    definitions: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)
    notes: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    lazy: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


class Known(TypedDict, total=False):
    """What is known of metrics beside their values, as ``Terms`` has it."""

    definitions: Mapping[str, str]
    counts: Mapping[tuple[str, str], Mapping[str, int]]
    notes: Mapping[tuple[str, str], tuple[str, ...]]
    lazy: Mapping[str, Mapping[str, float]]


def terms_of(study: Study, **known: Unpack[Known]) -> Terms:
    """How the models of a study are compared."""
    shared = study.offline.examples == "shared"
    return Terms(alpha=study.study.alpha, seed=study.study.seed, shared=shared, **known)


def compare_examples(measured: Measured, terms: Terms) -> list[Contest]:
    """The contests one by one, each over all examples before its slices; resampling is for the former."""
    found: list[Contest] = []
    to_resample: dict[int, int] = {}
    for i, against in enumerate(measured.contests):
        made = judged(against, measured, i, terms)
        if isinstance(made[0].gain, Interval) and i in measured.buckets:
            to_resample[i] = len(found)
        found += made
    sums = [_of_differences(measured.buckets[i]) for i in to_resample]
    intervals = bootstrap_gains(sums, alpha=terms.alpha, seed=terms.seed)
    p_values = exchange_p_values(sums, seed=terms.seed)
    for place, interval, p in zip(to_resample.values(), intervals, p_values, strict=True):
        found[place] = replace(found[place], bootstrap=interval, p_permutation=p)
    return with_correlations(found, dict(zip(to_resample.values(), sums, strict=True)))


def _of_differences(buckets: Buckets) -> PairedSums:
    """The mean of differences, held against a baseline that is zero everywhere."""
    n = buckets.shared
    return PairedSums(
        candidate=np.stack([buckets.difference, n], axis=1),
        baseline=np.stack([np.zeros(len(n)), n], axis=1),
        metric=mean_of_sums,
    )


def judged(against: Against, measured: Measured, place: int, terms: Terms) -> list[Contest]:
    """The contest at a place out of its sums, over all examples and by slice, without resampling."""
    parts = measured.sums[place]
    if against.baseline is None:
        return [_alone(against, part, terms) for part in parts]
    sides = [measured.evaluated[side, against.metric] for side in (against.model, against.baseline)]
    whole = parts[0] if parts else None
    refused = _refusal(whole, sides, terms)
    if refused is not None:
        return [_refused(against, refused, whole, sides, terms)]
    return [_paired(against, part, sides, terms) for part in parts]


def _refusal(whole: ValueSums | None, sides: Sequence[Evaluated], terms: Terms) -> NotEstimable | None:
    """Why two models cannot be compared, None when they can."""
    both = 0 if whole is None else whole.evaluated
    same = all(side.examples == both for side in sides) and len({frozenset(s.splits) for s in sides}) == 1
    if same or (terms.shared and both):
        if whole is None or not whole.evaluated:
            return _none_shared(terms)
        return None if whole.shared else _none_valued(terms)
    if not both and not any(side.splits for side in sides):
        return _none_shared(terms)
    model, base = _where(sides[0], terms.noun), _where(sides[1], "")
    if sides[0].splits:
        # The word is not said twice.
        base = base.removeprefix("split ").removeprefix("splits ")
    detail = f"evaluated on {model}, the baseline on {base}, {words.count(both)} shared"
    return NotEstimable(reason=Reason.NOT_MATCHED, detail=detail)


def _none_shared(terms: Terms) -> NotEstimable:
    detail = f"the two models share no {_singular(terms.noun)}"
    return NotEstimable(reason=Reason.NOT_MATCHED, detail=detail)


def _none_valued(terms: Terms) -> NotEstimable:
    detail = f"no {_singular(terms.noun)} has a value of both models"
    return NotEstimable(reason=Reason.NOT_MATCHED, detail=detail)


def _singular(noun: str) -> str:
    known = {"queries": "query", "series": "series", "groups of series": "group of series"}
    return known.get(noun, noun.removesuffix("s"))


def _where(side: Evaluated, noun: str) -> str:
    """``split 'test-a' (1,000 queries)``, or without a split ``1,000 queries``."""
    count = f"{words.count(side.examples)} {_singular(noun) if side.examples == 1 else noun}".rstrip()
    if not side.splits:
        return count
    names = sorted(side.splits)
    return f"{'split' if len(names) == 1 else 'splits'} {quoted_names(names)} ({count})"


def _alone(against: Against, part: ValueSums, terms: Terms) -> Contest:
    return Contest(
        model=against.model,
        baseline=None,
        metric=against.metric,
        definition=terms.definitions.get(against.metric, f"mean over {terms.noun} of the given scores"),
        slice_name=part.slice_name,
        slice_value=part.slice_value,
        n=part.shared,
        skipped=part.evaluated - part.shared,
        value=part.candidate / part.shared if part.shared else None,
        baseline_value=None,
        gain=NO_BASELINE,
        lazy=_lazy(against, part, terms),
        counts=_counts(against, part, terms),
        notes=_notes(against, part, terms),
    )


def _refused(
    against: Against, why: NotEstimable, whole: ValueSums | None, sides: Sequence[Evaluated], terms: Terms
) -> Contest:
    counts = {
        f"{terms.noun} of the model": sides[0].examples,
        f"{terms.noun} of the baseline": sides[1].examples,
        f"shared {terms.noun}": 0 if whole is None else whole.evaluated,
    }
    return Contest(
        model=against.model,
        baseline=against.baseline,
        metric=against.metric,
        definition=_definition(against, terms),
        n=0,
        skipped=sum(side.examples for side in sides),
        value=None,
        baseline_value=None,
        gain=why,
        counts=counts,
    )


def _paired(against: Against, part: ValueSums, sides: Sequence[Evaluated], terms: Terms) -> Contest:
    differences = moments_of(part)
    found = paired_difference(differences, terms.alpha)
    evaluated = part.evaluated * 2 if part.slice_name else sum(side.examples for side in sides)
    spread = float(differences.variance)
    return Contest(
        model=against.model,
        baseline=against.baseline,
        metric=against.metric,
        definition=_definition(against, terms),
        slice_name=part.slice_name,
        slice_value=part.slice_value,
        n=part.shared,
        skipped=evaluated - 2 * part.shared,
        value=part.candidate / part.shared if part.shared else None,
        baseline_value=part.base / part.shared if part.shared else None,
        gain=interval_of(found, part.shared, terms),
        p_value=finite_or_none(found.p_value),
        effect_size=effect_size_of(differences, part.shared, terms),
        sd=spread**0.5 if spread > 0.0 else None,
        lazy=_lazy(against, part, terms),
        counts=_counts(against, part, terms),
        notes=(*_notes(against, part, terms), *_pooled(part, sides)),
    )


def moments_of(part: ValueSums) -> Univariate:
    """Number, mean and variance of the differences."""
    return difference_moments(part.shared, part.difference, part.square)


def interval_of(found: Comparison, shared: int, terms: Terms, method: str = "paired-t") -> Estimable:
    """The interval of a comparison, or why there is none."""
    reason: Reason | None = found.problem.item()
    if reason is not None:
        return NotEstimable(reason=reason, detail=_why_not(shared, terms))
    estimate, low, high = (float(x) for x in (found.difference, found.low, found.high))
    return Interval(estimate=estimate, low=low, high=high, level=1.0 - terms.alpha, method=method)


def _why_not(shared: int, terms: Terms) -> str:
    if shared < MIN_UNITS:
        noun, are = (_singular(terms.noun), "is") if shared == 1 else (terms.noun, "are")
        return f"only {shared} {noun} {are} shared, at least {MIN_UNITS} are needed"
    return f"the difference is the same in every {_singular(terms.noun)}, so nothing can be tested"


def effect_size_of(differences: Univariate, shared: int, terms: Terms) -> Estimable:
    """Cohen's d of paired differences with its interval, or why there is none."""
    found = cohen_dz(differences, terms.alpha)
    as_comparison = Comparison(found.estimate, found.low, found.high, found.estimate, found.problem)
    return interval_of(as_comparison, shared, terms, method="noncentral-t")


def _definition(against: Against, terms: Terms) -> str:
    return terms.definitions.get(against.metric, PAIRED)


def _counts(against: Against, part: ValueSums, terms: Terms) -> Mapping[str, int]:
    return {} if part.slice_name else terms.counts.get((against.model, against.metric), {})


def _lazy(against: Against, part: ValueSums, terms: Terms) -> Mapping[str, float]:
    """What lazy solutions get over all examples."""
    return {} if part.slice_name else terms.lazy.get(against.metric, {})


def _pooled(part: ValueSums, sides: Sequence[Evaluated]) -> tuple[str, ...]:
    if part.slice_name is not None or len(sides[0].splits) < 2:
        return ()
    return (f"pooled over splits {quoted_names(sorted(sides[0].splits))}",)


def _notes(against: Against, part: ValueSums, terms: Terms) -> tuple[str, ...]:
    found = [] if part.slice_name else list(terms.notes.get((against.model, against.metric), ()))
    if against.baseline is not None:
        found += few_notes(part.shared, terms)
    return tuple(found)


def few_notes(shared: int, terms: Terms) -> tuple[str, ...]:
    """What has to be said of a t over so few examples."""
    if not MIN_UNITS <= shared < FEW:
        return ()
    return (f"only {shared} {terms.noun}: the interval leans on their values being nearly normal",)
