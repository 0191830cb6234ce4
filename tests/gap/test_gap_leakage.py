"""Leakage and train / serve skew: the steps of a gain, within slices, weighed as amounts of lift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abgap.gap.reasons.leakage import REASON as LEAKAGE
from abgap.pipeline.analysis import open_analysis
from abgap.records import Direction, Finding, FindingStatus, Interval
from abgap.records.live import LiveModel, LiveQuality, LiveValue
from abgap.study.load import load_study
from tests.gap.planted import METRIC, normal, offline_row
from tests.gap.reason_cases import case_of

EXPERIMENTS, UNITS, TESTED = 4, 900, 1500
HEAD = """
[study]
seed = 5
[exposures]
path = "exposures.parquet"
columns = { experiment = "experiment", unit = "unit", variant = "variant", at = "at" }
[facts.events]
path = "events.parquet"
columns = { unit = "unit", at = "at" }
[metrics.spend]
kind = "mean"
fact = "events"
where = "event = 'spend'"
value = "amount"
aggregate = "sum"
role = "primary"
smallest_worthwhile_lift = 0.03
[offline.predictions]
path = "tests.parquet"
task = "binary"
columns = { model = "model", example = "example", y_true = "y", y_score = "score", at = "at" }
features = ["hint", "noise"]
[offline.trained_on]
path = "trained.parquet"
columns = { example = "example", model = "model" }
[live.predictions]
path = "live.parquet"
columns = { unit = "unit", at = "at", model = "model", example = "id", y_score = "served", offline_score = "offline" }
outcome = { fact = "events", where = "event = 'buy'", within_days = 0.5, key = "request" }
[gap]
offline = ["roc_auc"]
business = ["spend"]
[gap.exchange_rate.roc_auc]
spend = 1.0
"""
START = pd.Timestamp("2026-03-02")


def scores(y: Any, area: float, noise: Any) -> Any:
    """Probabilities of two normals that are as far apart as this area under the curve needs."""
    apart = 2**0.5 * stats.norm.ppf(area)
    return stats.norm.cdf(noise + apart * (y - 0.5))


def write(folder: Path, *, tested: float, live: float, served: float, control: float = 0.70) -> Path:
    """Experiments in which the new model has these areas: on the test set, live, and as it was served."""
    rng = np.random.default_rng(8)
    found: dict[str, list[pd.DataFrame]] = {
        n: [] for n in ("exposures", "events", "live", "tests", "trained")
    }
    text = HEAD
    for e in range(EXPERIMENTS):
        unit = np.array([f"{e}u{i}" for i in range(UNITS)])
        arm = np.where(np.arange(UNITS) % 2 == 1, "B", "A")
        at = START + pd.to_timedelta(rng.uniform(0, 6, UNITS), unit="D")
        found["exposures"].append(
            pd.DataFrame({"experiment": f"e{e}", "unit": unit, "variant": arm, "at": at})
        )
        spent = {
            "unit": unit,
            "at": at + pd.Timedelta("1h"),
            "amount": rng.gamma(100, 0.1, UNITS),
            "event": "spend",
        }
        found["events"].append(pd.DataFrame(spent))
        k = np.repeat(np.arange(UNITS), rng.integers(1, 4, UNITS))
        y, new = rng.uniform(size=len(k)) < 0.3, arm[k] == "B"
        noise, other = rng.normal(size=len(k)), rng.normal(size=len(k))
        request = np.array([f"{e}r{i}" for i in range(len(k))])
        when = at[k] + pd.to_timedelta(rng.uniform(0, 6, len(k)), unit="D")
        offline = np.where(new, scores(y, live, noise), scores(y, 0.70, noise))
        worse = scores(y, served, 0.8 * noise + 0.6 * other)
        found["live"].append(
            pd.DataFrame(
                {
                    "unit": unit[k],
                    "at": when,
                    "model": np.where(new, f"new{e}", f"old{e}"),
                    "id": request,
                    "offline": offline,
                    "served": np.where(new, worse if served != live else offline, scores(y, control, noise)),
                }
            )
        )
        bought = {
            "unit": unit[k][y],
            "at": when[y] + pd.Timedelta("1h"),
            "request": request[y],
            "event": "buy",
        }
        found["events"].append(pd.DataFrame(bought))
        truth, shared = rng.uniform(size=TESTED) < 0.3, rng.normal(size=TESTED)
        for model, area in ((f"old{e}", 0.70), (f"new{e}", tested)):
            test = pd.DataFrame(
                {
                    "model": model,
                    "example": [f"{e}x{i}" for i in range(TESTED)],
                    "y": truth.astype(int),
                    "score": scores(truth, area, 0.6 * shared + 0.8 * rng.normal(size=TESTED)),
                    "at": START - pd.to_timedelta(np.arange(TESTED) % 60, unit="D"),
                    "hint": 0.1 * shared - truth.astype(float),
                    "noise": shared,
                }
            )
            found["tests"].append(test)
            found["trained"].append(test.loc[test.index < TESTED // 5, ["example", "model"]])
        text += f"[experiments.e{e}]\ncontrol = 'A'\nstart = 2026-03-02\nend = 2026-03-16\n"
        text += f"models = {{ A = 'old{e}', B = 'new{e}' }}\n[models.new{e}]\ntrained_until = 2026-02-01\n"
    late = pd.DataFrame({"unit": ["z"], "at": [START + pd.Timedelta("20D")], "event": ["buy"]})
    found["events"].append(late)
    for name, frames in found.items():
        pd.concat(frames, ignore_index=True).to_parquet(folder / f"{name}.parquet", index=False)
    file = folder / "abgap.toml"
    file.write_text(text, encoding="utf-8")
    return file


def silent(message: str) -> None:
    """No progress."""


def diagnosed(file: Path) -> dict[str, list[Finding]]:
    with open_analysis(load_study(file), progress=silent) as analysis:
        gaps = analysis.diagnosed.gaps
    found: dict[str, list[Finding]] = {}
    for gap in gaps:
        for finding in gap.reasons:
            found.setdefault(finding.name, []).append(finding)
    return found


def covered(finding: Finding, truth: float) -> bool:
    assert isinstance(finding.lift, Interval)
    return finding.lift.low <= truth <= finding.lift.high


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    """An area of .98 on the test set and of .72 live, as in the story of the leaked label."""
    return diagnosed(write(tmp_path_factory.mktemp("leak"), tested=0.98, live=0.72, served=0.72))


def test_a_leak_is_found_with_its_amount(leaking: dict[str, list[Finding]]) -> None:
    for finding in leaking["leakage"]:
        assert finding.status is FindingStatus.SUPPORTED
        assert isinstance(finding.lift, Interval)
        assert finding.lift.estimate == pytest.approx(0.98 - 0.72, abs=0.05)
    assert sum(covered(f, 0.98 - 0.72) for f in leaking["leakage"]) >= EXPERIMENTS - 1
    assert {f.status for f in leaking["train_serve_skew"]} == {FindingStatus.CONTRADICTED}


def test_evidence_of_a_leak_names_what_gives_it_away(leaking: dict[str, list[Finding]]) -> None:
    finding = leaking["leakage"][0]
    said = {row.name: row.value for row in finding.evidence}
    assert said["test examples that new0 learnt from"] == 0.2
    assert said["ROC-AUC of hint alone"] == pytest.approx(1.0, abs=0.01)
    assert "ROC-AUC of noise alone" not in said
    assert said["roc_auc of new0 on the test set"] == pytest.approx(0.98, abs=0.01)
    assert any(name.startswith("roc_auc of new0 live") for name in said)
    ages = [name for name in said if name.startswith("ROC-AUC of new0, examples made")]
    assert [name.rsplit("made ")[1] for name in ages] == [
        "before the end of training",
        "up to 7 days after",
        "8 to 28 days after",
        "more than 28 days after",
    ]
    assert "it learnt from 20.0 % of the test examples; 'hint' alone tells the label" in finding.sentence
    assert "after the outcome" in finding.next_action


def test_other_scores_in_production_are_skew_and_no_leak(tmp_path: Path) -> None:
    found = diagnosed(write(tmp_path, tested=0.80, live=0.80, served=0.70))
    for finding in found["train_serve_skew"]:
        assert finding.status is FindingStatus.SUPPORTED
        assert isinstance(finding.lift, Interval)
        assert finding.lift.estimate == pytest.approx(0.10, abs=0.04)
    assert sum(covered(f, 0.10) for f in found["train_serve_skew"]) >= EXPERIMENTS - 1
    assert FindingStatus.SUPPORTED not in {f.status for f in found["leakage"]}


@pytest.mark.parametrize(
    ("candidates", "status"),
    [(None, FindingStatus.SUPPORTED), (10, FindingStatus.NOT_TESTABLE)],
)
def test_the_best_of_many_was_lucky_and_did_not_leak(candidates: int | None, status: FindingStatus) -> None:
    """Of the best of ten candidates 2.2 standard errors are what luck leaves behind."""
    row = offline_row("new", "old", 0.022, 0.0095, candidates=candidates)
    planted = case_of((row,), live=LiveQuality(models=(_live("A", "old"), _live("B", "new"))))
    assert LEAKAGE.judge(planted).status is status


def _live(variant: str, model: str) -> LiveModel:
    """The same value of both models, well known."""
    value = LiveValue(
        metric=METRIC,
        definition="NDCG@10",
        direction=Direction.UP,
        slice_name=None,
        slice_value=None,
        n=10_000,
        units=5_000,
        value=0.6,
        interval=normal(0.6, 0.002),
    )
    return LiveModel(
        experiment="x",
        variant=variant,
        model=model,
        source="rankings",
        n=10_000,
        units=5_000,
        young=0,
        positives=None,
        values=(value,),
    )


def test_without_a_live_log_it_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, tested=0.80, live=0.80, served=0.80)
    text = file.read_text(encoding="utf-8")
    start, end = text.index("[live.predictions]"), text.index("[gap]")
    file.write_text(text[:start] + text[end:], encoding="utf-8")
    found = diagnosed(file)
    assert {f.missing for f in found["leakage"]} == {("[live.predictions]",)}
    assert {f.missing for f in found["train_serve_skew"]} == {("column offline_score of [live.predictions]",)}


def test_a_live_log_that_names_other_models_is_not_asked_for_again(tmp_path: Path) -> None:
    file = write(tmp_path, tested=0.80, live=0.80, served=0.80)
    pd.read_parquet(tmp_path / "live.parquet").assign(model="another").to_parquet(tmp_path / "live.parquet")
    found = diagnosed(file)["leakage"]
    assert {f.missing for f in found} == {()}
    assert all("names the model of its arm" in f.sentence for f in found)


def test_a_control_that_serves_better_scores_than_its_model_is_a_wrong_baseline(tmp_path: Path) -> None:
    found = diagnosed(write(tmp_path, tested=0.80, live=0.80, served=0.80, control=0.78))
    for finding in found["wrong_baseline"]:
        assert finding.status is FindingStatus.SUPPORTED
        assert isinstance(finding.lift, Interval)
        assert finding.lift.estimate == pytest.approx(0.08, abs=0.02)
    assert FindingStatus.SUPPORTED not in {f.status for f in found["train_serve_skew"]}
