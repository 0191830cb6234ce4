"""Values of the references beside the real data sets: lifts by the delta method and by logs, and clusters."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abgap.records.vocabulary import LiftMethod
from abgap.stats.contrast import mean_contrast, ratio_contrast
from abgap.stats.intervals import lift_interval, relative_difference
from abgap.stats.moments import Bivariate, Univariate

pytestmark = pytest.mark.data


def nodes(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)


@pytest.fixture(scope="session")
def compared(data_dir: Path) -> list[dict[str, Any]]:
    """Every comparison of two means with intervals of its lift."""
    files = sorted(data_dir.glob("*/reference.json"))
    found = [node for file in files for node in nodes(json.loads(file.read_text(encoding="utf-8")))]
    return [node for node in found if "rel_lift_ci95_delta" in node and "var_t" in node]


def univariate(node: dict[str, Any], arm: str) -> Univariate:
    n, mean, variance = (np.asarray(float(node[f"{name}_{arm}"])) for name in ("n", "mean", "var"))
    return Univariate(n=n, mean=mean, variance=variance)


def test_lifts_by_the_delta_method_and_by_logs_with_normal_quantiles(compared: list[dict[str, Any]]) -> None:
    assert len(compared) >= 14
    for node in compared:
        contrast = mean_contrast(univariate(node, "c"), univariate(node, "t"))
        normal = replace(contrast, df=np.asarray(np.inf))
        assert float(relative_difference(contrast)[1]) == pytest.approx(node["rel_lift_se_delta"], rel=1e-9)
        for method, name in ((LiftMethod.DELTA, "delta"), (LiftMethod.LOG, "log")):
            ours = lift_interval(normal, 0.05, method=method)
            ends = [float(ours.low), float(ours.high)]
            assert ends == pytest.approx(node[f"rel_lift_ci95_{name}"], rel=1e-9)


def test_restaurants_as_clusters_of_weeks_have_the_cluster_robust_errors_of_statsmodels(
    data_dir: Path,
) -> None:
    folder = data_dir / "wa_marketing"
    theirs = json.loads((folder / "reference.json").read_text(encoding="utf-8"))["ols_cluster_location_CR1"]
    table = (folder / "WA_Marketing-Campaign.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(table.splitlines()))
    sales: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        sales.setdefault((row["Promotion"], row["LocationID"]), []).append(float(row["SalesInThousands"]))
    control, *treatments = (clusters([v for (p, _), v in sales.items() if p == name]) for name in "123")
    # CR1 has one correction for all clusters and weeks where moments have n - 1 in each arm.
    groups, weeks = len(sales), len(rows)
    correction = groups / (groups - 1) * (weeks - 1) / (weeks - 3)
    for name, treatment in zip("23", treatments, strict=True):
        term = f'C(P, Treatment("1"))[T.{name}]'
        contrast = ratio_contrast(control, treatment)
        assert float(contrast.difference) == pytest.approx(theirs["coef"][term], rel=1e-9)
        parts = (contrast.control_variance, contrast.variance - contrast.control_variance)
        plug_in = [v * (1 - 1 / arm.n) for v, arm in zip(parts, (control, treatment), strict=True)]
        assert float(np.sqrt(sum(plug_in) * correction)) == pytest.approx(theirs["se"][term], rel=1e-9)


def clusters(weeks: list[list[float]]) -> Bivariate:
    """Sales over weeks, a restaurant being the unit."""
    y, x = np.array([sum(w) for w in weeks]), np.array([float(len(w)) for w in weeks])
    return Bivariate(
        n=np.asarray(float(len(weeks))), mean_y=np.asarray(y.mean()), variance_y=np.asarray(y.var(ddof=1)),
        mean_x=np.asarray(x.mean()), variance_x=np.asarray(x.var(ddof=1)), covariance=np.asarray(np.cov(y, x)[0, 1]),
    )  # fmt: skip
