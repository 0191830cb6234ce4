"""Sums of models made into contests: the value of each model, and the gain of each candidate over its baseline.

The mean of a term gets a paired t over examples, and the bootstrap and the exchange test beside it. Any other score has
no standard error of its own: its interval is that of the paired bootstrap, its p that of the exchange test. In slices
only those that need draws are drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from abgap.offline.candidates import with_correlations
from abgap.offline.contest import Contest
from abgap.offline.example_contests import (
    NO_BASELINE,
    Terms,
    effect_size_of,
    few_notes,
    interval_of,
    moments_of,
)
from abgap.offline.predictions.example_sets import ExampleSets
from abgap.offline.sums import ValueSums
from abgap.offline.tasks.metric import TaskMetric
from abgap.offline.tasks.sums import ModelSums, PairSums, Part
from abgap.records import Estimable, NotEstimable, Reason, words
from abgap.stats.arrays import finite_or_none
from abgap.stats.moments import Univariate
from abgap.stats.paired import paired_difference
from abgap.stats.paired_resampling import PairedSums, bootstrap_gains, exchange_p_values

Lazies: TypeAlias = Mapping[tuple[str, Part], Mapping[str, float]]
"""Of a metric over the examples of a part: its value for each predictor that learnt nothing, by name."""

WHOLE: Part = (None, None)
# Sums by bucket that are drawn at a time: with 4,096 buckets 16 MB.
_COLUMNS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """Who is held against whom, and how that is judged.

    pairs: (model, baseline). alone: models that stand without a baseline too. terms: level, seed, and whether models
    with other examples are compared over those they share. sets: the examples of pairs that have empty predictions.
    """

    terms: Terms
    pairs: Sequence[tuple[str, str]] = ()
    alone: Collection[str] = ()
    sets: Mapping[tuple[str, str], ExampleSets] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What resampling says of a gain. Where every draw gives the same gain there is nothing to test, and no p."""

    bootstrap: Estimable
    p_value: float | None

    @classmethod
    def of(cls, bootstrap: Estimable, p_value: float | None) -> Drawn:
        """Both, without the p-value of a gain that does not vary."""
        constant = isinstance(bootstrap, NotEstimable) and bootstrap.reason is Reason.ZERO_VARIANCE
        return cls(bootstrap=bootstrap, p_value=None if constant else p_value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The main test of a gain, and what goes with it."""

    gain: Estimable
    p_value: float | None = None
    effect_size: Estimable | None = None
    sd: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two models over the examples of a part. evaluated: examples of the model and of the baseline in it."""

    model: str
    baseline: str
    part: Part
    shared: int
    evaluated: tuple[int, int]

    @property
    def sets(self) -> ExampleSets:
        """The examples of both where each of them has a prediction."""
        return ExampleSets(model=self.evaluated[0], baseline=self.evaluated[1], shared=self.shared)


def contests_of(
    models: Sequence[ModelSums],
    pairs: Sequence[PairSums],
    metrics: Sequence[TaskMetric],
    procedure: Procedure,
    lazies: Lazies,
) -> list[Contest]:
    """One contest per model that stands alone, part and metric, and one per pair, part and metric."""
    found = [
        alone(sums.model, sums.part, sums.n, metric, _value(metric, sums.sums, sums.n), lazies)
        for sums in models
        if sums.model in procedure.alone
        for metric in metrics
    ]
    counts = {(sums.model, sums.part): sums.n for sums in models}
    by_pair: dict[tuple[str, str], list[PairSums]] = {pair: [] for pair in procedure.pairs}
    for pair in pairs:
        by_pair[pair.model, pair.baseline].append(pair)
    comparable = {}
    for (model, baseline), parts in by_pair.items():
        who = _compared(model, baseline, WHOLE, sum(int(p.n.sum()) for p in parts if p.part == WHOLE), counts)
        sets = procedure.sets.get((model, baseline), who.sets)
        refusal = sets.refusal(who.shared, shared=procedure.terms.shared)
        if refusal is not None:
            found += [refused(who, sets, metric, refusal) for metric in metrics]
        else:
            comparable[model, baseline] = parts
    drawn = _draw([pair for parts in comparable.values() for pair in parts], metrics, procedure.terms)
    sums: dict[int, PairedSums] = {}
    for (model, baseline), parts in comparable.items():
        for pair in parts:
            who = _compared(model, baseline, pair.part, int(pair.n.sum()), counts)
            if pair.part == WHOLE:
                sums |= {len(found) + i: _drawable(pair, metric) for i, metric in enumerate(metrics)}
            found += [_judged(pair, who, metric, drawn, procedure.terms, lazies) for metric in metrics]
    return with_correlations(found, sums)


def _compared(
    model: str, baseline: str, part: Part, shared: int, counts: Mapping[tuple[str, Part], int]
) -> Compared:
    evaluated = (counts.get((model, part), 0), counts.get((baseline, part), 0))
    return Compared(model=model, baseline=baseline, part=part, shared=shared, evaluated=evaluated)


def _judged(
    pair: PairSums,
    who: Compared,
    metric: TaskMetric,
    drawn: Mapping[tuple[int, str], Drawn],
    terms: Terms,
    lazies: Lazies,
) -> Contest:
    values = [
        _value(metric, {name: float(column.sum()) for name, column in side.items()}, who.shared)
        for side in (pair.candidate, pair.base)
    ]
    of_draws = drawn.get((id(pair), metric.name))
    return compared(
        who, metric, (values[0], values[1]), _tested(pair, metric, of_draws, terms), of_draws, lazies
    )


def alone(model: str, part: Part, n: int, metric: TaskMetric, value: float | None, lazies: Lazies) -> Contest:
    """A model that is held against none."""
    return Contest(
        model=model,
        baseline=None,
        metric=metric.name,
        definition=metric.definition,
        slice_name=part[0],
        slice_value=part[1],
        n=n,
        value=value,
        baseline_value=None,
        gain=NO_BASELINE if value is not None else undefined(metric),
        lazy=lazies.get((metric.name, part), {}),
    )


def compared(
    who: Compared,
    metric: TaskMetric,
    values: tuple[float | None, float | None],
    tested: Tested,
    drawn: Drawn | None,
    lazies: Lazies,
) -> Contest:
    """A candidate beside its baseline."""
    if None in values:
        tested, drawn = Tested(gain=undefined(metric)), None
    return Contest(
        model=who.model,
        baseline=who.baseline,
        metric=metric.name,
        definition=metric.definition,
        slice_name=who.part[0],
        slice_value=who.part[1],
        n=who.shared,
        skipped=sum(who.evaluated) - 2 * who.shared,
        value=values[0],
        baseline_value=values[1],
        gain=tested.gain,
        p_value=tested.p_value,
        bootstrap=drawn.bootstrap if drawn else None,
        p_permutation=drawn.p_value if drawn else None,
        effect_size=tested.effect_size,
        sd=tested.sd,
        lazy=lazies.get((metric.name, who.part), {}),
        notes=tested.notes,
    )


def refused(who: Compared, sets: ExampleSets, metric: TaskMetric, why: NotEstimable) -> Contest:
    """Two models that were evaluated on different examples, with the counts."""
    return Contest(
        model=who.model,
        baseline=who.baseline,
        metric=metric.name,
        definition=metric.definition,
        n=0,
        skipped=sum(who.evaluated),
        value=None,
        baseline_value=None,
        gain=why,
        counts={
            "examples of the model": sets.model,
            "examples of the baseline": sets.baseline,
            "shared examples": sets.shared,
        },
    )


def undefined(metric: TaskMetric) -> NotEstimable:
    """Why a metric has no value."""
    return NotEstimable(reason=Reason.NOT_DEFINED, detail=metric.undefined)


def lazies_of(models: Sequence[ModelSums], metrics: Sequence[TaskMetric]) -> Lazies:
    """The sums of lazy predictors, each a model of its own, made into their values."""
    found: dict[tuple[str, Part], dict[str, float]] = {}
    for sums in models:
        for metric in metrics:
            value = _value(metric, sums.sums, sums.n)
            if value is not None:
                found.setdefault((metric.name, sums.part), {})[sums.model] = value
    return found


def _value(metric: TaskMetric, sums: Mapping[str, float], n: int) -> float | None:
    given = np.array([*(sums[name] for name in metric.score.terms), float(n)])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return finite_or_none(float(metric.score.of(given)))


def _tested(pair: PairSums, metric: TaskMetric, drawn: Drawn | None, terms: Terms) -> Tested:
    if metric.score.mean and pair.together is not None:
        return _clustered_t(pair, metric.score.terms[0], pair.together, terms)
    if metric.score.mean:
        return _paired_t(pair, metric.score.terms[0], terms)
    if drawn is None:
        return Tested(gain=undefined(metric))
    notes = () if pair.together is None else _together_notes(len(pair.n), pair.together, terms)
    return Tested(gain=drawn.bootstrap, p_value=drawn.p_value, notes=notes)


def _paired_t(pair: PairSums, term: str, terms: Terms) -> Tested:
    shared = int(pair.n.sum())
    sums = [float(side[term].sum()) for side in (pair.candidate, pair.base)]
    differences = moments_of(
        ValueSums(
            slice_name=pair.part[0],
            slice_value=pair.part[1],
            evaluated=shared,
            shared=shared,
            candidate=sums[0],
            base=sums[1],
            difference=float((pair.candidate[term] - pair.base[term]).sum()),
            square=pair.squares[term],
        )
    )
    found = paired_difference(differences, terms.alpha)
    spread = float(differences.variance)
    return Tested(
        gain=interval_of(found, shared, terms),
        p_value=finite_or_none(found.p_value),
        effect_size=effect_size_of(differences, shared, terms),
        sd=spread**0.5 if spread > 0.0 else None,
        notes=few_notes(shared, terms),
    )


def _clustered_t(pair: PairSums, term: str, together: str, terms: Terms) -> Tested:
    """The t of a mean over examples that vary by bucket: clusters, with the variance of a ratio of their sums."""
    gaps, buckets, n = pair.candidate[term] - pair.base[term], len(pair.n), pair.n.sum()
    mean = gaps.sum() / n
    spread = float(((gaps - mean * pair.n) ** 2).sum())
    # The variance of one cluster, so that over the clusters it is that of the mean.
    variance = spread * buckets**2 / (n**2 * (buckets - 1.0)) if buckets > 1 else np.nan
    differences = Univariate(n=np.array(float(buckets)), mean=np.array(mean), variance=np.array(variance))
    found = paired_difference(differences, terms.alpha)
    return Tested(
        gain=interval_of(found, buckets, replace(terms, noun=together)),
        p_value=finite_or_none(found.p_value),
        notes=_together_notes(buckets, together, terms),
    )


def _together_notes(buckets: int, together: str, terms: Terms) -> tuple[str, ...]:
    """What has to be said of examples that are tested in groups. together: what the groups are."""
    note = f"tested over {words.count(buckets)} {together}: examples of one go together"
    return (note, *few_notes(buckets, replace(terms, noun=together)))


def _draw(
    pairs: Iterable[PairSums], metrics: Sequence[TaskMetric], terms: Terms
) -> dict[tuple[int, str], Drawn]:
    """Resample every gain that needs it, some at a time."""
    wanted = [
        ((id(pair), metric.name), _drawable(pair, metric))
        for pair in pairs
        for metric in metrics
        if pair.part == WHOLE or not metric.score.mean
    ]
    found: dict[tuple[int, str], Drawn] = {}
    chunk: list[tuple[tuple[int, str], PairedSums]] = []
    for i, (key, sums) in enumerate(wanted):
        chunk.append((key, sums))
        if i + 1 == len(wanted) or sum(s.candidate.shape[1] for _, s in chunk) * 2 > _COLUMNS:
            drawn = draw([s for _, s in chunk], terms)
            found |= {k: d for (k, _), d in zip(chunk, drawn, strict=True)}
            chunk = []
    return found


def draw(pairs: Sequence[PairedSums], terms: Terms) -> list[Drawn]:
    """Bootstrap and exchange test of each pair."""
    bootstrap = bootstrap_gains(pairs, alpha=terms.alpha, seed=terms.seed)
    p_values = exchange_p_values(pairs, seed=terms.seed)
    return [Drawn.of(b, p) for b, p in zip(bootstrap, p_values, strict=True)]


def _drawable(pair: PairSums, metric: TaskMetric) -> PairedSums:
    sides = (
        np.column_stack([*(side[name] for name in metric.score.terms), pair.n])
        for side in (pair.candidate, pair.base)
    )
    candidate, baseline = (np.asarray(side, dtype=np.float64) for side in sides)
    return PairedSums(candidate=candidate, baseline=baseline, metric=metric.score.of)
