"""Real experiments: our numbers against those recomputed from the raw files by the data's own reference."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from abgap.records import Reason
from abgap.stats.contrast import mean_contrast
from abgap.stats.effect_size import cohen_d
from abgap.stats.intervals import difference_interval, fieller_lift, p_value
from abgap.stats.moments import Univariate
from abgap.stats.power import realised_mde
from abgap.stats.proportions import Successes, cohen_h, score_difference, score_lift, score_p_value
from abgap.stats.srm import sample_ratio

pytestmark = pytest.mark.data

Values: TypeAlias = npt.NDArray[np.float64]
References: TypeAlias = dict[str, dict[str, Any]]


def walk(node: object, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object below a JSON value, with the path to it."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from walk(value, f"{path}/{key}")


@pytest.fixture(scope="session")
def references(data_dir: Path) -> References:
    found: References = {}
    for file in sorted(data_dir.glob("*/reference.json")):
        found.update(walk(json.loads(file.read_text(encoding="utf-8")), file.parent.name))
    return found


def column(objects: list[dict[str, Any]], name: str) -> Values:
    return np.array([thing[name] for thing in objects], dtype=np.float64)


def welch_arm(objects: list[dict[str, Any]], arm: str) -> Univariate:
    n, mean, variance = (column(objects, f"{name}_{arm}") for name in ("n", "mean", "var"))
    return Univariate(n=n, mean=mean, variance=variance)


def test_welch_results_of_the_published_experiments(references: References) -> None:
    welch = [node for node in references.values() if {"mean_t", "var_t", "df"} <= node.keys()]
    assert len(welch) >= 14
    contrast = mean_contrast(welch_arm(welch, "c"), welch_arm(welch, "t"))
    interval, lift = difference_interval(contrast, 0.05), fieller_lift(contrast, 0.05)
    ends = np.array([node["ci95"] for node in welch])
    np.testing.assert_allclose(interval.estimate, column(welch, "diff"), rtol=1e-9)
    np.testing.assert_allclose(contrast.standard_error, column(welch, "se"), rtol=1e-9)
    np.testing.assert_allclose(contrast.df, column(welch, "df"), rtol=1e-9)
    np.testing.assert_allclose(p_value(contrast), column(welch, "p"), rtol=1e-9)
    np.testing.assert_allclose(np.stack(interval[1:], axis=-1), ends, rtol=1e-9)
    np.testing.assert_allclose(
        cohen_d(contrast, difference_interval(contrast, 0.05)).estimate, column(welch, "cohen_d"), rtol=1e-9
    )
    detectable = realised_mde(contrast, 0.05) * np.abs(contrast.control)
    np.testing.assert_allclose(detectable, column(welch, "mde80_abs"), rtol=1e-9)
    np.testing.assert_allclose(contrast.difference / contrast.control, column(welch, "rel_lift"), rtol=1e-9)
    known = ~np.isnan(lift.low)
    rejected = column(welch, "p") < 0.05
    assert ((lift.low > 0) | (lift.high < 0))[known].tolist() == rejected[known].tolist()


def test_conversion_results_of_the_published_experiments(references: References) -> None:
    found = [node for node in references.values() if {"x_t", "n_t", "cohen_h"} <= node.keys()]
    assert len(found) >= 13
    counts = Successes(
        control=column(found, "x_c"),
        n_control=column(found, "n_c"),
        treatment=column(found, "x_t"),
        n_treatment=column(found, "n_t"),
    )
    p, _ = score_p_value(counts)
    difference, lift = score_difference(counts, 0.05), score_lift(counts, 0.05)
    np.testing.assert_allclose(p, column(found, "p_two_sided"), rtol=1e-9)
    np.testing.assert_allclose(p, column(found, "p_chi2_nocorr"), rtol=1e-9)
    np.testing.assert_allclose(difference.estimate, column(found, "diff"), rtol=1e-9)
    np.testing.assert_allclose(lift.estimate, column(found, "rel_lift"), rtol=1e-9)
    np.testing.assert_allclose(cohen_h(counts, 0.05).estimate, column(found, "cohen_h"), rtol=1e-9)
    wald = np.array([node["ci95_wald_unpooled"] for node in found])
    width = (wald[:, 1] - wald[:, 0])[:, None]
    assert np.all(np.abs(np.stack(difference[1:3], axis=-1) - wald) < 0.05 * width)
    for interval in (difference, lift):
        assert ((interval.low > 0) | (interval.high < 0)).tolist() == (p < 0.05).tolist()


def test_detectable_conversion_differences_of_the_published_experiments(references: References) -> None:
    found = [node for node in references.values() if "mde80_abs_unpooled" in node]
    shares = {arm: column(found, f"p_{arm}") for arm in "ct"}
    control, treatment = (
        Univariate(n=column(found, f"n_{arm}"), mean=share, variance=share * (1 - share))
        for arm, share in shares.items()
    )
    contrast = mean_contrast(control, treatment)
    detectable = realised_mde(contrast, 0.05) * contrast.control
    np.testing.assert_allclose(detectable, column(found, "mde80_abs_unpooled"), rtol=1e-9)


def test_splits_of_the_published_experiments(references: References) -> None:
    found = [node for node in references.values() if {"chi2", "counts", "expected", "df"} <= node.keys()]
    assert len(found) >= 9
    for node in found:
        chi2, df, p = sample_ratio(node["counts"], node["expected"])
        assert chi2 == pytest.approx(node["chi2"], rel=1e-9, abs=1e-12)
        assert df == node["df"]
        assert p == pytest.approx(node["p"], rel=1e-9, abs=1e-300)


def rows(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        pytest.skip(f"no {file.parent.name}/{file.name} in the shared data")
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def numeric(table: list[dict[str, str]], name: str) -> Values:
    return np.array([float(row[name] or "nan") for row in table])


def test_all_experiments_of_a_retailer_in_one_call(data_dir: Path) -> None:
    snapshot = rows(data_dir / "asos_dev" / "last_snapshot_reference.csv")
    names = ("n_c", "n_t", "mean_c", "mean_t", "var_c", "var_t", "p", "cohen_d", "ci_lo", "ci_hi")
    numbers = {name: numeric(snapshot, name) for name in names}
    control, treatment = (
        Univariate(n=numbers[f"n_{arm}"], mean=numbers[f"mean_{arm}"], variance=numbers[f"var_{arm}"])
        for arm in "ct"
    )
    contrast = mean_contrast(control, treatment)
    interval = difference_interval(contrast, 0.05)
    given = np.isfinite(numbers["var_c"] + numbers["var_t"])
    assert given.sum() > 100
    assert all(problem is Reason.NO_VARIANCE_GIVEN for problem in contrast.problem[~given])
    np.testing.assert_allclose(p_value(contrast)[given], numbers["p"][given], rtol=1e-8)
    np.testing.assert_allclose(interval.low[given], numbers["ci_lo"][given], rtol=1e-8)
    np.testing.assert_allclose(interval.high[given], numbers["ci_hi"][given], rtol=1e-8)
    np.testing.assert_allclose(
        cohen_d(contrast, difference_interval(contrast, 0.05)).estimate[given],
        numbers["cohen_d"][given],
        rtol=1e-8,
    )


def test_splits_of_thousands_of_headline_tests_in_one_call(data_dir: Path) -> None:
    reference = rows(data_dir / "upworthy_dev" / "per_test_reference.csv")
    table = pq.read_table(
        data_dir / "upworthy_dev" / "upworthy_dev.parquet", columns=["clickability_test_id", "impressions"]
    ).to_pydict()
    arms: dict[str, list[float]] = {}
    for test, impressions in zip(table["clickability_test_id"], table["impressions"], strict=True):
        arms.setdefault(test, []).append(float(impressions))
    widest = max(map(len, arms.values()))
    padding = [np.nan] * widest
    counts = np.array([(arms[row["test_id"]] + padding)[:widest] for row in reference])
    chi2, df, p = sample_ratio(counts, np.where(np.isnan(counts), np.nan, 1.0))
    tested = df > 0
    np.testing.assert_array_equal(df + 1, numeric(reference, "k"))
    np.testing.assert_allclose(chi2[tested], numeric(reference, "srm_chi2")[tested], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(p[tested], numeric(reference, "srm_p")[tested], rtol=1e-8, atol=1e-300)
