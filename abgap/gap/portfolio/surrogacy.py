"""Two associations of a quick metric with a business metric side by side, and why they differ.

That users who click more buy more says something of users; whether a change that brings clicks brings revenue, only
experiments say. Both are shown, because the first is what most people have seen, and the second what a launch rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from abgap.gap.portfolio.data import PortfolioData
from abgap.gap.portfolio.joint_errors import KnownErrors
from abgap.records import Estimable, Interval, NotEstimable, Portfolio, Reason
from abgap.records.portfolio import PairFit, PredictorSide, Surrogacy
from abgap.records.words import label, plain_interval, plural
from abgap.stats.arrays import Bounds
from abgap.stats.moments import Joint
from abgap.stats.portfolio.surrogacy import FEWEST, Individual, individual_association

_OF_UNITS = "the mean over experiments, by t"


def with_surrogacy(found: Portfolio, data: PortfolioData, known: KnownErrors) -> Portfolio:
    """The portfolio with both associations in every pair of online metrics."""
    return replace(found, pairs=tuple(_with_surrogacy(pair, data, known) for pair in found.pairs))


def _with_surrogacy(pair: PairFit, data: PortfolioData, known: KnownErrors) -> PairFit:
    if pair.side is not PredictorSide.PROXY or pair.noise_corrected is None:
        return pair
    names = pair.predictor, pair.business_metric
    individual = _individual(names, data, known)
    correlation = _told(individual, individual.correlation, data.alpha)
    slope = _told(individual, individual.slope, data.alpha)
    corrected = pair.noise_corrected
    return replace(
        pair,
        surrogacy=Surrogacy(
            predictor=pair.predictor,
            business_metric=pair.business_metric,
            units=individual.units or None,
            individual_correlation=correlation,
            individual_slope=slope,
            experiment_correlation=corrected.correlation,
            experiment_slope=corrected.slope,
            sentence=_sentence(names, slope, corrected.slope),
        ),
    )


def _individual(names: tuple[str, str], data: PortfolioData, known: KnownErrors) -> Individual:
    """The association over the units of all arms of experiments without a failed check."""
    arms = _arms(data, known.controls) if known.crosses else {}
    sign = float(known.signs[names[0]] * known.signs[names[1]])
    parts: list[tuple[float, list[float], list[list[float]], int]] = []
    for each in known.crosses:
        if not set(names) <= set(each.metrics):
            continue
        at = np.array([each.entries.index((name, 0)) for name in names])
        for arm in [arm for arm in arms if arm in each.where]:
            row, experiment = each.where[arm], arms.pop(arm)
            square = each.joint.covariances[row][np.ix_(at, at)] * np.array([[1.0, sign], [sign, 1.0]])
            parts.append(
                (float(each.joint.n[row]), each.joint.means[row, at].tolist(), square.tolist(), experiment)
            )
    return individual_association(
        Joint(
            n=np.array([part[0] for part in parts], dtype=np.float64),
            means=np.array([part[1] for part in parts], dtype=np.float64).reshape(-1, 2),
            covariances=np.array([part[2] for part in parts], dtype=np.float64).reshape(-1, 2, 2),
        ),
        np.array([part[3] for part in parts], dtype=np.intp),
        data.alpha,
    )


def _arms(data: PortfolioData, controls: Mapping[str, str]) -> dict[tuple[str, str], int]:
    """Experiment and variant of all arms that count, with the position of their experiment."""
    found: dict[tuple[str, str], int] = {}
    for at, treatment, trusted in zip(data.effects.experiment, data.treatment, data.trusted, strict=True):
        name = data.names[at]
        if trusted and name in controls:
            found[name, controls[name]] = int(at)
            found[name, str(treatment)] = int(at)
    return found


def _told(individual: Individual, bounds: Bounds | None, alpha: float) -> Estimable:
    if bounds is not None:
        estimate, low, high = (float(bound) for bound in bounds)
        return Interval(estimate=estimate, low=low, high=high, level=1.0 - alpha, method=_OF_UNITS)
    if not individual.experiments:
        detail = "it is not known how the values of units go together"
        return NotEstimable(reason=Reason.NO_VARIANCE_GIVEN, detail=detail)
    known = plural(individual.experiments, "experiment")
    return NotEstimable(
        reason=Reason.TOO_FEW_EXPERIMENTS,
        detail=f"values of units are known of {known}, at least {FEWEST} are needed",
    )


def _sentence(names: tuple[str, str], units: Estimable, experiments: Estimable) -> str:
    """Both slopes, and what to make of them."""
    quick, business = (label(name) for name in names)
    over_units = (
        f"Over units within arms, a unit with 1 % more {quick} has {plain_interval(units)} % more {business}"
        if isinstance(units, Interval)
        else f"Over units within arms nothing is told: {units.detail}"
    )
    if not isinstance(experiments, Interval):
        return (
            f"{over_units}. Between experiments nothing is told: {experiments.detail}. That units with more {quick} "
            f"have more {business} would not say that a change which brings {quick} brings {business}."
        )
    between = (
        f"between experiments, 1 % more {quick} came with {plain_interval(experiments)} % more {business}"
    )
    if not isinstance(units, Interval):
        return f"{over_units}; {between}."
    return f"{over_units}; {between}. {_compared(quick, business, units, experiments)}"


def _compared(quick: str, business: str, units: Interval, experiments: Interval) -> str:
    rests = "a launch rests on what experiments say"
    if units.low <= experiments.high and experiments.low <= units.high:
        return (
            "The two agree as far as experiments tell, which need not be so: units that differ by themselves are "
            f"compared in the first, and {rests}."
        )
    if (experiments.high < 0.0 < units.low) or (units.high < 0.0 < experiments.low):
        return (
            f"They point in opposite directions: {quick} would have been taken for a good sign or a bad one, and was "
            f"the other; {rests}."
        )
    return (
        f"They differ, because what makes a unit have more {quick} by itself (interest, habit) goes with {business} as "
        f"well, while a change can bring {quick} without it, or {business} by other ways; {rests}."
    )
