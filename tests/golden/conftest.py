"""Arms that tools are compared on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from abgap.stats.moments import Bivariate, Univariate

Arm: TypeAlias = Mapping[str, Any]


def univariate(arm: Arm, name: str = "y") -> Univariate:
    """One value per unit out of moments by name."""
    n, mean, variance = (np.asarray(float(arm[key])) for key in ("n", f"mean_{name}", f"variance_{name}"))
    return Univariate(n=n, mean=mean, variance=variance)


def bivariate(arm: Arm) -> Bivariate:
    """Two values per unit out of moments by name."""
    names = ("n", "mean_y", "variance_y", "mean_x", "variance_x", "covariance")
    return Bivariate(**{name: np.asarray(float(arm[name])) for name in names})
