"""Estimators on simulated experiments: means with caps, covariates and strata, ratios and clusters."""

from __future__ import annotations

import pytest

from abgap.lab.calibration.groups import measure
from abgap.lab.calibration.measured import Measured
from tests.calibration.conftest import check_group

ESTIMATORS = ("means", "capped means", "ratios", "covariates", "strata", "clusters")


@pytest.mark.parametrize("name", ESTIMATORS)
def test_intervals_hold_the_truth_and_tests_keep_their_level(
    name: str, recorded: dict[str, list[Measured]]
) -> None:
    check_group(measure(name), recorded[name])
