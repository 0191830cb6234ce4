"""A study of every kind of metric, in processes of its own: logs in, numbers and files out, moments back in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import abgap

SOURCE = Path(abgap.__file__).resolve().parents[1]
STUDY = """
[exposures]
path = "seen.parquet"
columns = { experiment = { value = "latency" }, unit = "user", variant = "arm", at = "ts" }
slices = ["device"]
[facts.requests]
path = "requests.parquet"
columns = { unit = "user", at = "ts" }
[experiments.latency]
control = "A"
start = 2026-03-02
end = 2026-03-16
[metrics.requests]
kind = "mean"
fact = "requests"
[metrics.p90]
kind = "quantile"
quantile = 0.9
fact = "requests"
value = "ms"
direction = "down"
role = "primary"
[metrics."most <b>'; drop"]
kind = "quantile"
quantile = 0.5
fact = "requests"
value = "ms"
aggregate = "max"
[metrics.back]
kind = "retention"
fact = "requests"
from_day = 1
to_day = 7
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks in which the treatment answers a fifth slower, and brings no one back."""
    folder = tmp_path_factory.mktemp("kinds")
    rng = np.random.default_rng(6)
    n, second = 500, pd.Timedelta(seconds=1)
    start = pd.Timestamp("2026-03-02")
    seen = start + rng.integers(0, 14 * 86400, n) * second
    arm = rng.choice(["A", "B"], n)
    frame = {"user": range(n), "arm": arm, "ts": seen, "device": rng.choice(["desk", "phone"], n)}
    pd.DataFrame(frame).astype({"ts": "datetime64[us]"}).to_parquet(folder / "seen.parquet", index=False)
    user = np.repeat(np.arange(n), rng.poisson(6, n))
    after = rng.exponential(3 * 86400, len(user)).astype(int) * second
    ms = np.round(rng.lognormal(5, 0.4, len(user)) * np.where(arm[user] == "B", 1.2, 1.0), 1)
    events = pd.DataFrame({"user": user, "ts": seen[user] + after, "ms": ms})
    events = events[events["ts"] < "2026-03-16"].astype({"ts": "datetime64[us]"})
    events.to_parquet(folder / "requests.parquet", index=False)
    (folder / "abgap.toml").write_text(STUDY, encoding="utf-8")
    return folder


def abgap_json(folder: Path, *arguments: object) -> Any:
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "abgap", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout


def test_every_kind_is_estimated_whole_by_slice_and_by_day(study: Path) -> None:
    estimates = abgap_json(study, "analyze", "--json")["estimates"]
    whole = {e["metric"]: e for e in estimates if e["slice_name"] is None and e["period"] is None}
    assert whole["p90"]["kind"] == "quantile"
    assert whole["p90"]["lift"]["low"] > 0.05
    assert whole["p90"]["difference"]["method"] == "order-statistics"
    assert whole["p90"]["effect_size"]["reason"] == "not_defined"
    assert whole["most <b>'; drop"]["lift"]["low"] > 0.0
    assert whole["back"]["kind"] == "retention"
    assert whole["back"]["difference"]["method"] == "score"
    assert whole["back"]["n_control"] < whole["requests"]["n_control"]
    assert {e["slice_value"] for e in estimates if e["metric"] == "p90"} == {None, "desk", "phone"}
    days = [e for e in estimates if e["metric"] == "p90" and e["period"]]
    assert len(days) == 14
    assert days[-1]["value_control"] == whole["p90"]["value_control"]


def test_units_too_young_for_retention_are_a_check(study: Path) -> None:
    checks = abgap_json(study, "check", "--json", "--fail-on", "never")["checks"]
    (young,) = [c for c in checks if c["name"] == "too_young"]
    assert 0.3 < young["value"] < 0.7
    assert "left out of back" in young["sentence"]


def test_moments_carry_quantiles_into_another_study(study: Path, tmp_path: Path) -> None:
    abgap_json(study, "export", "moments", "--out", tmp_path / "moments.parquet")
    text = """
[moments]
path = "moments.parquet"
[experiments.latency]
control = "A"
[metrics.p90]
kind = "quantile"
role = "primary"
direction = "down"
[metrics.back]
kind = "retention"
"""
    (tmp_path / "abgap.toml").write_text(text, encoding="utf-8")
    again = abgap_json(tmp_path, "analyze", "--json")["estimates"]
    first = {
        (e["metric"], e["slice_value"], e["period"]): e
        for e in abgap_json(study, "analyze", "--json")["estimates"]
    }
    assert len([e for e in again if e["metric"] == "p90"]) == 1 + 2 + 14
    for e in again:
        before = first[e["metric"], e["slice_value"], e["period"]]
        for key in ("n_control", "value_control", "value_treatment", "difference", "lift", "p_value"):
            assert e[key] == before[key], (e["metric"], key)


def test_a_report_is_made_of_them(study: Path, tmp_path: Path) -> None:
    abgap_json(study, "report", "--out", tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "90 % quantile of ms over rows of requests" in page
    assert "<b>'; drop" not in page
