"""The bootstrap, clusters and folds as a user meets them: from the study file to what is printed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

Abgap = Callable[..., Any]

STUDY = """
[unit_values]
path = "users.parquet"
columns = {{ experiment = {{ value = "e" }}, {columns} variant = "arm" }}
[experiments.e]
control = "A"
split = {{ A = 0.5, B = 0.5 }}
models = {{ A = "m1", B = "m2" }}
[metrics.sessions]
kind = "mean"
value = "sessions"
[metrics.conversion]
kind = "ratio"
numerator = {{ value = "orders" }}
denominator = {{ value = "sessions" }}
[metrics.price]
kind = "ratio"
numerator = {{ value = "spend" }}
denominator = {{ value = "orders" }}
[metrics.revenue]
kind = "mean"
value = "spend"
role = "primary"
{bootstrap}
[funnels.buying]
total = "revenue"
stages = ["sessions", "conversion", "price"]
[offline.scores]
path = "scores.csv"
columns = {{ model = "model", metric = "metric", value = "value" }}
[gap]
offline = ["ndcg"]
business = ["revenue"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(6)
    n = 600
    orders = (rng.random(n) < 0.06).astype(int)
    pd.DataFrame(
        {
            "user": [f"u{i}" for i in range(n)],
            "home": [f"h{i % 200}" for i in range(n)],
            "arm": np.where(np.arange(n) % 200 % 2 == 0, "A", "B"),
            "sessions": 1 + rng.poisson(2, n),
            "orders": orders,
            "spend": orders * rng.integers(10, 60, n),
        }
    ).to_parquet(tmp_path / "users.parquet", index=False)
    (tmp_path / "scores.csv").write_text("model,metric,value\nm1,ndcg,0.30\nm2,ndcg,0.32\n", encoding="utf-8")
    return tmp_path


def write(folder: Path, *, columns: str = 'unit = "user",', bootstrap: str = "") -> Path:
    (folder / "abgap.toml").write_text(STUDY.format(columns=columns, bootstrap=bootstrap), encoding="utf-8")
    return folder


def test_a_funnel_with_few_orders_is_resampled_by_itself(abgap_in: Abgap, folder: Path) -> None:
    (gap,) = abgap_in(write(folder), "gap", "--json").json["gaps"]
    assert (
        "fewer than 30 orders, so the intervals are percentiles of 1,000 bootstrap draws"
        in gap["funnel_note"]
    )
    last = gap["funnel"][-1]
    assert last["low"] < last["log_lift"] < last["high"]
    again = abgap_in(folder, "gap", "--json", "--no-cache").json["gaps"]
    assert again == [gap]


def test_units_without_ids_keep_the_approximate_intervals(abgap_in: Abgap, folder: Path) -> None:
    (gap,) = abgap_in(write(folder, columns=""), "gap", "--json").json["gaps"]
    assert "the intervals are only approximate" in gap["funnel_note"]


def test_a_metric_that_asks_for_it_is_resampled(abgap_in: Abgap, folder: Path) -> None:
    found = abgap_in(write(folder, bootstrap="bootstrap = true"), "analyze", "--json").json["estimates"]
    methods = {e["metric"]: e["difference"]["method"] for e in found}
    assert methods["revenue"] == "bootstrap"
    assert methods["sessions"] == "welch"


def test_clusters_are_counted_in_estimates_checks_and_folds(abgap_in: Abgap, folder: Path) -> None:
    write(folder, columns='unit = "user", cluster = "home",')
    found = abgap_in(folder, "analyze", "--json").json["estimates"]
    assert {(e["n_control"], e["n_treatment"]) for e in found} == {(100, 100)}
    assert {e["difference"]["method"] for e in found} == {"delta"}
    checks = {c["name"]: c for c in abgap_in(folder, "check", "--json").json["checks"]}
    assert checks["clusters_in_two_variants"]["status"] == "pass"
    assert "200" in checks["sample_ratio"]["sentence"] or checks["sample_ratio"]["status"] == "pass"
    (gap,) = abgap_in(folder, "gap", "--json").json["gaps"]
    assert "An arm may have fewer than 30 orders" in gap["funnel_note"]
    assert abgap_in(folder, "export", "moments", "--out", folder / "m.parquet").code == 0
    with duckdb.connect() as database:
        rows = database.sql(
            f"SELECT fold IS NULL AS whole, sum(n) FROM '{folder / 'm.parquet'}' "
            "WHERE metric = 'revenue' GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert rows == [(False, 200.0), (True, 200.0)]


def test_folds_can_be_left_out_and_are_missed_aloud(abgap_in: Abgap, folder: Path) -> None:
    write(folder)
    for option, expected in (((), True), (("--no-folds",), False)):
        assert abgap_in(folder, "export", "moments", "--out", "m.csv", "--force", *option).code == 0
        assert ("fold" in (folder / "m.csv").read_text(encoding="utf-8").splitlines()[0]) is expected
    write(folder, columns="")
    found = abgap_in(folder, "export", "moments", "--out", "m.csv", "--force")
    assert found.code == 0
    assert "there are no folds" in found.err
    both = abgap_in(folder, "export", "database", "--out", "d.duckdb", "--no-folds")
    assert both.code == 2
    assert "--no-folds is for moments" in both.err


def test_a_bootstrapped_share_has_one_effect_size_with_its_interval(abgap_in: Abgap, folder: Path) -> None:
    share = '[metrics.buyer]\nkind = "proportion"\nvalue = "orders > 0"\nbootstrap = true\n'
    found = abgap_in(write(folder, bootstrap=share), "analyze", "--json").json["estimates"]
    (buyer,) = [row for row in found if row["metric"] == "buyer"]
    effect, difference = buyer["effect_size"], buyer["difference"]
    assert (difference["method"], effect["method"]) == ("bootstrap", "cohen-d")
    scale = effect["estimate"] / difference["estimate"]
    ends = [difference[end] * scale for end in ("low", "high")]
    assert [effect["low"], effect["high"]] == pytest.approx(ends, rel=1e-9)


def test_strata_of_a_share_that_nobody_has_give_no_nan(abgap_in: Abgap, folder: Path) -> None:
    users = pd.read_parquet(folder / "users.parquet").assign(device=["phone", "desk"] * 300)
    users.to_parquet(folder / "users.parquet", index=False)
    share = '[metrics.nobody]\nkind = "mean"\nvalue = "orders * 0"\nstratify_by = "device"\n'
    file = write(folder, bootstrap=share) / "abgap.toml"
    text = file.read_text(encoding="utf-8")
    sliced = text.replace('variant = "arm" }', 'variant = "arm" }\nslices = ["device"]', 1)
    file.write_text(sliced, encoding="utf-8")
    out = abgap_in(folder, "analyze", "--json").out
    assert '"nobody"' in out
    assert not re.search(r"\bnan\b", out, re.IGNORECASE)
