"""The A/A test of ``abgap selftest``: do the study's own tests find nothing among its own units divided at random?

The units of all arms are put together and divided anew in the engine, some hundred times; every division is compared
as the real one was. False positives beyond alpha mean that rows are not what was randomised, that units are
too few for the test, or that a metric is not what it seems: whatever it is, the study's p-values cannot be believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from abgap.errors import UsageError
from abgap.online.arm_checks import planned_weights
from abgap.online.rerandomised import Splits
from abgap.online.scorecard import Scorecard
from abgap.pipeline.analysis import Analysis
from abgap.records import Interval, Kind
from abgap.records.moments import FloatArray
from abgap.records.selftest import MetricLevel, ReRandomised, TestLevel
from abgap.records.words import count, plain, plural
from abgap.stats.uniformity import Level, binomial_interval, level_of
from abgap.study.model import Metric

DOUBT = 0.001
"""A level is doubted when chance alone would say so of one metric in so many; shared among the metrics."""
FEWEST_DRAWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SelftestRequest:
    """What is asked for. experiment: whose units, None for the one with most of them. draws: how often to divide."""

    experiment: str | None = None
    draws: int = 200


def why_not(analysis: Analysis) -> str | None:
    """Why units cannot be divided anew; None where they can."""
    if analysis.study.moments is not None:
        return "The study brings moments: there are no units that could be divided anew."
    wide = analysis.wide
    if wide is not None and not wide.has_units:
        return (
            "Units have no ids, by which they could be divided anew; map `unit` under [unit_values.columns]."
        )
    return None


def compare_units(analysis: Analysis, request: SelftestRequest) -> ReRandomised:
    """Divide the units of an experiment anew and compare, which ``why_not`` does not rule out.

    Raises UsageError when no experiment has units.
    """
    name, arms = _units(analysis, request.experiment)
    control = analysis.declared[name].control
    share, treatment = _split(analysis, name, arms)
    usable = {m: metric for m, metric in analysis.study.metrics.items() if _refusal(metric) is None}
    splits = Splits(
        experiment=name,
        control=control,
        treatment=treatment,
        control_share=share,
        metrics=tuple(usable),
        strata=tuple(dict.fromkeys(m.stratify_by for m in usable.values() if m.stratify_by)),
        draws=request.draws,
        seed=analysis.study.study.seed,
    )
    card = analysis.divided_anew(splits) if usable else None
    return ReRandomised(
        experiment=name,
        units=sum(arms.values()),
        split={control: share, treatment: 1.0 - share},
        draws=request.draws,
        alpha=analysis.study.study.alpha,
        metrics=tuple(_levels(analysis, card, request.draws)),
    )


def _units(analysis: Analysis, asked: str | None) -> tuple[str, Mapping[str, int]]:
    """The experiment whose units are divided, and what its arms have."""
    known = {e: analysis.counts[e].whole if e in analysis.counts else {} for e in analysis.declared}
    name = asked if asked is not None else max(known, key=lambda e: sum(known[e].values()))
    if not sum(known[name].values()):
        which = f"experiment {name!r} has no" if asked else "no experiment has"
        raise UsageError(f"{which} analysed units that could be divided anew")
    return name, known[name]


def _split(analysis: Analysis, name: str, arms: Mapping[str, int]) -> tuple[float, str]:
    """The share of control beside one treatment, as planned or else as seen, and the name of that treatment."""
    declared = analysis.declared[name]
    planned = planned_weights(declared, arms)
    weights: Mapping[str, float] = arms if planned is None else planned
    treatments = (f.treatments[0] for f in analysis.facts if f.name == name and f.treatments)
    treatment = next(treatments, f"not {declared.control}")
    sizes = [float(weights.get(arm, 0.0)) for arm in (declared.control, treatment)]
    return (sizes[0] / sum(sizes) if all(sizes) else 0.5), treatment


def _refusal(metric: Metric) -> str | None:
    """Why a metric is not compared in every draw."""
    if metric.kind is Kind.QUANTILE:
        return "quantiles are put in order, not added up: they are not divided anew"
    if metric.bootstrap:
        return "its test is a bootstrap, which is not made again for every draw"
    return None


def _levels(analysis: Analysis, card: Scorecard | None, draws: int) -> Iterator[MetricLevel]:
    head = analysis.study.study
    doubt = DOUBT / max(len(analysis.study.metrics), 1)
    one_sided = head.looks == "sequential"
    for name, metric in analysis.study.metrics.items():
        reason = _refusal(metric)
        found = None if card is None or reason is not None else _of_metric(card, name)
        if found is None or len(found.p) < FEWEST_DRAWS:
            of = 0 if found is None else len(found.p)
            yield _not_tested(
                name, metric, of, reason or f"there is a p-value in {of} of {plural(draws, 'draw')} only"
            )
            continue
        level = level_of(found.p, head.alpha)
        verdict = _verdict(level, head.alpha, doubt, may_be_few=one_sided)
        rate = level.found / level.count
        low, high = binomial_interval(level.found, level.count, 0.95)
        yield MetricLevel(
            metric=name,
            kind=metric.kind,
            verdict=verdict,
            draws=level.count,
            found=level.found,
            rate=Interval(estimate=rate, low=low, high=high, level=0.95, method="clopper-pearson"),
            coverage=found.coverage,
            uniformity_p=level.uniformity_p,
            sentence=_sentence(verdict, level, head.alpha, sequential=one_sided),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draws:
    """p of every draw that has one, and the share of their intervals that hold 0."""

    p: FloatArray
    coverage: float | None


def _of_metric(card: Scorecard, metric: str) -> _Draws:
    rows = card.pairs.treatment
    whole = np.array([value is None for value in card.moments.slice_name[rows]], dtype=bool)
    verdicts = card.numbers.verdicts
    chosen = whole & (card.moments.metric[rows] == metric) & np.isfinite(verdicts.p)
    low, high = verdicts.difference.low[chosen], verdicts.difference.high[chosen]
    held = (low <= 0.0) & (high >= 0.0)
    return _Draws(p=verdicts.p[chosen], coverage=float(held.mean()) if held.size else None)


def _not_tested(name: str, metric: Metric, draws: int, reason: str) -> MetricLevel:
    return MetricLevel(
        metric=name,
        kind=metric.kind,
        verdict=TestLevel.NOT_TESTED,
        draws=draws,
        found=0,
        rate=None,
        coverage=None,
        uniformity_p=None,
        sentence=f"Not tested: {reason}.",
    )


def _verdict(level: Level, alpha: float, doubt: float, *, may_be_few: bool) -> TestLevel:
    """What decides is how many are below alpha; the whole distribution tells sooner when it is off to that side.

    may_be_few: whether the test promises at most alpha at one look, as sequential ones do.
    """
    limit, expected = doubt / 2.0, alpha * level.count
    unlike = min(level.too_small_p, level.too_large_p) < limit
    if level.too_many_p < limit or (level.too_small_p < limit and level.found > expected):
        return TestLevel.TOO_MANY
    if not may_be_few and (level.too_few_p < limit or (unlike and level.found < expected)):
        return TestLevel.TOO_FEW
    return TestLevel.HOLDS


def _sentence(verdict: TestLevel, level: Level, alpha: float, *, sequential: bool) -> str:
    seen = (
        f"{count(level.found)} of {plural(level.count, 'comparison')} without an effect had p below {alpha:g}"
    )
    expected = f"{'at most ' if sequential else ''}{plain(alpha * level.count, decimals=0)} are expected"
    match verdict:
        case TestLevel.TOO_MANY:
            return (
                f"{seen}, {expected}: p-values are too small and intervals too short. Rows may not be what was "
                "randomised (several rows of one user), or too few units carry the metric."
            )
        case TestLevel.TOO_FEW:
            return (
                f"{seen}, {expected}: p-values are too large and effects are missed. "
                "A few very large values do that; a cap on the metric helps."
            )
    return f"{seen}, {expected}."
