"""Novelty and primacy from logs: every unit followed over its days; who is too young, or what too short, is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest
from scipy import stats

Abgap: TypeAlias = Callable[..., Any]
START = pd.Timestamp("2026-03-02")
DAY = pd.Timedelta(days=1)
STUDY = """
[exposures]
path = "seen.parquet"
columns = { experiment = { value = "new" }, unit = "user", variant = "arm", at = "ts" }
[facts.events]
path = "events-*.parquet"
columns = { unit = "user", at = "ts" }
[experiments.new]
control = "A"
start = 2026-03-02
end = 2026-03-30
[metrics.clicks]
kind = "mean"
fact = "events"
where = "kind = 'click'"
window_days = 7.5
role = "primary"
[metrics.spend]
kind = "mean"
fact = "events"
value = "amount"
role = "primary"
[metrics.complaints]
kind = "mean"
fact = "events"
where = "kind = 'complaint'"
window_days = 2
role = "primary"
[metrics.bought]
kind = "proportion"
fact = "events"
where = "amount > 0"
role = "primary"
[metrics.aside]
kind = "mean"
fact = "events"
"""


def clicks_of(rng: np.random.Generator, seen: pd.Series, rate: np.ndarray[Any, Any]) -> pd.DataFrame:
    """Clicks of units over 14 days each; rate: of each unit and day."""
    count = rng.poisson(rate)
    unit, day = np.nonzero(count)
    unit, day = (np.repeat(x, count[unit, day]) for x in (unit, day))
    at = seen.to_numpy()[unit] + (day * 86_400 + rng.integers(0, 86_400, len(unit))).astype("timedelta64[s]")
    return pd.DataFrame({"user": unit, "ts": at, "kind": "click", "amount": rng.lognormal(2, 1, len(unit))})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks of new units, six weeks of events; the treatment doubles the first day and wears off within a week."""
    folder = tmp_path_factory.mktemp("trends")
    rng = np.random.default_rng(8)
    n = 900
    seen = START + pd.Series(rng.integers(0, 24 * 86_400, n)) * pd.Timedelta(seconds=1)
    arm = rng.choice(["A", "B"], n)
    pd.DataFrame({"user": range(n), "arm": arm, "ts": seen}).astype({"ts": "datetime64[us]"}).to_parquet(
        folder / "seen.parquet", index=False
    )
    fading = np.maximum(1.0 - np.arange(14) / 6.0, 0.0)
    rate = 0.8 * rng.gamma(2.0, 0.5, (n, 1)) * np.where(arm[:, None] == "B", 1.0 + fading, 1.0)
    events = clicks_of(rng, seen, rate).astype({"ts": "datetime64[us]"})
    events = events[events["ts"] < "2026-03-30"]
    weeks = (events["ts"].to_numpy() - START.to_datetime64()) // np.timedelta64(7, "D")
    for week, part in events.groupby(weeks):
        part.to_parquet(folder / f"events-{week}.parquet", index=False)
    (folder / "abgap.toml").write_text(STUDY, encoding="utf-8")
    return folder


def by_hand(folder: Path, days: int, value: str, *, closed: bool) -> list[Any]:
    """Values of units (rows) on their days by arm, from the rows themselves."""
    seen = pd.read_parquet(folder / "seen.parquet")
    events = pd.concat([pd.read_parquet(path) for path in sorted(folder.glob("events-*.parquet"))])
    end, last = pd.Timestamp("2026-03-30"), events["ts"].max()
    assert end - last < DAY
    over = seen["ts"] + days * DAY
    old = seen[(over <= end) if closed else ((over <= last) | (over <= end))]
    joined = old.merge(events, on="user", suffixes=("", "_event"))
    joined["day"] = (joined["ts_event"] - joined["ts"]).dt.days
    joined = joined[(joined["day"] >= 0) & (joined["day"] < days)].assign(count=1.0)
    table = joined.pivot_table(index="user", columns="day", values=value, aggfunc="sum", fill_value=0.0)
    table = table.reindex(index=old["user"], columns=range(days), fill_value=0.0)
    return [table[(old["arm"] == arm).to_numpy()].to_numpy() for arm in "AB"]


def mean_day(y: np.ndarray[Any, Any]) -> tuple[float, float]:
    """The mean day on which values come, and its variance by the delta method."""
    days = np.arange(y.shape[1])
    found = (y @ days).sum() / y.sum()
    return float(found), float(((y @ (days - found)) / y.sum(1).mean()).var(ddof=1) / len(y))


def trends_of(folder: Path, abgap_in: Abgap) -> dict[str, Any]:
    found = abgap_in(folder, "analyze", "--json", "--quiet")
    assert found.code == 0, found.err
    return {t["metric"]: t for t in found.json["trends"]}


