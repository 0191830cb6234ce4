"""A forecast from ready-made effects alone, with names that nobody should trust."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

Abgap: TypeAlias = Callable[..., Any]
STUDY = """
[metrics.revenue]
kind = "mean"
money = true
smallest_worthwhile_lift = 0.01

[gap]
offline = ["ndcg@10"]
business = ["revenue"]

[portfolio.effects]
path = "effects.csv"
columns = { experiment = "test", metric = "metric", effect = "effect", standard_error = "se" }
"""


def study(folder: Path, experiments: int) -> Path:
    """Past tests in which a gain of 0.01 brought half a percent."""
    rng = np.random.default_rng(1)
    lines = ["test,metric,effect,se"]
    for number in range(experiments):
        gain = 0.02 + 0.02 * rng.standard_normal()
        name = f"<script>{number}'; drop|"
        for metric, effect in (("ndcg@10", gain), ("revenue", 0.5 * gain)):
            lines.append(f"{name},{metric},{effect + 0.002 * rng.standard_normal()},0.002")
    (folder / "effects.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "abgap.toml").write_text(STUDY, encoding="utf-8")
    return folder


def test_a_gain_is_forecast_from_ready_made_effects_without_a_test_or_money(
    abgap_in: Abgap, tmp_path: Path
) -> None:
    shown = abgap_in(study(tmp_path, 9), "forecast", "--offline-gain", "ndcg@10=+0.04", "--json")
    assert shown.code == 0, shown.err
    found = shown.json["forecast"]
    assert found["advice"] == "test"
    assert found["lift"]["low"] < 0.02 < found["lift"]["high"]
    assert found["test"] is None
    assert found["money_per_year"] is None
    assert found["notes"][-1] == "No test is planned: the study has no history of units."


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_four_experiments_are_no_ground_for_a_forecast(
    extra: tuple[str, ...], abgap_in: Abgap, tmp_path: Path
) -> None:
    shown = abgap_in(study(tmp_path, 4), "forecast", "--offline-gain", "ndcg@10=+0.04", *extra)
    assert shown.code == 3
    assert "no forecast of revenue from ndcg@10" in shown.err
    assert "4 experiments with both a gain and a lift, at least 5 are needed" in shown.err


def both_online(folder: Path) -> Path:
    """Clicks are business themselves, and stand for revenue; of the errors less is better."""
    text = STUDY.replace('"ndcg@10"]', '"rmse"]').replace('["revenue"]', '["revenue", "clicks"]')
    more = """
[portfolio]
proxies = ["clicks"]

[metrics.clicks]
kind = "mean"

[metrics.visits]
kind = "mean"

[offline_metrics.rmse]
direction = "down"
"""
    rng = np.random.default_rng(2)
    lines = ["test,metric,effect,se"]
    for number in range(9):
        lift = 0.03 * rng.standard_normal()
        for metric, effect in (("rmse", -0.5 * lift), ("clicks", lift), ("revenue", 0.5 * lift)):
            lines.append(f"t{number},{metric},{effect + 0.002 * rng.standard_normal()},0.002")
    (folder / "effects.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "abgap.toml").write_text(text + more, encoding="utf-8")
    return folder


def test_a_proxy_that_is_business_as_well_forecasts_in_percent(abgap_in: Abgap, tmp_path: Path) -> None:
    folder = both_online(tmp_path)
    shown = abgap_in(folder, "forecast", "--offline-gain", "clicks=0.02", "--standard-error", "0.004")
    assert shown.code == 0, shown.err
    assert shown.out.startswith("clicks +2.00 % (standard error 0.40 %) × revenue   by 9 experiments\n")
    assert re.search(
        r"smallest gain worth testing   \+\d\.\d\d %; from it on a forecast excludes a loss", shown.out
    )
    found = abgap_in(folder, "forecast", "--offline-gain", "clicks=0.02", "--json").json["forecast"]
    assert (found["side"], found["gain"]) == ("proxy", pytest.approx(0.02, rel=1e-9))
    (of_itself, other) = (
        abgap_in(folder, "forecast", "--offline-gain", f"{name}=0.02") for name in ("revenue", "visits")
    )
    assert (of_itself.code, other.code) == (2, 2)
    known = "the portfolio has no offline metric or proxy {!r}; there are: rmse, clicks"
    assert known.format("revenue") in of_itself.err
    assert "hint" not in of_itself.err
    assert known.format("visits") in other.err
    assert "[portfolio] proxies = ['visits']" in other.err


def test_a_metric_of_which_less_is_better_says_how_its_sign_counts(abgap_in: Abgap, tmp_path: Path) -> None:
    shown = abgap_in(both_online(tmp_path), "forecast", "--offline-gain", "rmse=-0.01")
    assert shown.code == 0, shown.err
    assert shown.out.startswith("RMSE +0.0100 × revenue   by 9 experiments\n")
    assert "Less RMSE is better: −0.0100 counts as a gain of +0.0100." in shown.out


def test_no_forecast_is_called_certain(abgap_in: Abgap, tmp_path: Path) -> None:
    shown = abgap_in(both_online(tmp_path), "forecast", "--offline-gain", "clicks=0.4")
    assert shown.code == 0, shown.err
    assert "P(lift above zero)            > 99.9 %\n" in shown.out
    assert "100.0 %" not in shown.out
