"""The points of the portfolio's picture: what every arm gained and lifted, with its errors, as a reader knows them."""

from __future__ import annotations

import numpy as np

from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.records.moments import FloatArray
from abgap.records.portfolio import PortfolioPoint

MOST = 1_000
"""More points than a picture can show; of more arms the most precise ones, the rest stands in the estimates."""


def points_of(data: PortfolioData, predictor: int, business: int) -> tuple[PortfolioPoint, ...]:
    """Every arm measured on both axes, in the order of the experiments; arms that are not trusted are marked."""
    effects = data.effects.axes([predictor, business])
    values, errors = effects.values.copy(), effects.errors
    for place, axis in enumerate((predictor, business)):
        if data.axes[axis].kind is not AxisKind.OFFLINE:
            values[:, place], errors[:, place] = _relative(
                data.axes[axis], values[:, place], errors[:, place]
            )
    measured = np.flatnonzero(effects.measured)
    precise = np.argsort(errors[measured, 1], kind="stable")[:MOST]
    chosen = measured[np.sort(precise)]
    return tuple(
        PortfolioPoint(
            experiment=data.names[effects.experiment[at]],
            treatment=str(data.treatment[at]),
            gain=float(values[at, 0]),
            gain_error=_known(errors[at, 0]),
            lift=float(values[at, 1]),
            lift_error=_known(errors[at, 1]),
            start=data.starts[effects.experiment[at]],
            untrusted=not data.trusted[at],
        )
        for at in chosen
    )


def _relative(axis: Axis, logs: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log ratios as relative lifts; errors by the delta method."""
    return axis.relative(logs), errors * np.exp(axis.sign * logs)


def _known(error: float) -> float | None:
    return float(error) if np.isfinite(error) else None
