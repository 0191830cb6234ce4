"""A portfolio drawn from a known line, as columns of effects."""

from __future__ import annotations

import numpy as np

from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.stats.portfolio.effects import Effects


def portfolio(
    experiments: int, *, b: float = 0.5, noise: float = 1.0, seed: int = 3, tags: str = ""
) -> PortfolioData:
    """Experiments of unequal size with one arm each; tags: a letter for each experiment."""
    rng = np.random.default_rng(seed)
    errors = np.array([0.004, 0.003]) * np.geomspace(0.3, 3.0, experiments)[:, None] * noise
    gain = 0.02 + 0.03 * rng.standard_normal(experiments)
    lift = b * gain + 0.002 * rng.standard_normal(experiments)
    covariances = np.zeros((experiments, 2, 2))
    covariances[:, [0, 1], [0, 1]] = errors**2
    values = np.stack([gain, lift], axis=1) + errors * rng.standard_normal((experiments, 2))
    return PortfolioData(
        axes=(
            Axis(name="ndcg@10", kind=AxisKind.OFFLINE),
            Axis(name="revenue", kind=AxisKind.BUSINESS, smallest_worthwhile=0.01, money=True),
        ),
        effects=Effects(
            values=values,
            covariances=covariances,
            experiment=np.arange(experiments),
            pairs=np.empty((0, 2), dtype=np.intp),
            shared=np.empty((0, 2, 2)),
        ),
        names=tuple(f"e{at}" for at in range(experiments)),
        treatment=np.array(["B"] * experiments, dtype=object),
        trusted=np.ones(experiments, dtype=bool),
        significant=np.zeros((experiments, 2)),
        level=np.full((experiments, 2), np.nan),
        units=np.full(experiments, 1000.0),
        days=np.full(experiments, 14.0),
        starts=(None,) * experiments,
        tags=tuple((tag,) for tag in tags) or ((),) * experiments,
        alpha=0.05,
        seed=1,
    )
