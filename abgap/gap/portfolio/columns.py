"""The columns of a portfolio while they are filled in, and how each kind of evidence gets into its place.

What comes first stays: own logs before ready-made effects. Everything is put in place by position, since a portfolio
may have thousands of experiments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.gap.given_gains import HALF, GivenGains
from abgap.gap.portfolio.arms import Arms
from abgap.gap.portfolio.data import Axis, AxisKind
from abgap.online.codes import Coded, coded, is_null
from abgap.online.given_effects import GivenEffects
from abgap.online.scorecard import Scorecard
from abgap.records.moments import FloatArray
from abgap.stats.portfolio.effects import IndexArray
from abgap.stats.portfolio.log_ratio import log_ratios, shared_control
from abgap.stats.tails import t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Effects in the making: (K, p) and (K, p, p), NaN until known; pairs (m, 2) of arms of one experiment.

    shared: (m, p, p), what the errors of two arms have in common. common: (K, p), the part of a variance that is the
    control's, where it is not computed pair by pair.
    """

    values: FloatArray
    covariances: FloatArray
    significant: FloatArray
    level: FloatArray
    common: FloatArray
    pairs: IndexArray
    shared: FloatArray

    def free(self, rows: IndexArray, columns: IndexArray) -> npt.NDArray[np.bool_]:
        """Where an arm that takes part has no effect on an axis yet."""
        found = (rows >= 0) & (columns >= 0)
        found[found] = np.isnan(self.values[rows[found], columns[found]])
        return found

    def share_control(self) -> None:
        """Give arms of one experiment the covariance that their common parts make."""
        for column in range(self.values.shape[1]):
            together = np.prod(self.common[self.pairs, column], axis=1)
            known = np.isfinite(together)
            self.shared[known, column, column] = np.sqrt(together[known])

    def count_as_independent(self) -> None:
        """Errors of different axes count as independent where nothing is known about them."""
        known = np.isfinite(np.diagonal(self.covariances, axis1=1, axis2=2))
        both = known[:, :, None] & known[:, None, :]
        self.covariances[both & np.isnan(self.covariances)] = 0.0


def empty_columns(arms: Arms, axes: int) -> Columns:
    """Nothing known yet."""
    k, pairs = len(arms), arms.pairs()
    return Columns(
        values=np.full((k, axes), np.nan),
        covariances=np.full((k, axes, axes), np.nan),
        significant=np.full((k, axes), np.nan),
        level=np.full((k, axes), np.nan),
        common=np.full((k, axes), np.nan),
        pairs=pairs,
        shared=np.zeros((len(pairs), axes, axes)),
    )


def put_scorecard(axes: Sequence[Axis], arms: Arms, card: Scorecard, into: Columns) -> None:
    """Put the log ratios of online metrics in place, turned so that up is good."""
    cell = _cells(axes, arms, card)
    contrast = card.numbers.contrasts.judged
    ratios = log_ratios(contrast)
    sign = card.traits.numbers(lambda trait: trait.direction.sign)
    p_adjusted = card.corrected.p
    established = np.where(np.isnan(p_adjusted), np.nan, p_adjusted < card.procedure.alpha)
    rows, columns = np.nonzero(cell >= 0)
    at = cell[rows, columns]
    into.values[rows, columns] = sign[at] * ratios.value[at]
    into.covariances[rows, columns, columns] = ratios.variance[at]
    into.significant[rows, columns] = established[at] * np.sign(sign[at] * contrast.difference[at])
    for column in np.unique(columns):
        first, second = cell[into.pairs[:, 0], column], cell[into.pairs[:, 1], column]
        both = np.flatnonzero((first >= 0) & (second >= 0))
        into.shared[both, column, column] = shared_control(contrast, ratios, first[both], second[both])


def _cells(axes: Sequence[Axis], arms: Arms, card: Scorecard) -> IndexArray:
    """Where in the scorecard the whole-experiment comparison of an arm on an online axis stands, -1 for none."""
    cell = np.full((len(arms), len(axes)), -1, dtype=np.intp)
    moments, rows = card.moments, card.pairs.treatment
    online = positions(axes, online=True)
    column = _places(card.traits.each(lambda trait: trait.name), online)
    at = np.flatnonzero((column >= 0) & is_null(moments.slice_name[rows]) & is_null(moments.period[rows]))
    kept = rows[at]
    arm = arms.rows(moments.experiment[kept].tolist(), moments.variant[kept].tolist())
    cell[arm[arm >= 0], column[at[arm >= 0]]] = at[arm >= 0]
    return cell


def put_gains(axes: Sequence[Axis], arms: Arms, gains: GivenGains, into: Columns, alpha: float) -> None:
    """Put offline gains that came ready in place, where there is none yet."""
    rows = arms.rows(gains.experiment.tolist(), gains.treatment.tolist())
    columns = _places(coded(gains.metric), positions(axes, online=False))
    at = np.flatnonzero(into.free(rows, columns))
    # Of several rows for one key the first one counts: it is written last.
    at = at[::-1]
    rows, columns = rows[at], columns[at]
    gain, error = gains.gain[at], gains.error[at]
    into.values[rows, columns] = gain
    into.covariances[rows, columns, columns] = error**2
    into.common[rows, columns] = np.where(np.isnan(error), np.nan, gains.shared[at])
    into.level[rows, columns] = gains.level[at]
    into.significant[rows, columns] = _established(gain, error, t_quantile(1.0 - alpha / 2.0, gains.df[at]))


def put_lifts(
    axes: Sequence[Axis],
    arms: Arms,
    effects: GivenEffects,
    signs: Mapping[str, float],
    into: Columns,
    alpha: float,
) -> int:
    """Put ready-made relative lifts in place as log ratios, where there is none yet; how many have no logarithm.

    signs: +1 or -1 by metric, so that up is good.
    """
    rows = arms.rows(effects.experiment.tolist(), effects.treatment.tolist())
    columns = _places(coded(effects.metric), positions(axes, online=True))
    at = np.flatnonzero(into.free(rows, columns))
    possible = effects.effect[at] > -1.0
    impossible, at = int((~possible).sum()), at[possible]
    rows, columns = rows[at], columns[at]
    sign = coded(effects.metric[at]).numbers(lambda name: signs[name])
    value = sign * np.log1p(effects.effect[at])
    error = effects.standard_error[at] / (1.0 + effects.effect[at])
    into.values[rows, columns] = value
    into.covariances[rows, columns, columns] = error**2
    into.common[rows, columns] = HALF * error**2
    critical = t_quantile(1.0 - alpha / 2.0, np.inf)
    into.significant[rows, columns] = _established(
        sign * effects.effect[at], effects.standard_error[at], critical
    )
    return impossible


def positions(axes: Sequence[Axis], *, online: bool) -> dict[str, int]:
    """The axes of one side by name."""
    return {axis.name: at for at, axis in enumerate(axes) if (axis.kind is not AxisKind.OFFLINE) is online}


def _places(names: Coded[str], known: Mapping[str, int]) -> IndexArray:
    return np.array([known.get(name, -1) for name in names.values], dtype=np.intp)[names.codes]


def _established(value: FloatArray, error: FloatArray, critical: FloatArray) -> FloatArray:
    """The sign of a value whose interval excludes zero, 0 of others, NaN without an error."""
    sign = np.where(np.abs(value) > critical * error, np.sign(value), 0.0)
    return np.where(np.isnan(error), np.nan, sign)
