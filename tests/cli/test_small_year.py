"""The sample year with one user in fifty: every command from end to end on logs as they come, over several files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from abgap import resources
from abgap.lab import sample

Abgap: TypeAlias = Callable[..., Any]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small sample data."""
    folder = tmp_path_factory.mktemp("year")
    sample.small(folder)
    shutil.copy(resources.folder("sample_data") / "abgap.toml", folder)
    return folder


def test_the_demo_makes_study_truth_and_report_and_again_the_same(
    year: Path, abgap_in: Abgap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(directory: Path, *, progress: Callable[[str, float], None]) -> None:
        progress("small data", 0.5)
        sample.small(directory)

    monkeypatch.setattr(sample, "generate", small)
    first = abgap_in(tmp_path, "demo", "--out", "demo", "--data", year)
    assert first.code == 0, first.err
    assert first.out.split() == ["demo/report.html", "demo/report.md", "demo/results.json"]
    assert f"The study is {year}/abgap.toml; {year}/truth.json says what is planted" in first.err
    written = {p.name: p.read_bytes() for p in (tmp_path / "demo").iterdir()}
    assert set(written) == {"report.html", "report.md", "results.json"}
    (year / "abgap.toml").write_text((year / "abgap.toml").read_text() + "\n# my own remark\n")
    again = abgap_in(tmp_path, "demo", "--out", "demo", "--data", year, "--json")
    assert again.json["files"] == first.out.split()
    assert "# my own remark" in (year / "abgap.toml").read_text()
    assert (tmp_path / "demo" / "report.md").read_bytes()[:200] == written["report.md"][:200]


def test_every_finding_of_the_small_year_can_be_asked_for(
    year: Path, abgap_in: Abgap, tmp_path: Path
) -> None:
    checks = abgap_in(year, "check", "--json", "--fail-on", "never").json["checks"]
    assert {"sample_ratio", "unusable_events", "units_in_two_variants", "open_windows"} <= {
        c["name"] for c in checks
    }
    estimates = abgap_in(year, "analyze", "cross_encoder", "--json").json["estimates"]
    assert {e["treatment"] for e in estimates} == {"B", "C"}
    assert "ranker-7-full" in abgap_in(year, "offline").out
    assert abgap_in(year, "gap", "cross_encoder").out.count("orders_per_click") == 2  # a funnel for each arm
    assert abgap_in(year, "portfolio").out.startswith("13 experiments\n")
    out = tmp_path / "moments.parquet"
    assert abgap_in(year, "export", "moments", "--out", out).code == 0
    statement = "SELECT count(*) AS n FROM events WHERE month = '2025-03' AND unit IS NOT NULL"
    assert abgap_in(year, "sql", statement, "--json").json[0]["n"] > 0


def test_a_study_is_guessed_from_the_small_year(year: Path, abgap_in: Abgap, tmp_path: Path) -> None:
    shown = abgap_in(
        tmp_path, "init", year / "logs/exposures/**/*.parquet", year / "logs/events/**/*.parquet",
        year / "offline/scores.parquet", "--control", "A",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    assert abgap_in(tmp_path, "check", "--fail-on", "never").code == 0
    text = (tmp_path / "abgap.toml").read_text()
    assert "guess" in text


def test_a_gain_is_forecast_from_the_small_year(year: Path, abgap_in: Abgap) -> None:
    shown = abgap_in(year, "forecast", "--offline-gain", "ndcg@10=+0.03", "--standard-error", "0.004")
    assert shown.code == 0, shown.err
    assert shown.out.startswith(
        "NDCG@10 +0.0300 (standard error 0.00400) × revenue per user   by 12 experiments\n"
    )
    for words in ("expected lift", "P(lift above zero)", "money per year", " EUR [", "units in both arms"):
        assert words in shown.out
    found = abgap_in(year, "forecast", "--offline-gain", "ndcg@10=-0.03", "--json").json["forecast"]
    assert found["advice"] in ("test", "do not bother")
    assert found["sentence"].lower().startswith(found["advice"])
    assert found["gain"] == -0.03
    assert found["lift"]["low"] < found["lift"]["estimate"] < found["lift"]["high"]
    assert 0.0 < found["probability_worthwhile"] < found["probability_positive"] < 1.0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("ndcg@10",), "give a metric and its gain, such as ndcg@10=+0.03, not 'ndcg@10'"),
        (("ndcg@10=3%",), "'3%' is no number; give a metric and its gain"),
        (("ndcg@10=nan",), "'nan' is no number; give a metric and its gain"),
        (("ndcg@10=0.1", "--standard-error", "nan"), "nan is no number"),
        (("ndcg@99=0.1",), "the portfolio has no offline metric or proxy 'ndcg@99'; there are: ndcg@10"),
        (
            ("ndcg@10=0.1", "--business", "fun"),
            "the portfolio has no business metric 'fun'; there are: revenue",
        ),
    ],
)
def test_a_gain_that_cannot_be_forecast_is_refused(
    asked: tuple[str, ...], message: str, year: Path, abgap_in: Abgap
) -> None:
    shown = abgap_in(year, "forecast", "--offline-gain", *asked)
    assert shown.code == 2
    assert message in shown.err
