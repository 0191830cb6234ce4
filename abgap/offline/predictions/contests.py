"""Binary predictions made into contests: each model's metrics, and the gain of each candidate over its baseline.

A candidate is held against its baseline over the examples that both have, by the test that fits the metric: paired t for
means, delta method for functions of counts, DeLong for ROC-AUC, the infinitesimal jackknife for average precision;
beside it, where the metric is made of sums, the paired bootstrap and the exchange test. Models with other examples are
not compared, unless the study asks for what they share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from abgap.engine.exact import centred
from abgap.engine.protocol import Engine
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
from abgap.offline.predictions.measured import (
    Measured,
    called,
    called_at_best,
    declared_threshold,
    why_unfit,
)
from abgap.offline.predictions.pairs import (
    Buckets,
    PairOrder,
    PairPart,
    PairTally,
    bucket_pairs,
    join_pairs,
    order_pairs,
    tally_pairs,
)
from abgap.records import Estimable, Interval, NotEstimable, Reason
from abgap.records.order import natural_order
from abgap.records.words import count, plural
from abgap.sources.sql import Sql
from abgap.stats.arrays import MIN_UNITS, finite_or_none
from abgap.stats.binary_lazy import lazy_of_counts, lazy_of_scores
from abgap.stats.classification import counts_of, paired_moments, value_of
from abgap.stats.effect_size import cohen_dz
from abgap.stats.moments import Univariate
from abgap.stats.paired import Comparison, paired_difference
from abgap.stats.paired_resampling import PairedSums, bootstrap_gains, exchange_p_values, mean_of_sums
from abgap.stats.roc import DifferenceSums, areas, average_precision_difference, delong

FEW = 30
"""With fewer examples of a label than this a value carries a note."""

_LOSS_OF = {"log_loss": "log_loss", "brier": "squared_error"}
_MEANS = frozenset({"accuracy", "expected_cost", *_LOSS_OF})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How contests are judged. shared: whether models with other examples are compared over those they share."""

    alpha: float
    seed: int
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tested:
    """A gain with both values, before it becomes a contest. moments: of differences by example, for a mean."""

    value: float | None
    base: float | None
    gain: Estimable
    p_value: float | None = None
    moments: Univariate | None = None


def make_contests(
    engine: Engine,
    measured: Measured,
    metrics: Sequence[BinaryMetric],
    pairs: Sequence[tuple[str, str]],
    judging: Judging,
) -> list[Contest]:
    """Contests of the pairs (model, baseline) in their order, then of models that are no candidate in any."""
    known = measured.predictions.models
    pairs = [pair for pair in pairs if set(pair) <= known.keys()]
    found = _of_pairs(engine, measured, metrics, pairs, judging) if pairs else []
    candidates = {model for model, _ in pairs}
    for model in sorted(known.keys() - candidates, key=natural_order):
        found += _alone(measured, metrics, model)
    return found


def _alone(measured: Measured, metrics: Sequence[BinaryMetric], model: str) -> list[Contest]:
    no_baseline = NotEstimable(reason=Reason.NOT_DECLARED, detail="the model is held against no other")
    return [
        _valued(measured, metric, part, no_baseline) for part in _parts(measured, model) for metric in metrics
    ]


def _parts(measured: Measured, model: str) -> list[Part]:
    """All examples first, then slices in the study's order."""
    places = {s.name: i for i, s in enumerate(measured.predictions.slices)}
    mine = [part for part in measured.tallies if part.model == model]
    return sorted(mine, key=lambda part: _place(places, part.slice_name, part.slice_value))


def _place(places: dict[str, int], name: str | None, value: str | None) -> tuple[object, ...]:
    return (-1,) if name is None else (places[name], natural_order(str(value)))


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
        gain=gain if found.reason is None else _undefined(found.reason),
        lazy=_lazy(measured, metric, tally.positives, tally.n) if found.value is not None else {},
        counts=_labels(tally.positives, tally.n),
        notes=_notes(tally.positives, tally.n),
    )


