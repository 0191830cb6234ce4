"""The KPI trap: models trained as an oracle trains them, and what abgap finds in the files of the experiment."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import statsmodels.api as sm
from click.testing import CliRunner
from sklearn import metrics as oracle

from abgap.cli.main import cli
from abgap.lab.kpi_trap import SEED, Experiment, make, online
from abgap.lab.kpi_trap.cases import ABROAD, RATE, balanced
from abgap.lab.kpi_trap.judged import Online
from abgap.lab.kpi_trap.manifestations import manifestations
from abgap.lab.kpi_trap.page import PAGE, page, picture_in_docs
from abgap.lab.kpi_trap.training import Logistic, fit_logistic, terms
from abgap.lab.kpi_trap.variants import BASELINE, TARGETS, THRESHOLD, Way, roc_auc
from abgap.records import FindingStatus, Interval, VerdictName

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trap")


@pytest.fixture(scope="module")
def trap(folder: Path) -> Experiment:
    return make(folder)


def of_experiment(trap: Experiment, name: str) -> Online:
    return trap.judged.online[name]


def test_weighted_likelihood_has_its_maximum_where_statsmodels_finds_it() -> None:
    cases = balanced(np.random.default_rng(3), 4_000)
    weights = np.where(cases.fraud == 1.0, 7.5, 0.25)
    design = terms(cases.features)
    expected = sm.GLM(cases.fraud, design, family=sm.families.Binomial(), freq_weights=weights).fit(tol=1e-14)
    assert fit_logistic(design, cases.fraud, weights) == pytest.approx(expected.params, rel=1e-9, abs=1e-9)


def test_labels_that_a_line_divides_have_no_model() -> None:
    x = np.linspace(-1.0, 1.0, 50)
    with pytest.raises(ArithmeticError):
        fit_logistic(np.column_stack([np.ones(50), x]), (x > 0.0).astype(np.float64), np.ones(50))


def test_one_case_in_two_hundred_is_fraud() -> None:
    cases = balanced(np.random.default_rng(1), 40_000)
    assert cases.fraud.sum() == RATE * 40_000 == 200
    assert cases.markets.count(ABROAD) / 40_000 == pytest.approx(0.2, abs=0.01)


def test_areas_under_curves_with_ties_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(5)
    fraud, scores = (rng.random(500) < 0.1).astype(np.float64), rng.integers(0, 20, 500) / 20.0
    assert roc_auc(scores, fraud) == pytest.approx(oracle.roc_auc_score(fraud, scores), abs=1e-12)


def test_a_shifted_model_calls_what_a_lower_threshold_would() -> None:
    cases = balanced(np.random.default_rng(2), 2_000)
    model = Logistic(coefficients=(-5.0, 1.0, 1.0, 0.1, 0.1, 0.2))
    odds = THRESHOLD / (1.0 - THRESHOLD) / 8.0
    shifted = model.shifted(float(np.log(8.0))).probabilities(cases.features) >= THRESHOLD
    assert (shifted == (model.probabilities(cases.features) >= odds / (1.0 + odds))).all()


def test_values_are_those_that_scikit_learn_gives_for_the_written_predictions(
    trap: Experiment, folder: Path
) -> None:
    rows = pq.read_table(folder / "offline" / "predictions.parquet")
    for outcome in trap.judged.outcomes[:3]:
        mine = rows.filter(pc.equal(rows["model"], outcome.variant.name))
        fraud, score = mine["fraud"].to_numpy(), mine["score"].to_numpy()
        called = score >= THRESHOLD
        expected = {
            "accuracy": oracle.accuracy_score(fraud, called),
            "recall": oracle.recall_score(fraud, called),
            "precision": oracle.precision_score(fraud, called),
            "roc_auc": oracle.roc_auc_score(fraud, score),
        }
        for metric, value in expected.items():
            assert outcome.row(metric).value == pytest.approx(value, rel=1e-12)


def test_every_decision_metric_is_reached_by_weighting_and_by_threshold(trap: Experiment) -> None:
    for target in ("accuracy", "recall", "precision"):
        for way in (Way.WEIGHTING, Way.THRESHOLD):
            outcome = trap.judged.of(target, way)
            assert outcome.reached
            assert outcome.worse


def test_the_order_of_cases_hardly_moves_and_everything_else_pays_for_the_attempt(trap: Experiment) -> None:
    chase = trap.judged.of("roc_auc")
    assert isinstance(chase.gain.gain, Interval)
    assert abs(chase.gain.gain.estimate) < 0.002
    assert not chase.reached
    assert {"accuracy", "precision", "log_loss"} <= {row.metric for row in chase.worse}


def test_chasing_accuracy_ends_at_what_doing_nothing_gets_and_misses_most_fraud(trap: Experiment) -> None:
    chase = trap.judged.of("accuracy")
    assert chase.gain.value == pytest.approx(0.995, abs=0.001)
    assert chase.gain.lazy["constant"] == 0.995
    assert chase.gain.target_ready is False
    assert "recall" in {row.metric for row in chase.worse}


def test_the_offline_win_does_not_move_revenue_and_the_truth_lies_in_the_intervals(
    trap: Experiment, folder: Path
) -> None:
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["online_lift"]
    assert abs(truth["chasing_accuracy"]) < 0.005
    assert of_experiment(trap, "chasing_accuracy").gap.verdict is VerdictName.DID_NOT_MOVE
    assert of_experiment(trap, "chasing_recall").gap.verdict is VerdictName.REVERSED
    for name, lift in truth.items():
        revenue = of_experiment(trap, name).revenue
        assert revenue.low <= lift <= revenue.high


def test_the_diagnosis_names_the_lazy_metric_as_the_reason(trap: Experiment) -> None:
    reasons = of_experiment(trap, "chasing_accuracy").gap.reasons
    assert "lazy_metric" in {r.name for r in reasons if r.status is FindingStatus.SUPPORTED}


def test_chasing_recall_turns_honest_customers_from_abroad_and_noisy_orders_away_first(
    trap: Experiment,
) -> None:
    apart = {(part.metric, part.slice_name): part for part in trap.judged.of("recall").apart}
    for slice_name in ("market", "inputs"):
        part = apart["specificity", slice_name]
        assert part.widened.low > 0.0
        assert part.widened.estimate == pytest.approx(part.distances[1] - part.distances[0], abs=1e-12)


def test_all_three_manifestations_are_shown(trap: Experiment) -> None:
    found = manifestations(trap.judged)
    assert [each.title for each in found] == [
        "Metric deception",
        "Trade-off imbalance",
        "Metric definition flaw",
    ]
    assert all(each.shown for each in found)


def test_the_page_of_the_documentation_is_what_the_experiment_says_now(trap: Experiment) -> None:
    assert (DOCS / PAGE).read_text(encoding="utf-8") == page(trap.judged, SEED, in_docs=True)


def test_pictures_are_well_formed_dark_and_light_and_stand_in_the_documentation(trap: Experiment) -> None:
    drawn = [file for file in trap.files if file.suffix == ".svg"]
    assert len(drawn) == 2 + len(TARGETS)
    for file in drawn:
        text = file.read_text(encoding="utf-8")
        root = ET.fromstring(text)  # noqa: S314 - our own
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme: dark" in text
        assert (DOCS / picture_in_docs(file.name)).exists()
        assert file.name in (trap.page)


def test_the_baseline_is_in_every_picture_of_boundaries_and_in_both_tests(trap: Experiment) -> None:
    boundaries = next(file for file in trap.files if file.name == "boundaries.svg").read_text(
        encoding="utf-8"
    )
    assert BASELINE in boundaries
    assert all(control == BASELINE for control, _ in online.EXPERIMENTS.values())


def test_the_command_names_its_files_and_says_which_manifestations_are_shown(
    trap: Experiment, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, int]] = []

    def made(directory: Path, seed: int, *, progress: object) -> Experiment:  # noqa: ARG001 - as make
        asked.append((directory, seed))
        return trap

    monkeypatch.setattr("abgap.lab.kpi_trap.make", made)
    found = CliRunner().invoke(cli, ["lab", "kpi-trap", "--out", str(folder), "--seed", "7"])
    assert found.exit_code == 0
    assert asked == [(folder, 7)]
    assert found.stdout.split() == [str(trap.study), *map(str, trap.files)]
    assert "Trade-off imbalance: shown" in found.stderr
