"""Cross moments of the metrics of one arm, against the units themselves."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from abgap.online.cross_moments import sum_cross_moments
from abgap.online.cross_rows import entries_name, named_entries, read_cross_moments
from abgap.online.experiments import Variants
from abgap.records import Moments

Array = npt.NDArray[np.float64]
VARIANTS: Variants = {"e": None, "f": None}
EVIL = "a:b\"], 'x'|"


def users(n: int = 4_000, *, gaps: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    busy = rng.gamma(2.0, 1.0, n)
    sessions = rng.poisson(busy) + 1
    clicks = rng.binomial(sessions, 0.3)
    spend = np.where(rng.random(n) < 0.2 + 0.1 * clicks / sessions, rng.lognormal(3, 1, n), 0.0)
    before = np.where(rng.random(n) < 0.3, np.nan, 50 + 3 * busy + rng.normal(0, 1, n))
    table = pd.DataFrame(
        {
            "test": rng.choice(["e", "f"], n),
            "user": [f"u{i}" for i in range(n)],
            "arm": rng.choice(["A", "B", "C"], n),
            "sessions": sessions.astype(float),
            "clicks": clicks.astype(float),
            "spend": spend,
            "before": before,
        }
    )
    if gaps:
        table.loc[rng.random(n) < 0.2, "spend"] = np.nan
        table.loc[rng.random(n) < 0.1, "clicks"] = np.nan
        table.loc[rng.random(n) < 0.1, "sessions"] = np.nan
    return table


def declared(bench: Any, table: pd.DataFrame) -> dict[str, Any]:
    bench.parquet("users.parquet", table)
    return {
        "experiments": {"e": {"control": "A"}, "f": {"control": "A"}},
        "unit_values": {
            "path": "users.parquet",
            "columns": {"experiment": "test", "unit": "user", "variant": "arm"},
        },
        "metrics": {
            EVIL: {
                "kind": "mean",
                "value": "spend",
                "cap_percentile": 95,
                "covariate": {"column": "before"},
            },
            "buyer": {"kind": "proportion", "value": "spend > 0"},
            "ctr": {
                "kind": "ratio",
                "numerator": {"value": "clicks"},
                "denominator": {"value": "sessions"},
            },
            "typical": {"kind": "quantile", "value": "sessions", "quantile": 0.5},
            "unwanted": {"kind": "mean", "value": "sessions"},
        },
    }


def crosses(run: Any, metrics: tuple[str, ...] = ("ctr", "typical", EVIL, "buyer")) -> Moments:
    return sum_cross_moments(run.engine, run.sums, run.wide, metrics, VARIANTS, progress=lambda _: None)


def influences(arm: pd.DataFrame, cap: float) -> dict[tuple[str, int], tuple[Array, npt.NDArray[np.bool_]]]:
    """By entry what every unit adds to its mean, times the number of units that have it, and which those are."""
    spend, clicks, sessions = (arm[c].to_numpy(float) for c in ("spend", "clicks", "sessions"))
    known, both = ~np.isnan(spend), ~np.isnan(clicks) & ~np.isnan(sessions)
    ratio = clicks[both].sum() / sessions[both].sum()
    linear = (clicks - ratio * sessions) / sessions[both].mean()
    values = {
        (EVIL, 0): (np.minimum(spend, cap), known),
        (EVIL, 1): (np.nan_to_num(arm["before"].to_numpy(float)), known),
        ("buyer", 0): ((spend > 0).astype(float), known),
        ("ctr", 0): (linear, both),
    }
    return {
        entry: (np.where(there, value - value[there].mean(), 0.0), there)
        for entry, (value, there) in values.items()
    }


@pytest.mark.parametrize("gaps", [False, True], ids=["complete", "with gaps"])
def test_the_matrix_of_an_arm_is_that_of_its_units(bench: Any, *, gaps: bool) -> None:
    table = users(gaps=gaps)
    with bench.run(declared(bench, table)) as run:
        found = crosses(run)
    assert len(found) == 6
    assert set(found.metric) == {entries_name([(EVIL, 0), (EVIL, 1), ("buyer", 0), ("ctr", 0)])}
    for row in range(len(found)):
        of_test = table[table["test"] == found.experiment[row]]
        arm = of_test[of_test["arm"] == found.variant[row]]
        expected = influences(arm, float(np.quantile(of_test["spend"].dropna(), 0.95)))
        n = len(arm)
        assert found.n[row] == n
        for (i, a), (j, b) in product(enumerate(named_entries(found.metric[row]) or ()), repeat=2):
            (of_a, has_a), (of_b, has_b) = expected[a], expected[b]
            both = int((has_a & has_b).sum())
            of_means = of_a @ of_b / (has_a.sum() * has_b.sum()) * both / (both - 1)
            matrix = np.reshape(found.stage_covariances[row], (4, 4))
            assert matrix[i, j] / n == pytest.approx(of_means, rel=1e-9, abs=1e-15)


def test_the_diagonal_is_what_the_moments_say(bench: Any) -> None:
    with bench.run(declared(bench, users(gaps=True))) as run:
        found, moments = crosses(run), run.moments
    for row, metric in product(range(len(found)), (EVIL, "buyer", "ctr")):
        entries = named_entries(found.metric[row])
        assert entries is not None
        at = entries.index((metric, 0))
        whole = [
            i
            for i in range(len(moments))
            if (moments.experiment[i], moments.variant[i], moments.metric[i])
            == (found.experiment[row], found.variant[row], metric)
            and moments.slice_name[i] is None
            and moments.period[i] is None
        ]
        variance = np.reshape(found.stage_covariances[row], (4, 4))[at, at] / found.n[row]
        assert variance == pytest.approx(moments.variance[whole[0]] / moments.n[whole[0]], rel=1e-12)
        assert found.stage_means[row][at] == pytest.approx(moments.mean[whole[0]], rel=1e-12)


def test_one_metric_alone_has_nothing_to_go_together_with(bench: Any) -> None:
    with bench.run(declared(bench, users(200))) as run:
        assert len(crosses(run, ("buyer", "typical"))) == 0


def test_an_arm_without_a_denominator_keeps_its_other_metrics(bench: Any) -> None:
    table = users(600)
    table.loc[(table["test"] == "e") & (table["arm"] == "B"), ["clicks", "sessions"]] = 0.0
    with bench.run(declared(bench, table)) as run:
        found = crosses(run)
    names = dict(zip(zip(found.experiment, found.variant, strict=True), found.metric, strict=True))
    assert named_entries(names["e", "B"]) == ((EVIL, 0), (EVIL, 1), ("buyer", 0))
    assert named_entries(names["e", "A"]) == ((EVIL, 0), (EVIL, 1), ("buyer", 0), ("ctr", 0))


@pytest.mark.parametrize(
    "name", ["revenue", "[", "[]", '["a", "a"]', '["a", 3]', '[["a", 0]]', '[["a", "b"]]', "{}", None]
)
def test_what_is_no_list_of_entries_is_none(name: object) -> None:
    assert named_entries(name) is None


def test_names_of_entries_survive_whatever_they_are() -> None:
    entries = ((EVIL, 0), ("größe\n", 2), ('["x"]', 0))
    assert named_entries(entries_name(entries)) == entries


def test_rows_are_read_back_by_what_they_hold(bench: Any) -> None:
    table = users(600)
    table.loc[(table["test"] == "e") & (table["arm"] == "B"), ["clicks", "sessions"]] = 0.0
    with bench.run(declared(bench, table)) as run:
        rows = crosses(run)
        larger, smaller = read_cross_moments(rows)
        assert not read_cross_moments(run.moments)
    assert larger.metrics == (EVIL, "buyer", "ctr")
    assert set(smaller.where) == {("e", "B")}
    at = larger.where["f", "C"]
    row = next(i for i in range(len(rows)) if (rows.experiment[i], rows.variant[i]) == ("f", "C"))
    assert larger.joint.n[at] == rows.n[row]
    assert larger.joint.covariances[at].ravel().tolist() == list(rows.stage_covariances[row])