def _undefined(why: str) -> NotEstimable:
    return NotEstimable(reason=Reason.NOT_DEFINED, detail=why)


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
    join_pairs(engine, predictions, pairs)
    tallies, buckets = _tallied(engine, measured, metrics, pairs)
    needs_order = predictions.scored and any(metric.needs is Needs.ORDER for metric in metrics)
    orders = order_pairs(engine, predictions, pairs) if needs_order else {}
    found: list[Contest] = []
    for pair in pairs:
        why_not = _refusal(measured, tallies[""].get(PairPart(*pair)), pair, judging)
        if why_not is not None:
            found += [_refused(measured, metric, pair, why_not) for metric in metrics]
            continue
        whole = len(found)
        for part in _pair_parts(measured, tallies[""], pair):
            for metric in metrics:
                tally = tallies[_rule(metric)][part]
                tested = _tested(measured, metric, part, tally, orders.get(part), judging.alpha)
                found.append(_contest(measured, metric, part, tally, tested, judging.alpha))
        of_whole = found[whole : whole + len(metrics)]
        found[whole : whole + len(metrics)] = _resampled(of_whole, metrics, buckets, pair, judging)
    return found


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
    measured: Measured, whole: PairTally | None, pair: tuple[str, str], judging: Judging
) -> NotEstimable | None:
    """Why two models cannot be compared, None when they can."""
    model, base = (measured.predictions.models[side].usable for side in pair)
    shared = 0 if whole is None else whole.n
    if not shared:
        return NotEstimable(reason=Reason.NOT_MATCHED, detail="the two models share no example")
    if judging.shared or model == base == shared:
        return None
    detail = f"evaluated on {count(model)} examples, the baseline on {count(base)}, {count(shared)} shared"
    return NotEstimable(reason=Reason.NOT_MATCHED, detail=detail)


def _refused(measured: Measured, metric: BinaryMetric, pair: tuple[str, str], why: NotEstimable) -> Contest:
    """Both values as they are, which cannot be held against each other."""
    sides = [measured.value(metric, Part(side)).value for side in pair]
    mine = _valued(measured, metric, Part(pair[0]), why)
    return replace(
        mine,
        baseline=pair[1],
        baseline_value=sides[1],
        definition=_definition(measured, metric, pair),
        gain=why,
    )


def _pair_parts(
    measured: Measured, tallies: dict[PairPart, PairTally], pair: tuple[str, str]
) -> list[PairPart]:
    places = {s.name: i for i, s in enumerate(measured.predictions.slices)}
    mine = [part for part in tallies if part[:2] == pair]
    return sorted(mine, key=lambda part: _place(places, part.slice_name, part.slice_value))


def _tested(
    measured: Measured,
    metric: BinaryMetric,
    part: PairPart,
    tally: PairTally,
    order: PairOrder | None,
    alpha: float,
) -> _Tested:
    unfit = [why_unfit(measured.predictions, metric, side) for side in part[:2]]
    if any(unfit):
        return _Tested(value=None, base=None, gain=_undefined(next(why for why in unfit if why)))
    if metric.of_counts is not None:
        return _of_counts(metric, tally, alpha)
    if metric.base in _LOSS_OF:
        return _of_mean(metric, tally.losses[_LOSS_OF[metric.base]], alpha)
    if metric.needs is Needs.ORDER:
        return _of_order(metric, order, alpha)
    return _of_bins(measured, metric, part, tally)


def _of_counts(metric: BinaryMetric, tally: PairTally, alpha: float) -> _Tested:
    formula = metric.of_counts
    if formula is None:
        raise TypeError(f"{metric.name} is not of counts")
    sides = [counts_of(tally.decided.sum(axis=2)), counts_of(tally.decided.sum(axis=1))]
    value, base = (finite_or_none(value_of(formula, side)) for side in sides)
    if value is None or base is None:
        return _Tested(value=value, base=base, gain=_undefined(metric.undefined))
    moments = paired_moments(formula, tally.decided)
    found = paired_difference(moments, alpha)
    is_mean = metric.base in _MEANS
    fewest = tally.n if is_mean else min(tally.by_label)
    gain = _interval(found, alpha, "paired-t" if is_mean else "delta", fewest, is_mean=is_mean)
    p = finite_or_none(found.p_value) if isinstance(gain, Interval) else None
    return _Tested(value=value, base=base, gain=gain, p_value=p, moments=moments if is_mean else None)


def _of_mean(metric: BinaryMetric, sums: DifferenceSums, alpha: float) -> _Tested:
    if not sums.n:
        return _Tested(value=None, base=None, gain=_undefined(metric.undefined))
    n, total = np.array(sums.n), np.array(sums.difference)
    second = np.maximum(centred(np.array(sums.square), total, total, n), 0.0)
    moments = Univariate(n=n, mean=total / n, variance=second / np.maximum(n - 1.0, 1.0))
    found = paired_difference(moments, alpha)
    gain = _interval(found, alpha, "paired-t", int(sums.n), is_mean=True)
    return _Tested(
        value=sums.candidate / sums.n,
        base=sums.base / sums.n,
        gain=gain,
        p_value=finite_or_none(found.p_value),
        moments=moments,
    )


