"""Binary predictions made into contests: each model's metrics, and the gain of each candidate over its baseline.

A candidate is held against its baseline over the examples that both have, by the test that fits the metric; beside it,
where the metric is made of sums, the paired bootstrap and the exchange test. Models with other examples are not
compared, unless the study asks for what they share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from abgap.engine.protocol import Engine
from abgap.offline.candidates import with_correlations
from abgap.offline.contest import Contest
from abgap.offline.predictions.cells import Part
from abgap.offline.predictions.definitions import (
    COST_OPTIMAL,
    BinaryMetric,
    Needs,
    decisions_at,
    decisions_at_best,
    definition_of,
)
from abgap.offline.predictions.example_sets import ExampleSets, read_example_sets
from abgap.offline.predictions.gains import Tested, judge_gain, sums_of, undefined
from abgap.offline.predictions.measured import (
    Measured,
    called,
    called_at_best,
    declared_threshold,
    why_unfit,
)
from abgap.offline.predictions.pair_order import order_pairs
from abgap.offline.predictions.pairs import (
    Buckets,
    PairPart,
    PairTally,
    bucket_pairs,
    join_pairs,
    tally_pairs,
)
from abgap.records import Estimable, Interval, NotEstimable, Reason
from abgap.records.order import natural_order
from abgap.records.words import plural
from abgap.sources.sql import Sql
from abgap.stats.binary_lazy import lazy_of_counts, lazy_of_scores
from abgap.stats.effect_size import cohen_dz
from abgap.stats.moments import Univariate
from abgap.stats.paired_resampling import PairedSums, bootstrap_gains, exchange_p_values

FEW = 30
"""With fewer examples of a label than this a value carries a note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How contests are judged. shared: whether models with other examples are compared over those they share."""

    alpha: float
    seed: int
    shared: bool = False


def make_contests(
    engine: Engine,
    measured: Measured,
    metrics: Sequence[BinaryMetric],
    against: Sequence[tuple[str, str | None]],
    judging: Judging,
) -> list[Contest]:
    """Contests of all models, in the order of ``against``: each with its baseline, None for a model by itself."""
    pairs = [(model, baseline) for model, baseline in against if baseline is not None]
    found = _of_pairs(engine, measured, metrics, pairs, judging) if pairs else []
    for model, baseline in against:
        if baseline is None:
            found += _alone(measured, metrics, model)
    return found


def _alone(measured: Measured, metrics: Sequence[BinaryMetric], model: str) -> list[Contest]:
    no_baseline = NotEstimable(reason=Reason.NOT_DECLARED, detail="the model is held against no other")
    return [
        _valued(measured, metric, part, no_baseline)
        for part in _parts(measured, model)
        for metric in metrics
        if part.slice_name is None or why_unfit(measured.predictions, metric, model) is None
    ]


def _parts(measured: Measured, model: str) -> list[Part]:
    """All examples first, then slices in the study's order."""
    places = {s.name: i for i, s in enumerate(measured.predictions.slices)}
    mine = [part for part in measured.tallies if part.model == model]
    return sorted(mine, key=lambda part: _place(places, part.slice_name, part.slice_value))


def _place(places: dict[str, int], name: str | None, value: str | None) -> tuple[object, ...]:
    return (-1,) if name is None else (places[name], value is None, natural_order(value or ""))


def _valued(measured: Measured, metric: BinaryMetric, part: Part, gain: NotEstimable) -> Contest:
    """A model by itself."""
    found = measured.value(metric, part)
    tally = measured.tally(metric, part)
    predicted = measured.predictions.models[part.model]
    return Contest(
        model=part.model,
        baseline=None,
        metric=metric.name,
        definition=_definition(measured, metric, [part.model]),
        slice_name=part.slice_name,
        slice_value=part.slice_value,
        n=tally.n,
        skipped=predicted.skipped if part.slice_name is None else 0,
        value=found.value,
        baseline_value=None,
        gain=gain if found.reason is None else undefined(found.reason),
        lazy=_lazy(measured, metric, tally.positives, tally.n) if found.value is not None else {},
        counts=_labels(tally.positives, tally.n),
        notes=_notes(tally.positives, tally.n),
    )


