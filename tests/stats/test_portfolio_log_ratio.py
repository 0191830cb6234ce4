"""Log ratios of arms with a shared control, against the definition and a simulation."""

from __future__ import annotations

import numpy as np
import pytest

from abgap.stats.contrast import mean_contrast
from abgap.stats.moments import Univariate
from abgap.stats.portfolio.log_ratio import log_ratios, shared_control

N = np.array([4000.0, 1000.0])
CONTROL = Univariate(n=np.full(2, 2000.0), mean=np.full(2, 5.0), variance=np.full(2, 30.0))
TREATMENT = Univariate(n=N, mean=np.array([5.5, 4.9]), variance=np.array([40.0, 25.0]))


def test_value_and_variance_are_those_of_the_definition() -> None:
    found = log_ratios(mean_contrast(CONTROL, TREATMENT))
    assert found.value == pytest.approx(np.log([5.5 / 5.0, 4.9 / 5.0]), rel=1e-12)
    wanted = TREATMENT.variance / (N * TREATMENT.mean**2) + 30.0 / (2000.0 * 25.0)
    assert found.variance == pytest.approx(wanted, rel=1e-12)


def test_arms_share_the_relative_variance_of_their_control() -> None:
    contrast = mean_contrast(CONTROL, TREATMENT)
    one, other = np.array([0]), np.array([1])
    found = shared_control(contrast, log_ratios(contrast), one, other)
    assert found == pytest.approx([30.0 / (2000.0 * 25.0)], rel=1e-12)


def test_a_mean_that_is_not_above_zero_has_no_log_ratio() -> None:
    below = Univariate(n=N, mean=np.array([-1.0, 5.0]), variance=np.full(2, 30.0))
    found = log_ratios(mean_contrast(CONTROL, below))
    assert np.isnan(found.value).tolist() == [True, False]
    assert np.isnan(found.variance).tolist() == [True, False]