def _of_order(metric: BinaryMetric, order: PairOrder | None, alpha: float) -> _Tested:
    if order is None:
        return _Tested(value=None, base=None, gain=_undefined(metric.undefined))
    negatives, positives = order.placements
    if metric.base == "roc_auc":
        values, method = areas(positives, negatives), "delong"
        found = delong(positives, negatives, alpha)
    else:
        values = (order.precisions[0] / positives.n, order.precisions[1] / positives.n)
        method = "infinitesimal jackknife"
        found = average_precision_difference(order.influences[1], order.influences[0], values, alpha)
    gain = _interval(found, alpha, method, int(min(negatives.n, positives.n)), is_mean=False)
    return _Tested(value=values[0], base=values[1], gain=gain, p_value=finite_or_none(found.p_value))


def _of_bins(measured: Measured, metric: BinaryMetric, part: PairPart, tally: PairTally) -> _Tested:
    """Calibration errors side by side: they are biased upwards by chance, so that their difference is not tested."""
    sides = [Part(side, part.slice_name, part.slice_value) for side in part[:2]]
    complete = all(measured.tallies[side].n == tally.n for side in sides)
    values = [measured.value(metric, side).value if complete else None for side in sides]
    detail = "chance alone makes every calibration error larger, of the better model too; compare log loss or Brier score"
    return _Tested(
        value=values[0],
        base=values[1],
        gain=NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail=detail),
    )


def _interval(found: Comparison, alpha: float, method: str, fewest: int, *, is_mean: bool) -> Estimable:
    """The interval of a comparison, or why there is none. fewest: examples, of the rarer label unless it is a mean."""
    reason: Reason | None = found.problem.item()
    if fewest < MIN_UNITS:
        noun = "example" if is_mean else "example of the rarer label"
        detail = f"only {plural(fewest, noun) if is_mean else f'{fewest} examples of the rarer label'}"
        return NotEstimable(reason=Reason.TOO_FEW_UNITS, detail=f"{detail}, at least {MIN_UNITS} are needed")
    if reason is not None:
        return NotEstimable(reason=reason, detail="the two models do not differ, so nothing can be tested")
    estimate, low, high = (float(x) for x in (found.difference, found.low, found.high))
    return Interval(estimate=estimate, low=low, high=high, level=1.0 - alpha, method=method)


def _contest(
    measured: Measured,
    metric: BinaryMetric,
    part: PairPart,
    tally: PairTally,
    tested: _Tested,
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


def _resampled(
    contests: Sequence[Contest],
    metrics: Sequence[BinaryMetric],
    buckets: dict[str, dict[tuple[str, str], Buckets]],
    pair: tuple[str, str],
    judging: Judging,
) -> list[Contest]:
    """The contests over all examples with bootstrap and exchange test, where the metric is made of sums."""
    found = list(contests)
    sums = {
        i: made
        for i, metric in enumerate(metrics)
        if isinstance(contests[i].gain, Interval)
        and (made := _sums(metric, buckets[_rule(metric)].get(pair))) is not None
    }
    intervals = bootstrap_gains(list(sums.values()), alpha=judging.alpha, seed=judging.seed)
    p_values = exchange_p_values(list(sums.values()), seed=judging.seed)
    for i, interval, p in zip(sums, intervals, p_values, strict=True):
        found[i] = replace(found[i], bootstrap=interval, p_permutation=p)
    return found


def _sums(metric: BinaryMetric, buckets: Buckets | None) -> PairedSums | None:
    if buckets is None:
        return None
    if metric.of_counts is not None:
        formula = metric.of_counts
        return PairedSums(
            candidate=buckets.candidate,
            baseline=buckets.base,
            metric=lambda sums: np.asarray(formula(sums), dtype=np.float64),
        )
    loss = buckets.losses.get(_LOSS_OF.get(metric.base, ""))
    if loss is None:
        return None
    candidate, base = (np.stack([side, buckets.n], axis=-1) for side in loss)
    return PairedSums(candidate=candidate, baseline=base, metric=mean_of_sums)