def _definition(measured: Measured, metric: BinaryMetric, models: Iterable[str]) -> str:
    if metric.needs is not Needs.DECISION:
        return definition_of(metric, None)
    if metric.name.endswith(COST_OPTIMAL):
        thresholds = [measured.cheapest[model].threshold for model in models]
        return definition_of(metric, decisions_at_best(thresholds))
    return definition_of(metric, decisions_at(measured.predictions))


def _lazy(measured: Measured, metric: BinaryMetric, positives: int, n: int) -> dict[str, float]:
    if not n:
        return {}
    if metric.of_counts is None:
        return lazy_of_scores(metric.base, positives, n)
    return lazy_of_counts(metric.of_counts, positives, n, threshold=declared_threshold(measured.predictions))


def _labels(positives: int, n: int) -> dict[str, int]:
    return {"positives": positives, "negatives": n - positives}


def _notes(positives: int, n: int) -> tuple[str, ...]:
    """The small-slice guard: few examples of a label make every metric uncertain."""
    few = {"positive": positives, "negative": n - positives}
    return tuple(
        f"only {plural(number, f'{label} example')}: the value may be far off"
        for label, number in few.items()
        if number < FEW
    )


def _of_pairs(
    engine: Engine,
    measured: Measured,
    metrics: Sequence[BinaryMetric],
    pairs: Sequence[tuple[str, str]],
    judging: Judging,
) -> list[Contest]:
    predictions = measured.predictions
    sets = read_example_sets(engine, predictions, pairs)
    join_pairs(engine, predictions, pairs)
    tallies, buckets = _tallied(engine, measured, metrics, pairs)
    needs_order = predictions.scored and any(metric.needs is Needs.ORDER for metric in metrics)
    orders = order_pairs(engine, predictions, pairs) if needs_order else {}
    found: list[Contest] = []
    sums: dict[int, PairedSums] = {}
    for pair in pairs:
        why_not = _refusal(measured, tallies[""].get(PairPart(*pair)), pair, sets.get(pair), judging)
        if why_not is not None:
            found += [_refused(measured, metric, pair, why_not) for metric in metrics]
            continue
        whole = len(found)
        for part in _pair_parts(measured, tallies[""], pair):
            for metric in metrics:
                if part.slice_name is not None and _is_unfit(measured, metric, pair):
                    continue
                tally = tallies[_rule(metric)][part]
                tested = judge_gain(measured, metric, part, tally, orders.get(part), judging.alpha)
                found.append(_contest(measured, metric, part, tally, tested, judging.alpha))
        of_whole = found[whole : whole + len(metrics)]
        drawn = _drawable(of_whole, metrics, buckets, pair)
        found[whole : whole + len(metrics)] = _resampled(of_whole, drawn, judging)
        sums |= {whole + i: made for i, made in drawn.items()}
    return with_correlations(found, sums)


def _is_unfit(measured: Measured, metric: BinaryMetric, pair: tuple[str, str]) -> bool:
    """Whether a metric has no value for either model, which is said once and not in every slice."""
    return any(why_unfit(measured.predictions, metric, side) is not None for side in pair)


def _rule(metric: BinaryMetric) -> str:
    return COST_OPTIMAL if metric.name.endswith(COST_OPTIMAL) else ""


def _tallied(
    engine: Engine, measured: Measured, metrics: Sequence[BinaryMetric], pairs: Sequence[tuple[str, str]]
) -> tuple[dict[str, dict[PairPart, PairTally]], dict[str, dict[tuple[str, str], Buckets]]]:
    """Sums by slice and by bucket, at the declared threshold and where wanted at the cost-optimal ones."""
    predictions, cheapest = measured.predictions, measured.cheapest
    scores = (Sql("candidate"), Sql("base"))
    rules = {"": (called(predictions, scores[0]), called(predictions, scores[1]))}
    if any(_rule(metric) for metric in metrics):
        rules[COST_OPTIMAL] = (
            called_at_best(cheapest, Sql("model"), scores[0]),
            called_at_best(cheapest, Sql("baseline"), scores[1]),
        )
    tallies = {rule: tally_pairs(engine, predictions, pairs, decided) for rule, decided in rules.items()}
    buckets = {rule: bucket_pairs(engine, predictions, pairs, decided) for rule, decided in rules.items()}
    return tallies, buckets


