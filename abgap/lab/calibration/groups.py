"""All that is measured, by name, each with a stream of random numbers of its own and as many runs as it can pay for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import numpy as np

from abgap.lab.calibration import decisions, drawn, means, quantiles, shares
from abgap.lab.calibration.measured import Measured

Group: TypeAlias = Callable[[np.random.Generator, int], Iterator[Measured]]

SEED = 20260101
_RUNS = 10_000
GROUPS: Mapping[str, tuple[Group, int]] = {
    "means": (means.means, _RUNS),
    "capped means": (means.capped, _RUNS),
    "ratios": (means.ratios, _RUNS),
    "covariates": (means.covariates, _RUNS),
    "strata": (decisions.strata, _RUNS),
    "clusters": (drawn.clusters, _RUNS),
    "proportions": (shares.proportions, _RUNS),
    "quantiles": (quantiles.quantiles, 1_500),
    "bootstrap": (drawn.bootstrap, 1_500),
    "margins": (decisions.margins, _RUNS),
    "margins of shares": (decisions.share_margins, _RUNS),
    "looks": (decisions.looks, _RUNS),
    "sample ratios": (shares.sample_ratios, _RUNS),
    "families": (decisions.families, _RUNS),
    "slices": (decisions.slices, _RUNS),
}


def measure(name: str) -> list[Measured]:
    """All rates of a group; the same every time."""
    group, runs = GROUPS[name]
    rng = np.random.default_rng([SEED, *name.encode()])
    return list(group(rng, runs))
