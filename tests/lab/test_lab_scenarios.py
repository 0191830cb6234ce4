"""The scenarios of the lab: real files, the same for a seed, and a truth that the files agree with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from abgap.errors import UsageError
from abgap.lab.scenarios.base import PlantedTruth, Scenario, Strength
from abgap.lab.scenarios.folder import make_scenario, read_truth
from abgap.lab.scenarios.registry import SCENARIOS
from abgap.study.load import load_study


def make(name: str, directory: Path, *, seed: int = 7, replicates: int = 1) -> tuple[PlantedTruth, ...]:
    return make_scenario(
        SCENARIOS[name], directory, seed=seed, strength=Strength.CLEAR, replicates=replicates
    )


def bytes_of(directory: Path) -> dict[str, bytes]:
    return {str(f.relative_to(directory)): f.read_bytes() for f in directory.rglob("*") if f.is_file()}


@pytest.fixture(params=SCENARIOS, scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scenario, Path]:
    directory = tmp_path_factory.mktemp("lab") / request.param
    make(request.param, directory, replicates=2)
    return SCENARIOS[request.param], directory


def test_a_scenario_is_a_study_that_loads_and_a_truth_beside_it(made: tuple[Scenario, Path]) -> None:
    scenario, directory = made
    study = load_study(directory / "abgap.toml").study
    truth = json.loads((directory / "truth.json").read_text(encoding="utf-8"))
    assert (truth["scenario"], truth["world"]) == (scenario.name, scenario.world)
    experiments = {each["experiment"] for each in truth["experiments"]}
    assert len(experiments) == 2
    assert isinstance(study.experiments, dict)
    assert experiments <= set(study.experiments)
    assert all(set(each["reasons"]) == set(scenario.reasons) for each in truth["experiments"])
    assert scenario.story in (directory / "README.md").read_text(encoding="utf-8")


# Elsewhere it is chance, the logging, the mix of the arms, or nothing that was planted.
ALL_PLANTED = set(SCENARIOS) - {"underpowered", "data_faults", "simpson", "latency_optimised"}


@pytest.mark.parametrize("name", sorted(ALL_PLANTED))
def test_what_is_planted_is_what_is_missing(name: str, tmp_path: Path) -> None:
    for planted in make(name, tmp_path / "x"):
        missing = planted.expected - planted.true_lift
        amounts = [0.0 if amount is None else amount for amount in planted.reasons.values()]
        assert sum(amounts) == pytest.approx(missing, abs=1e-12)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    for place, seed in (("a", 1), ("b", 1), ("c", 2)):
        make("latency", tmp_path / place, seed=seed)
    first, second, other = (bytes_of(tmp_path / place) for place in "abc")
    assert first == second
    assert first.keys() == other.keys()
    assert first["logs/visits.parquet"] != other["logs/visits.parquet"]


def test_experiments_of_one_study_share_neither_users_nor_queries_nor_models(tmp_path: Path) -> None:
    make("honest_win", tmp_path / "x", replicates=3)
    exposures = pq.read_table(tmp_path / "x/logs/exposures.parquet").to_pandas()
    assert exposures.groupby("user_id")["experiment"].nunique().max() == 1
    scores = pq.read_table(tmp_path / "x/offline/scores.parquet").to_pandas()
    scores["launch"] = scores["model"].str.extract(r"(launch_\d+)")
    assert scores.groupby("query")["launch"].nunique().max() == 1
    assert scores["launch"].nunique() == 3


def test_a_folder_made_before_is_made_anew_and_any_other_is_left_alone(tmp_path: Path) -> None:
    make("honest_win", tmp_path / "x", seed=1)
    make("honest_flat", tmp_path / "x", seed=1)
    assert read_truth(tmp_path / "x")["scenario"] == "honest_flat"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("keep me", encoding="utf-8")
    with pytest.raises(UsageError, match="did not make"):
        make("honest_win", tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert (tmp_path / "mine/notes.txt").read_text(encoding="utf-8") == "keep me"


def test_the_planted_lift_is_that_of_the_logs(tmp_path: Path) -> None:
    make("latency", tmp_path / "x", replicates=30)
    exposures = pq.read_table(tmp_path / "x/logs/exposures.parquet").to_pandas()
    visits = pq.read_table(tmp_path / "x/logs/visits.parquet").to_pandas().merge(exposures, on="user_id")
    after = visits[visits["ts_x"] >= visits["ts_y"]]
    mean = after.groupby("variant")[["spend", "clicks", "latency_ms"]].mean()
    lift = mean.loc["B"] / mean.loc["A"] - 1.0
    assert lift["spend"] == pytest.approx(0.045, abs=0.008)
    assert lift["clicks"] == pytest.approx(0.10, abs=0.008)
    assert mean.loc["B", "latency_ms"] == pytest.approx(800, abs=4)
    assert mean.loc["A", "latency_ms"] == pytest.approx(250, abs=1)


def test_weaker_effects_are_shares_of_the_clear_one(tmp_path: Path) -> None:
    amounts = {}
    for strength in Strength:
        directory = tmp_path / strength.value
        truth = make_scenario(SCENARIOS["latency"], directory, seed=1, strength=strength, replicates=1)
        amounts[strength] = truth[0].reasons["latency"]
    assert list(amounts.values()) == pytest.approx([0.3 * 0.055, 0.6 * 0.055, 0.055])


def test_a_lucky_gain_is_positive_and_mostly_not_established(tmp_path: Path) -> None:
    make("offline_noise", tmp_path / "x", replicates=20)
    scores = pq.read_table(tmp_path / "x/offline/scores.parquet").to_pandas()
    scores = scores[scores["metric"] == "ndcg@10"].pivot_table(index="query", columns="model", values="value")
    found = []
    for i in range(1, 21):
        gain = (scores[f"launch_{i:03d} new"] - scores[f"launch_{i:03d} live"]).dropna()
        found.append(gain.mean() / (gain.std() / np.sqrt(len(gain))))
    assert min(found) > 0.0
    assert sum(z < 1.96 for z in found) >= 16
