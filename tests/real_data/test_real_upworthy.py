"""2,487 headline tests as counts, whose split is known to have been broken for half a year."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abgap.pipeline.analysis import open_analysis
from abgap.pipeline.results import make_results
from abgap.records import Decision, Estimate, NotEstimable, Reason, Results, Status
from abgap.study.load import load_study

pytestmark = pytest.mark.data

FIRST_BAD_WEEK, LAST_BAD_WEEK = 201325, 201402
# Nobody clicked in this test, so the reference leaves it out.
WITHOUT_CLICKS = "53507921f6bdf72973000006"


@pytest.fixture(scope="module")
def found(results: Callable[..., Results]) -> Results:
    return results("upworthy_dev")


@pytest.fixture(scope="module")
def published(data_dir: Path) -> pd.DataFrame:
    table = pd.read_csv(data_dir / "upworthy_dev" / "per_test_reference.csv")
    return table.set_index("test_id")


@pytest.fixture(scope="module")
def splits(found: Results) -> dict[str, Any]:
    return {str(c.experiment): c for c in found.checks if c.name == "sample_ratio"}


def test_the_split_of_every_test_agrees_with_the_reference(
    splits: dict[str, Any], published: pd.DataFrame
) -> None:
    assert splits.keys() == {*published.index, WITHOUT_CLICKS}
    p = [splits[test].value for test in published.index]
    np.testing.assert_allclose(p, published["srm_p"], rtol=1e-9, atol=1e-300)


def test_broken_randomisation_is_found_where_its_owners_say_it_was(
    found: Results, splits: dict[str, Any], published: pd.DataFrame, reference: Callable[[str], Any]
) -> None:
    truth = reference("upworthy_dev")["srm_known_bad_window_weeks_201325_201402_dev"]
    inside = published["test_week"].between(FIRST_BAD_WEEK, LAST_BAD_WEEK)
    failed = np.array([splits[test].status is Status.FAIL for test in published.index])
    assert (inside.sum(), (failed & inside).sum()) == (truth["tests_in"], truth["srm_p<0.001_in"])
    assert ((~inside).sum(), (failed & ~inside).sum()) == (truth["tests_out"], truth["srm_p<0.001_out"])
    blocked = {e.name for e in found.experiments if e.decision is Decision.CANNOT_BE_JUDGED}
    assert blocked == {*published.index[failed], WITHOUT_CLICKS}


def test_two_headlines_are_compared_as_in_the_reference(found: Results, published: pd.DataFrame) -> None:
    pairs = published.index[published["k"] == 2]
    estimates = {e.experiment: e for e in found.estimates}
    assert len(pairs) == 67
    p = np.array([estimates[test].p_value for test in pairs], dtype=np.float64)
    np.testing.assert_allclose(p, published.loc[pairs, "p"], rtol=1e-9)


def test_arms_are_corrected_together_and_stand_in_their_natural_order(
    found: Results, published: pd.DataFrame
) -> None:
    test = published["k"].idxmax()
    several = [e for e in found.estimates if e.experiment == test]
    assert [e.treatment for e in several] == [f"package {i}" for i in range(2, 12)]
    p = np.sort([float(str(e.p_value)) for e in several])
    holm = np.minimum(np.maximum.accumulate(p * np.arange(len(p), 0, -1)), 1.0)
    assert np.sort([float(str(e.p_adjusted)) for e in several]) == pytest.approx(holm, rel=1e-12)


def test_a_test_without_clicks_says_that_nothing_can_be_tested(
    found: Results, whole: Callable[..., Estimate]
) -> None:
    estimate = whole(found, experiment=WITHOUT_CLICKS, treatment="package 2")
    assert isinstance(estimate.difference, NotEstimable)
    assert isinstance(estimate.lift, NotEstimable)
    assert estimate.difference.reason is Reason.ZERO_VARIANCE
    assert estimate.lift.reason is Reason.CONTROL_NEAR_ZERO
    assert (estimate.p_value, estimate.value_treatment) == (None, 0.0)


def test_thousands_of_experiments_take_seconds(study_file: Callable[..., Path]) -> None:
    began = time.process_time()
    with open_analysis(load_study(study_file("upworthy_dev")), progress=lambda message: None) as analysis:  # noqa: ARG005
        made = make_results(analysis)
    assert len(made.experiments) == 2488
    assert time.process_time() - began < 15
