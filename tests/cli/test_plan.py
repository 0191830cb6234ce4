"""``abgap plan``: what it takes from a study, what it says, and what it refuses."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from statsmodels.stats.power import TTestIndPower

Abgap: TypeAlias = Callable[..., Any]

_TABLE = """\
[unit_values]
path = "users.csv"
columns = {{ experiment = {{ value = "mail" }}, unit = "user", variant = "arm" }}

[experiments.mail]
control = "A"
treatments = ["B"]

{metrics}
"""
_SPEND = """\
[metrics.spend]
kind = "mean"
value = "spend"
role = "primary"
covariate = { column = "before" }
cap_percentile = 95
smallest_worthwhile_lift = 0.05
"""


@pytest.fixture
def table_study(tmp_path: Path) -> Callable[[str], Path]:
    """A study over one row per user, with the metrics that are given."""

    def write(metrics: str) -> Path:
        rng = np.random.default_rng(3)
        before = rng.gamma(2.0, 10.0, 500)
        spend = before + rng.gamma(2.0, 5.0, 500)
        lines = ["user,arm,before,spend,bought,nothing"]
        lines += [
            f"u{i},{'AB'[i % 2]},{before[i]:.2f},{spend[i]:.2f},{int(spend[i] > 25)},0" for i in range(500)
        ]
        (tmp_path / "users.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (tmp_path / "abgap.toml").write_text(_TABLE.format(metrics=metrics), encoding="utf-8")
        return tmp_path

    return write


def planned(shown: Any) -> dict[tuple[str, str], dict[str, Any]]:
    return {(m["metric"], m["option"]): m for m in shown.json["plan"]["metrics"]}


def column(folder: Path, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    lines = (folder / "users.csv").read_text(encoding="utf-8").splitlines()
    at = lines[0].split(",").index(name)
    return np.array([float(line.split(",")[at]) for line in lines[1:]])


def test_units_come_from_the_control_arm_and_agree_with_statsmodels(
    abgap_in: Abgap, table_study: Callable[[str], Path]
) -> None:
    folder = table_study(_SPEND)
    found = planned(abgap_in(folder, "plan", "--json", "--lift", "0.1"))
    spend, before = column(folder, "spend"), column(folder, "before")
    capped = np.minimum(spend, np.quantile(spend, 0.95))[::2]
    plain = found["spend", "without covariate"]
    assert plain["baseline"] == pytest.approx(capped.mean(), rel=1e-9)
    assert plain["sd"] == pytest.approx(capped.std(ddof=1), rel=1e-9)
    needed = TTestIndPower().solve_power(0.1 * capped.mean() / capped.std(ddof=1), power=0.8, alpha=0.05)
    assert plain["units"] == {"control": math.ceil(needed), "treatment": math.ceil(needed)}
    assert plain["units_total"] == 2 * math.ceil(needed)
    adjusted = found["spend", "as declared"]
    correlation = np.corrcoef(capped, before[::2])[0, 1]
    assert adjusted["variance_removed"] == pytest.approx(correlation**2, rel=1e-9)
    assert adjusted["units_total"] < plain["units_total"]
    uncapped = found["spend", "without cap"]
    assert uncapped["sd"] == pytest.approx(spend[::2].std(ddof=1), rel=1e-9)


def test_all_arms_can_be_the_history(abgap_in: Abgap, table_study: Callable[[str], Path]) -> None:
    folder = table_study(_SPEND)
    plan = abgap_in(folder, "plan", "--json", "--all-arms").json["plan"]
    assert (plan["history"], plan["units_in_history"]) == ("all arms", 500)


def test_the_twin_without_a_cap_is_seen_by_nobody_else(
    abgap_in: Abgap, table_study: Callable[[str], Path]
) -> None:
    folder = table_study(_SPEND)
    abgap_in(folder, "plan")
    assert {e["metric"] for e in abgap_in(folder, "analyze", "--json").json["estimates"]} == {"spend"}
    refused = abgap_in(folder, "plan", "--metric", "spend without its cap")
    assert refused.code == 2
    assert "there are: spend" in refused.err


def test_shares_are_planned_as_the_scorecard_tests_them(
    abgap_in: Abgap, table_study: Callable[[str], Path]
) -> None:
    bought = '[metrics.bought]\nkind = "proportion"\nvalue = "bought"\nrole = "primary"\n'
    folder = table_study(bought)
    found = planned(abgap_in(folder, "plan", "--json", "--lift", "0.1"))["bought", "as declared"]
    p = column(folder, "bought")[::2].mean()
    q, z = p * 1.1, (1.959963984540054, 0.8416212335729143)
    mid = (p + q) / 2
    root = z[0] * np.sqrt(2 * mid * (1 - mid)) + z[1] * np.sqrt(p * (1 - p) + q * (1 - q))
    assert found["units"]["control"] == math.ceil((root / (q - p)) ** 2)


def test_primaries_are_planned_at_the_first_step_of_holm(
    abgap_in: Abgap, table_study: Callable[[str], Path]
) -> None:
    bought = '[metrics.bought]\nkind = "proportion"\nvalue = "bought"\nrole = "primary"\n'
    folder = table_study(_SPEND + bought)
    for arguments, comparisons in (((), 2), (("--arms", "4"), 6), (("--split", "70/15/15"), 4)):
        shown = abgap_in(folder, "plan", "--json", "--metric", "spend", *arguments)
        assert planned(shown)["spend", "as declared"]["alpha"] == pytest.approx(0.05 / comparisons)
        assert f"/ {comparisons}, the first step of Holm" in shown.out


def test_guardrails_are_planned_against_their_margin(
    abgap_in: Abgap, table_study: Callable[[str], Path]
) -> None:
    guard = '[metrics.spend]\nkind = "mean"\nvalue = "spend"\nrole = "guardrail"\n'
    refused = planned(abgap_in(table_study(guard), "plan", "--json"))["spend", "as declared"]
    assert (refused["test"], refused["units"]) == ("non-inferiority", None)
    assert "say --margin" in refused["reason"]
    folder = table_study(guard)
    found = planned(abgap_in(folder, "plan", "--json", "--margin", "0.1"))["spend", "as declared"]
    # Relative to an estimated control mean: (1 - M)^2 of its variance enters.
    spend = column(folder, "spend")[::2]
    noise = spend.std(ddof=1) / spend.mean() / 0.1
    assert found["units"]["control"] == pytest.approx(
        (1.6448536 + 0.8416212) ** 2 * noise**2 * (1 + 0.9**2), rel=0.01
    )
    assert "not worse by 10 %" in abgap_in(folder, "plan", "--margin", "0.1").out


def test_equivalence_is_planned_for_all_metrics_on_request(
    abgap_in: Abgap, table_study: Callable[[str], Path]
) -> None:
    shown = abgap_in(table_study(_SPEND), "plan", "--equivalence")
    assert "within ±5 %" in shown.out
    assert "both one-sided tests at alpha 0.05" in shown.out


def test_without_days_there_are_no_weeks_and_it_says_why(
    abgap_in: Abgap, table_study: Callable[[str], Path]
) -> None:
    folder = table_study(_SPEND)
    shown = abgap_in(folder, "plan")
    assert "say it with --units-per-week" in shown.out
    assert planned(abgap_in(folder, "plan", "--json"))["spend", "as declared"]["weeks"] is None
    refused = abgap_in(folder, "plan", "--weeks", "2")
    assert refused.code == 2
    assert "the data have no days of exposure" in refused.err
    known = planned(abgap_in(folder, "plan", "--json", "--units-per-week", "100", "--share", "0.5"))
    spend = known["spend", "as declared"]
    assert spend["weeks"] == math.ceil(spend["units_total"] / 50)
    assert [week["units"] for week in spend["by_week"]] == [50, 100, 150, 200, 300, 400]


def test_logs_tell_the_traffic_and_windows_add_their_days(abgap_in: Abgap, parquet_study: Path) -> None:
    shown = abgap_in(parquet_study, "plan", "--json", "--weeks", "5")
    plan = shown.json["plan"]
    assert plan["days_in_history"] == 7
    assert plan["weekly_units"] == 600
    revenue = planned(shown)["revenue_per_user", "as declared"]
    assert [week["week"] for week in revenue["by_week"]] == [1, 2, 3, 4, 5, 6, 8]
    assert [week["units"] for week in revenue["by_week"]] == [600, 1200, 1800, 2400, 3000, 3600, 4800]
    detectable = [week["detectable"] for week in revenue["by_week"]]
    assert detectable == sorted(detectable, reverse=True)
    assert revenue["weeks"] == math.ceil(revenue["units_total"] / 600)
    assert detectable[4] == pytest.approx(detectable[0] / math.sqrt(5), rel=0.01)


def test_the_moments_of_a_study_give_the_same_sizes_as_its_logs(
    abgap_in: Abgap, parquet_study: Path, moments_study: Path
) -> None:
    logs, moments = (planned(abgap_in(folder, "plan", "--json")) for folder in (parquet_study, moments_study))
    names = [
        ("revenue_per_user", "as declared"),
        ("conversion", "as declared"),
        ("orders_per_click", "as declared"),
    ]
    for name in names:
        assert logs[name]["units"] == moments[name]["units"]
        assert logs[name]["sd"] == moments[name]["sd"]


@pytest.mark.parametrize("kind", ["parquet_study", "moments_study"])
def test_in_words_there_are_tables_and_a_curve(
    kind: str, abgap_in: Abgap, request: pytest.FixtureRequest
) -> None:
    shown = abgap_in(request.getfixturevalue(kind), "plan", "--weeks", "5")
    assert shown.code == 0
    assert shown.err == ""
    for words in ("history: A, 300 units over 7 days", "units per arm", "power after 5 weeks", "█", "1 week"):
        assert words in shown.out
    assert "conversion, sessions_per_user" in shown.out
    assert "no smallest_worthwhile_lift is declared" in shown.out


def test_the_curve_is_an_svg_that_stands_alone(abgap_in: Abgap, parquet_study: Path, tmp_path: Path) -> None:
    picture = tmp_path / "plan.svg"
    assert abgap_in(parquet_study, "plan", "--curve", picture).code == 0
    text = picture.read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - written by us a moment ago
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    used = set(re.findall(r'class="([^"]+)"', text))
    assert {name for names in used for name in names.split()} - {"chart"} <= set(
        re.findall(r"\.([fs]-\w+)", text)
    )
    assert set(re.findall(r"var\((--\w+)", text)) <= set(re.findall(r"(--\w+):", text))
    assert "revenue_per_user" in text
    again = tmp_path / "again.svg"
    abgap_in(parquet_study, "plan", "--curve", again)
    assert again.read_text(encoding="utf-8") == text
    refused = abgap_in(parquet_study, "plan", "--curve", picture)
    assert refused.code == 2
    assert "--force" in refused.err


def test_without_traffic_there_is_no_curve(
    abgap_in: Abgap, table_study: Callable[[str], Path], tmp_path: Path
) -> None:
    shown = abgap_in(table_study(_SPEND), "plan", "--curve", tmp_path / "plan.svg")
    assert shown.code == 0
    assert "there is no curve" in shown.err
    assert not (tmp_path / "plan.svg").exists()


def test_a_metric_that_does_not_vary_is_refused_in_words(
    abgap_in: Abgap, table_study: Callable[[str], Path]
) -> None:
    nothing = '[metrics.nothing]\nkind = "mean"\nvalue = "nothing"\nsmallest_worthwhile_lift = 0.1\n'
    shown = abgap_in(table_study(nothing), "plan", "--units-per-week", "100")
    assert shown.code == 0
    assert "nothing: every unit of the history has the same value" in shown.out


def test_unknown_names_and_impossible_arms_are_mistakes_of_the_user(
    abgap_in: Abgap, table_study: Callable[[str], Path]
) -> None:
    folder = table_study(_SPEND)
    for arguments in (
        ("--experiment", "male"),
        ("--metric", "spent"),
        ("--split", "100"),
        ("--split", "50/-50"),
        ("--split", "a/b"),
        ("--split", "50/nan"),
        ("--arms", "3", "--split", "50/50"),
        ("--arms", "1"),
        ("--power", "1"),
        ("--lift", "0"),
        ("--share", "1.5"),
    ):
        assert abgap_in(folder, "plan", *arguments).code == 2, arguments
