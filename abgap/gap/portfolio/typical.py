"""The typical lift of every business metric, and each arm's lift beside the others, in records.

Everything is computed on the scale of log ratios and told as lifts; the spread stays on that scale, which for lifts of
a few percent is the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.records import Interval, NotEstimable, Reason
from abgap.records.portfolio import ShrunkLift, TypicalLift
from abgap.records.words import label, percent, percent_interval, plural
from abgap.stats.arrays import Bounds, finite_or_none
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.meta import FEWEST, Meta, shrunk_lifts, significance_of, typical
from abgap.stats.tails import normal_bounds


def typical_lifts(data: PortfolioData) -> Iterator[TypicalLift]:
    """One record for each business metric, over trusted arms whose error is known."""
    for axis in data.positions(AxisKind.BUSINESS):
        effects = data.effects.axes([axis])
        used = data.trusted & effects.with_errors & (effects.covariances[:, 0, 0] > 0.0)
        unknown = int((data.trusted & effects.measured & ~effects.with_errors).sum())
        yield _typical(data, axis, used, unknown)


def _typical(
    data: PortfolioData, axis: int, used: np.ndarray[tuple[int], np.dtype[np.bool_]], unknown: int
) -> TypicalLift:
    name = data.axes[axis].name
    effects = data.effects.axes([axis]).take(used)
    found = typical(effects, alpha=data.alpha)
    if found is None:
        return _refused(name, effects, unknown)
    return TypicalLift(
        business_metric=name,
        experiments=effects.experiments,
        arms=len(effects),
        mean=_lift(data, axis, found.mean, found.low, found.high, "reml, hartung-knapp"),
        prediction=_lift(
            data, axis, found.mean, found.prediction_low, found.prediction_high, "posterior of the spread"
        ),
        tau={method: tau_squared**0.5 for method, tau_squared in found.tau_squared.items()},
        q=found.q,
        df=found.freedom,
        p_value=found.p_value,
        i_squared=found.i_squared,
        shrunk=tuple(_shrunk(data, axis, used, effects, found)),
        sentence=_sentence(data, axis, effects, found, unknown),
    )


def _refused(name: str, effects: Effects, unknown: int) -> TypicalLift:
    detail = (
        f"{plural(effects.experiments, 'experiment')} with a lift of {label(name)} and its standard error, at least "
        f"{FEWEST} are needed"
    )
    why = NotEstimable(reason=Reason.TOO_FEW_EXPERIMENTS, detail=detail)
    return TypicalLift(
        business_metric=name,
        experiments=effects.experiments,
        arms=len(effects),
        mean=why,
        prediction=why,
        tau={},
        q=None,
        df=None,
        p_value=None,
        i_squared=None,
        sentence=f"No typical lift of {label(name)}: {detail}.{_left_out(unknown)}",
    )


def _lift(data: PortfolioData, axis: int, estimate: float, low: float, high: float, method: str) -> Interval:
    """A log ratio as lift."""
    estimate, low, high = (
        float(data.axes[axis].relative(np.asarray(each))) for each in (estimate, low, high)
    )
    return Interval(estimate=estimate, low=low, high=high, level=data.level_of_confidence, method=method)


def _shrunk(
    data: PortfolioData,
    axis: int,
    used: np.ndarray[tuple[int], np.dtype[np.bool_]],
    effects: Effects,
    found: Meta,
) -> Iterator[ShrunkLift]:
    """One record for each arm, in their order."""
    lifts = shrunk_lifts(effects)
    if lifts is None:
        return
    errors = effects.errors[:, 0]
    wrong = significance_of(found, errors, alpha=data.alpha)
    raw = _lifts(data.axes[axis], normal_bounds(effects.values[:, 0], errors, data.alpha))
    shrunk = _lifts(data.axes[axis], normal_bounds(lifts.effect, lifts.deviation, data.alpha))
    columns = (lifts.above_zero.tolist(), wrong.type_s.tolist(), wrong.type_m.tolist())
    names = [data.names[at] for at in effects.experiment.tolist()]
    level = data.level_of_confidence
    arms = zip(names, data.treatment[used].tolist(), raw, shrunk, *columns, strict=True)
    for experiment, treatment, measured, pulled, above, type_s, type_m in arms:
        yield ShrunkLift(
            experiment=experiment,
            treatment=treatment,
            raw=_interval(measured, level, "normal on logs"),
            shrunk=_interval(pulled, level, "empirical bayes"),
            probability_positive=above,
            type_s=finite_or_none(type_s),
            type_m=finite_or_none(type_m),
        )


def _lifts(axis: Axis, bounds: Bounds) -> list[list[float]]:
    """Estimate, low and high of each arm as lifts."""
    found: list[list[float]] = axis.relative(np.column_stack(bounds)).tolist()
    return found


def _interval(bounds: list[float], level: float, method: str) -> Interval:
    estimate, low, high = bounds
    return Interval(estimate=estimate, low=low, high=high, level=level, method=method)


def _sentence(data: PortfolioData, axis: int, effects: Effects, found: Meta, unknown: int) -> str:
    name = data.axes[axis].name
    mean = _lift(data, axis, found.mean, found.low, found.high, "")
    ahead = _lift(data, axis, found.mean, found.prediction_low, found.prediction_high, "")
    spread = found.tau_squared["reml"] ** 0.5
    differ = (
        f"true lifts differ by {percent(spread, decimals=2)} (standard deviation)"
        if spread > 0.0
        else "no difference between true lifts is seen beyond their errors"
    )
    settled = "" if mean.excludes_zero() else ", which does not settle its sign"
    return (
        f"Over {plural(effects.experiments, 'experiment')} the typical lift of {label(name)} is "
        f"{percent_interval(mean)}{settled}; {differ}, and the true lift of the next experiment is expected within "
        f"{percent_interval(ahead)}.{_left_out(unknown)}"
    )


def _left_out(unknown: int) -> str:
    return f" {plural(unknown, 'arm')} without a standard error not counted." if unknown else ""