def test_slopes_are_those_of_the_rows_and_novelty_is_named(folder: Path, abgap_in: Abgap) -> None:
    trends = trends_of(folder, abgap_in)
    assert list(trends) == ["clicks", "spend", "complaints", "bought"]
    for metric, days, value, closed in (("clicks", 7, "count", False), ("spend", 14, "amount", True)):
        arms = by_hand(folder, days, value, closed=closed)
        found = trends[metric]
        assert (found["days"], found["n_control"], found["n_treatment"]) == (days, *map(len, arms))
        control, treatment = (y.mean(0) for y in arms)
        lifts = treatment / control - 1.0
        expected = np.polyfit(np.arange(days), lifts, 1, w=np.sqrt(control))[0]
        assert found["slope"]["estimate"] == pytest.approx(expected, rel=1e-9)
        (before, error_before), (after, error_after) = map(mean_day, arms)
        t = (after - before) / np.sqrt(error_before + error_after)
        df = (error_before + error_after) ** 2 / sum(
            error**2 / (len(y) - 1) for error, y in zip((error_before, error_after), arms, strict=True)
        )
        assert found["p_value"] == pytest.approx(2.0 * stats.t.sf(abs(t), df), rel=1e-7)
        assert found["p_adjusted"] >= found["p_value"]
    clicks = trends["clicks"]
    assert clicks["pattern"] == "novelty"
    assert clicks["slope"]["high"] < 0
    assert clicks["sentence"].startswith(
        "The effect of B on clicks gets worse with use (a novelty effect): expect less of it in the long run; "
        "over the first 7 days after exposure "
    )


def test_what_cannot_be_followed_says_why(folder: Path, abgap_in: Abgap) -> None:
    trends = trends_of(folder, abgap_in)
    reasons = {name: trends[name]["slope"]["reason"] for name in ("complaints", "bought")}
    assert reasons == {"complaints": "too_short", "bought": "not_additive"}
    assert trends["bought"]["sentence"] == (
        "Whether the effect of B on bought changes with the days since exposure cannot be told: "
        "it is no sum or number of events that have a time."
    )
    assert (trends["bought"]["days"], trends["bought"]["n_control"]) == (None, None)


def test_values_that_do_not_add_up_to_more_than_zero_have_no_relative_lift(
    folder: Path, tmp_path: Path, abgap_in: Abgap
) -> None:
    costs = STUDY.replace('value = "amount"', 'value = "-amount"')
    found = copy(folder, tmp_path, costs, abgap_in)["spend"]
    assert (found["slope"]["reason"], found["p_value"], found["pattern"]) == ("not_positive", None, None)
    assert found["sentence"] == (
        "Whether the effect of B on spend changes with the days since exposure cannot be told: "
        "the values of an arm cannot be said to add up to more than zero."
    )


def test_the_direction_of_the_metric_turns_the_pattern(folder: Path, tmp_path: Path, abgap_in: Abgap) -> None:
    down = STUDY.replace("kind = 'click'\"", 'kind = \'click\'"\ndirection = "down"')
    assert copy(folder, tmp_path, down, abgap_in)["clicks"]["pattern"] == "primacy"


def test_an_open_metric_of_a_short_or_undated_experiment_is_followed_less_or_not(
    folder: Path, tmp_path: Path, abgap_in: Abgap
) -> None:
    two_weeks = STUDY.replace("2026-03-30", "2026-03-16")
    assert copy(folder, tmp_path, two_weeks, abgap_in)["spend"]["days"] == 7
    four_days = STUDY.replace("2026-03-30", "2026-03-06")
    assert copy(folder, tmp_path, four_days, abgap_in)["spend"]["slope"]["reason"] == "too_short"
    undated = STUDY.replace("start = 2026-03-02\nend = 2026-03-30\n", "")
    found = copy(folder, tmp_path, undated, abgap_in)
    assert found["spend"]["slope"]["reason"] == "not_declared"
    assert found["clicks"]["days"] == 7


def test_it_can_be_left_out(folder: Path, tmp_path: Path, abgap_in: Abgap) -> None:
    assert copy(folder, tmp_path, "[study]\nnovelty = false\n" + STUDY, abgap_in) == {}


def test_moments_are_made_without_it(folder: Path, abgap_in: Abgap, tmp_path: Path) -> None:
    result = abgap_in(folder, "export", "moments", "--out", tmp_path / "m.parquet", "--no-cache")
    assert result.code == 0, result.err
    assert "following units" not in result.err


def test_a_report_has_them_and_again_the_same_bytes(folder: Path, tmp_path: Path, abgap_in: Abgap) -> None:
    written = []
    for name in ("one", "two"):
        result = abgap_in(folder, "report", "--out", tmp_path / name)
        assert result.code == 0, result.err
        written.append((tmp_path / name / "results.json").read_bytes())
    assert written[0] == written[1]
    assert {t["metric"] for t in json.loads(written[0])["trends"]} >= {"clicks", "spend"}


def copy(folder: Path, to: Path, study: str, abgap_in: Abgap) -> dict[str, Any]:
    """The trends of another study over the same logs."""
    for path in folder.glob("*.parquet"):
        if not (to / path.name).exists():
            (to / path.name).symlink_to(path)
    (to / "abgap.toml").write_text(study, encoding="utf-8")
    return trends_of(to, abgap_in)
