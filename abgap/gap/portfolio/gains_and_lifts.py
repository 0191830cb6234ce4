"""What errors of gains and of lifts have in common where units of the experiments made the test set's queries.

A gain is a mean over queries, a lift to first order a sum over units. Who asked test queries and is a unit as well is
in both: the covariance is the sum, over these units, of what each adds to the gain times what it adds to the lift.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from abgap.gap.portfolio.data import PortfolioData
from abgap.gap.portfolio.gain_errors import Gains
from abgap.online.arms import pair_arms
from abgap.online.beside_gains import UnitShare
from abgap.online.joint import covaried
from abgap.records import Moments
from abgap.records.moments import FloatArray
from abgap.records.words import label
from abgap.stats.covariates import adjusted_contrast, only_known, slopes
from abgap.stats.portfolio.log_ratio import log_ratios


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Covariances of errors of gains and lifts, both turned so that up is good.

    own: by arm, position of the offline axis and of the online one. between: of two arms, the smaller first, (p, p).
    """

    own: Mapping[tuple[int, int, int], float] = field(default_factory=dict)
    between: Mapping[tuple[int, int], FloatArray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """A log ratio as a sum over the units of two arms, turned so that up is good.

    arm, axis: its place. control, treatment: weights on the means of the value and of covariates, over the units.
    """

    arm: int
    axis: int
    experiment: str
    control_variant: str
    treatment_variant: str
    metric: str
    control: FloatArray
    treatment: FloatArray


def lifts_over_units(
    data: PortfolioData,
    moments: Moments,
    controls: Mapping[str, str],
    signs: Mapping[str, int],
    *,
    by_arm: bool,
) -> Iterator[Lift]:
    """Every lift of the portfolio that moments of units tell. by_arm: of covariate slopes."""
    axes = {data.axes[at].name: at for at in range(len(data.axes)) if data.axes[at].name in data.online}
    arms = {
        (data.names[at], str(treatment)): arm
        for arm, (at, treatment) in enumerate(zip(data.effects.experiment, data.treatment, strict=True))
    }
    labels = zip(
        moments.experiment, moments.variant, moments.metric, moments.slice_name, moments.period, strict=True
    )
    wanted = [
        metric in axes
        and part is None
        and day is None
        and ((experiment, variant) in arms or controls.get(experiment) == variant)
        for experiment, variant, metric, part, day in labels
    ]
    own = moments.take(np.array(wanted, dtype=bool))
    pairs = pair_arms(own, controls)
    both = covaried(own, pairs.control), covaried(own, pairs.treatment)
    known = both[0].known & both[1].known
    theta = slopes(*(only_known(arm, known) for arm in both), by_arm=by_arm)
    contrast, _ = adjusted_contrast(*both, by_arm=by_arm)
    ratios = log_ratios(contrast)
    for i, row in enumerate(pairs.treatment):
        experiment, treatment, metric = own.experiment[row], own.variant[row], own.metric[row]
        arm, axis = arms[experiment, treatment], axes[metric]
        with np.errstate(divide="ignore", invalid="ignore"):
            # Variances that strata made smaller keep their size.
            scale = signs[metric] * np.sqrt(data.effects.covariances[arm, axis, axis] / ratios.variance[i])
        value = ratios.to_difference[i] * scale
        if not np.isfinite(value):
            continue
        yield Lift(
            arm=arm,
            axis=axis,
            experiment=experiment,
            control_variant=controls[experiment],
            treatment_variant=treatment,
            metric=metric,
            control=np.array([-scale / contrast.control[i], *(theta[i] * value)]) / own.n[pairs.control[i]],
            treatment=np.array([value, *(-theta[i] * value)]) / own.n[row],
        )


def gains_with_lifts(
    data: PortfolioData,
    gains: Gains,
    queries: Sequence[int],
    shares: Sequence[UnitShare],
    lifts: Sequence[Lift],
) -> Together:
    """The covariances of every gain with every lift, of the same arm and of others.

    queries: of each contest, by its place; 0 where nothing is known of who asked them.
    """
    products: dict[tuple[str, str, str], dict[int, FloatArray]] = {}
    for share in shares:
        of_arm = products.setdefault((share.experiment, share.variant, share.metric), {})
        of_arm[share.contest] = np.array(share.products)
    own: dict[tuple[int, int, int], float] = {}
    between: dict[tuple[int, int], FloatArray] = {}
    size, errors = len(data.axes), data.effects.errors
    for lift in lifts:
        for place, arms in gains.arms_at.items():
            if not queries[place]:
                continue
            summed = _of_lift(lift, products, place) / queries[place]
            for arm, axis in arms:
                most = gains.error[arm, axis] * errors[lift.arm, lift.axis]
                covariance = float(np.clip(np.sign(most) * summed, -abs(most), abs(most)))
                if arm == lift.arm:
                    own[arm, axis, lift.axis] = covariance
                elif covariance:
                    (first, row), (second, column) = sorted([(arm, axis), (lift.arm, lift.axis)])
                    matrix = between.setdefault((first, second), np.zeros((size, size)))
                    matrix[row, column] = covariance
    return Together(own=own, between=between)


def _of_lift(
    lift: Lift, products: Mapping[tuple[str, str, str], Mapping[int, FloatArray]], place: int
) -> float:
    """What units of both arms add to the lift times what they add to the sum over the queries of a contest."""
    total = 0.0
    for variant, weights in (
        (lift.control_variant, lift.control),
        (lift.treatment_variant, lift.treatment),
    ):
        found = products.get((lift.experiment, variant, lift.metric), {}).get(place)
        if found is not None:
            total += float(weights[: len(found)] @ found)
    return total


_SAID = {
    "units": "comes from the units that both rest on",
    "declared": "is as declared (portfolio.offline_noise_correlation)",
}


def across_notes(data: PortfolioData, predictor: int, business: int) -> Iterator[str]:
    """At most one sentence: how errors of a gain and of lifts are known to go together."""
    told = data.across.get((predictor, business), ())
    if told:
        names = (label(data.axes[at].name) for at in (predictor, business))
        how = ", in other arms it ".join(_SAID[source] for source in told)
        yield f"What errors of {next(names)} and {next(names)} have in common {how}."
