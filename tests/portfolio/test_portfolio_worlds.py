"""Worlds with known truth: what the portfolio finds in them, in small, and the page of the large run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from abgap.lab.portfolio.goals import Goal, Kind, goals_of
from abgap.lab.portfolio.measures import GROUPS, measure
from abgap.lab.portfolio.page import page
from abgap.lab.portfolio.record import Record, from_json, to_json
from abgap.lab.portfolio.tally import Outcome, Tally, tally_of
from abgap.lab.portfolio.worlds import FOLDS, WORLDS, World, draw
from abgap.records.moments import FloatArray
from abgap.stats.uniformity import binomial_interval

ROOT = Path(__file__).resolve().parents[2]
HINT = "run: make portfolio"
BY_NAME = {world.name: world for world in WORLDS}
RUNS = 100


def correlation(x: FloatArray, y: FloatArray) -> float:
    return float(stats.pearsonr(x, y).statistic)


@pytest.fixture(scope="module")
def recorded() -> Record:
    return from_json((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["unequal", "shared", "direct", "weak", "zero"])
def test_estimates_lie_at_the_truth_and_intervals_hold_it(name: str, recorded: Record) -> None:
    found = measure(BY_NAME[name], "covariance", RUNS)
    for entry in ("covariance xx", "covariance xy", "covariance yy"):
        assert found[entry].told == RUNS
        # The large run knows the Monte-Carlo error better than so few replicates.
        large = recorded[name]["covariance"][entry]
        assert abs(found[entry].bias) < 3.0 * large.bias_error * (large.runs / RUNS) ** 0.5, entry
    for number in ("slope", "correlation", "reliability x", "reliability y"):
        tally = found[number]
        if tally.told >= 30:
            assert tally.holds() is not False, (number, tally.coverage, tally.coverage_interval())


@pytest.mark.parametrize("name", ["zero", "nothing"])
def test_no_rule_is_credited_with_noise(name: str) -> None:
    found = measure(BY_NAME[name], "decisions", RUNS)
    value = found["value in the long run, gain"]
    assert value.covered is not None
    assert value.covered >= 0.93 * RUNS
    assert found["value, best"].unbiased
    assert found["value without folds, best"].bias > 5 * found["value without folds, best"].bias_error
    assert (found["regret, gain"].bias > 0) == (name == "zero")


def test_signs_agree_as_often_as_the_interval_says() -> None:
    tally = measure(BY_NAME["unequal"], "trust", RUNS)["sign agreement"]
    assert tally.holds() is not False


def test_worlds_are_drawn_as_they_are_described() -> None:
    world = replace(BY_NAME["alike"], errors_together=0.4, direct=0.02, mean_gain=0.05)
    drawn = draw(world, 2000, seed=3)
    truth = drawn.truth
    assert truth.mean((0, 1)) == pytest.approx([0.05, 0.04], abs=0.001)
    assert np.cov(truth[:, 7].T) == pytest.approx(world.signal, rel=0.15)
    gains = truth[:, :, 0]
    arms = np.flatnonzero(drawn.errors.experiment == 1)[:2]
    assert correlation(*gains[:, arms].T) == pytest.approx(0.5, abs=0.05)
    errors = (drawn.values - truth).reshape(2000, -1)
    whole = drawn.errors.dense()
    scale = np.sqrt(np.outer(np.diag(whole), np.diag(whole)))
    assert np.cov(errors.T) / scale == pytest.approx(whole / scale, abs=0.1)
    assert drawn.parts.sum(-1) == pytest.approx(drawn.values)
    of_folds = drawn.parts[:, :, 1] - truth[:, :, 1, None] / FOLDS
    assert of_folds.std((0, 2)) == pytest.approx(drawn.errors.errors[:, 1] / np.sqrt(FOLDS), rel=0.05)
    assert correlation(*of_folds[:, 0, :2].T) == pytest.approx(0.0, abs=0.08)
    next_pair = np.stack([drawn.next_gain, drawn.next_lift])
    assert np.cov(next_pair) == pytest.approx(world.signal, rel=0.15)


def test_heavy_tails_keep_the_variance() -> None:
    truth = draw(BY_NAME["heavy"], 20_000, seed=5).truth[:, 0, 0]
    assert truth.std() == pytest.approx(0.02, rel=0.03)
    assert np.mean((truth / truth.std()) ** 4) > 5


def test_the_same_world_is_the_same_whatever_else_is_drawn() -> None:
    assert (draw(WORLDS[0], 3).values == draw(WORLDS[0], 3).values).all()
    assert not np.allclose(draw(WORLDS[0], 3).values, draw(replace(WORLDS[0], name="other"), 3).values)


def test_outcomes_are_counted() -> None:
    outcomes = [
        Outcome(1.0, 1.5, 0.5, 2.0),
        Outcome(1.0, 0.2, 0.0, 0.9),
        Outcome(1.0, 2.0, 1.5, 2.5),
        Outcome.refused(1.0),
    ]
    tally = tally_of(outcomes)
    assert (tally.runs, tally.told, tally.truth) == (4, 3, 1.0)
    assert (tally.covered, tally.below, tally.above) == (1, 1, 1)
    assert tally.coverage == pytest.approx(1 / 3)
    errors = np.array([0.5, -0.8, 1.0])
    assert (tally.bias, tally.median_error) == pytest.approx((errors.mean(), 0.5))
    assert tally.bias_error == pytest.approx(errors.std(ddof=1) / np.sqrt(3))
    assert tally.coverage_interval() == binomial_interval(1, 3, 0.95)
    without = tally_of([Outcome(1.0, 1.5), Outcome(1.0, 0.5)])
    assert without.covered is None
    assert without.unbiased
    nothing = tally_of([Outcome.refused(1.0)])
    assert (nothing.told, nothing.covered) == (0, None)


def counted(covered: int, told: int = 1000) -> Tally:
    return Tally(
        runs=told, told=told, truth=0.0, bias=0.0, bias_error=0.1, median_error=0.0, covered=covered,
        below=told - covered, above=0,
    )  # fmt: skip


def test_a_goal_is_met_missed_or_within_its_error() -> None:
    assert [counted(n).holds() for n in (950, 915, 900, 985, 995)] == [True, None, False, None, False]
    record: Record = {
        "zero": {
            "covariance": {"slope": counted(900), "correlation": counted(20, 20)},
            "bootstrap": {"slope, bootstrap": counted(500)},
            "decisions": {
                "value in the long run, gain": counted(900),
                "value in the long run, lift": counted(10),
            },
        }
    }
    goals = [(goal.kind, goal.number, goal.met) for goal in goals_of(record)]
    assert goals == [
        (Kind.COVERAGE, "slope", False),
        (Kind.NOTHING, "value in the long run, gain", False),
    ]


def test_the_page_is_what_the_record_says(recorded: Record) -> None:
    assert (ROOT / "docs" / "portfolio.md").read_text(encoding="utf-8") == page(recorded), HINT


def test_everything_is_recorded_of_every_world(recorded: Record) -> None:
    assert list(recorded) == [world.name for world in WORLDS], HINT
    for groups in recorded.values():
        assert list(groups) == list(GROUPS), HINT
        assert min(tally.runs for numbers in groups.values() for tally in numbers.values()) >= 100


def test_a_record_is_read_as_it_was_written(recorded: Record) -> None:
    assert from_json(to_json(recorded)) == recorded


def misses(recorded: Record) -> list[Goal]:
    return [goal for goal in goals_of(recorded) if goal.met is False]


def test_the_large_run_holds_where_it_has_to(recorded: Record) -> None:
    required = {"unequal", "shared", "direct", "weak", "zero"}
    assert [
        goal
        for goal in misses(recorded)
        if goal.world in required
        and goal.number in {"slope", "correlation", "reliability x", "reliability y"}
    ] == []
    assert [goal for goal in misses(recorded) if goal.kind is Kind.NOTHING] == []
    assert {goal.world for goal in misses(recorded) if goal.kind is Kind.UNBIASED} <= {"alike"}


def test_the_page_hides_no_miss(recorded: Record) -> None:
    text = page(recorded)
    for goal in misses(recorded):
        assert f"| {goal.kind.value} | {goal.number} | {goal.world} |" in text
        assert goal.why, "a miss is explained"


def test_signal_of_a_world_without_effects_is_zero() -> None:
    world: World = BY_NAME["nothing"]
    assert world.correlation == 0.0
    assert (draw(world, 2).truth[..., 1] == 0.0).all()