def _refusal(
    measured: Measured,
    whole: PairTally | None,
    pair: tuple[str, str],
    sets: ExampleSets | None,
    judging: Judging,
) -> NotEstimable | None:
    """Why two models cannot be compared, None when they can. sets: None where every example has a score."""
    model, base = (measured.predictions.models[side].usable for side in pair)
    both = 0 if whole is None else whole.n
    evaluated = ExampleSets(model=model, baseline=base, shared=both) if sets is None else sets
    return evaluated.refusal(both, shared=judging.shared)


def _refused(measured: Measured, metric: BinaryMetric, pair: tuple[str, str], why: NotEstimable) -> Contest:
    """The model's own value. Without the baseline's, lest anybody takes the difference of what cannot be compared."""
    mine = _valued(measured, metric, Part(pair[0]), why)
    return replace(mine, baseline=pair[1], definition=_definition(measured, metric, pair), gain=why)


def _pair_parts(
    measured: Measured, tallies: dict[PairPart, PairTally], pair: tuple[str, str]
) -> list[PairPart]:
    places = {s.name: i for i, s in enumerate(measured.predictions.slices)}
    mine = [part for part in tallies if part[:2] == pair]
    return sorted(mine, key=lambda part: _place(places, part.slice_name, part.slice_value))


def _contest(
    measured: Measured,
    metric: BinaryMetric,
    part: PairPart,
    tally: PairTally,
    tested: Tested,
    alpha: float,
) -> Contest:
    negatives, positives = tally.by_label
    evaluated = [measured.predictions.models[side] for side in part[:2]]
    skipped = sum(side.rows - tally.n for side in evaluated) if part.slice_name is None else 0
    moments = tested.moments
    spread = 0.0 if moments is None else float(moments.variance)
    return Contest(
        model=part.model,
        baseline=part.baseline,
        metric=metric.name,
        definition=_definition(measured, metric, part[:2]),
        slice_name=part.slice_name,
        slice_value=part.slice_value,
        n=tally.n,
        skipped=skipped,
        value=tested.value,
        baseline_value=tested.base,
        gain=tested.gain,
        p_value=tested.p_value,
        effect_size=_effect_size(moments, alpha) if isinstance(tested.gain, Interval) else None,
        sd=spread**0.5 if spread > 0.0 else None,
        lazy=_lazy(measured, metric, positives, tally.n) if tested.value is not None else {},
        counts=_labels(positives, positives + negatives),
        notes=_notes(positives, positives + negatives),
    )


def _effect_size(moments: Univariate | None, alpha: float) -> Estimable | None:
    if moments is None:
        return None
    found = cohen_dz(moments, alpha)
    if found.problem.item() is not None:
        return None
    estimate, low, high = (float(x) for x in found[:3])
    return Interval(estimate=estimate, low=low, high=high, level=1.0 - alpha, method="noncentral-t")


def _drawable(
    contests: Sequence[Contest],
    metrics: Sequence[BinaryMetric],
    buckets: dict[str, dict[tuple[str, str], Buckets]],
    pair: tuple[str, str],
) -> dict[int, PairedSums]:
    """The sums by bucket of the contests over all examples whose metric is made of sums, by their place."""
    return {
        i: made
        for i, metric in enumerate(metrics)
        if isinstance(contests[i].gain, Interval)
        and (made := sums_of(metric, buckets[_rule(metric)].get(pair))) is not None
    }


def _resampled(contests: Sequence[Contest], sums: dict[int, PairedSums], judging: Judging) -> list[Contest]:
    """The contests over all examples with bootstrap and exchange test, where the metric is made of sums."""
    found = list(contests)
    intervals = bootstrap_gains(list(sums.values()), alpha=judging.alpha, seed=judging.seed)
    p_values = exchange_p_values(list(sums.values()), seed=judging.seed)
    for i, interval, p in zip(sums, intervals, p_values, strict=True):
        found[i] = replace(found[i], bootstrap=interval, p_permutation=p)
    return found
