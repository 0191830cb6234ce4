"""The score card itself: what is counted, when a goal is met, and that the page and picture are those of the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from abgap.lab.diagnosis.goals import Kind, Outcome, Rate, goals_of
from abgap.lab.diagnosis.page import PICTURE, page
from abgap.lab.diagnosis.picture import draw_card
from abgap.lab.diagnosis.record import from_json, to_json
from abgap.lab.diagnosis.runs import SEED, cells_to_run
from abgap.lab.diagnosis.tally import Amounts, Cell, Tally, cell_of
from abgap.lab.scenarios.base import PlantedTruth, Scenario, Strength
from abgap.lab.scenarios.registry import SCENARIOS
from abgap.lab.scenarios.running import Diagnosed
from abgap.records import (
    Estimable,
    Finding,
    FindingStatus,
    Gap,
    Interval,
    NotEstimable,
    Reason,
    Results,
)
from tests.report.made_results import results_of

ROOT = Path(__file__).resolve().parents[2]
RECORD = Path(__file__).parent / "recorded.json"
S, C, N = FindingStatus.SUPPORTED, FindingStatus.CONTRADICTED, FindingStatus.NOT_TESTABLE
NOTHING = NotEstimable(reason=Reason.NOT_DECLARED, detail="no input")
HINT = "run: make diagnosis"


def interval(low: float, estimate: float, high: float) -> Interval:
    return Interval(estimate=estimate, low=low, high=high, level=0.95, method="test")


def finding(name: str, status: FindingStatus, lift: Estimable) -> Finding:
    return Finding(
        name=name, title=name, status=status, share=None, lift=lift, sentence="", next_action=""
    )  # fmt: skip


@pytest.fixture(scope="module")
def gap() -> Gap:
    results: Results = results_of(["ranker"])
    return replace(results.gaps[0], shortfall=interval(0.01, 0.02, 0.03))


def diagnosed(gap: Gap, planted: Mapping[str, float | None], *reasons: Finding) -> Diagnosed:
    truth = PlantedTruth(
        experiment="ranker",
        treatment="B",
        offline_metric="ndcg@10",
        business_metric="revenue",
        expected=0.02,
        true_lift=0.0,
        reasons=planted,
    )
    return Diagnosed(planted=truth, gap=replace(gap, reasons=reasons))


def scenario(*reasons: str) -> Scenario:
    return Scenario(name="made", world="made", story="A story.", reasons=reasons, write=lambda *_: ())


def test_counts_are_those_of_the_replicates(gap: Gap) -> None:
    no_gap = replace(gap, shortfall=interval(-0.01, 0.0, 0.01))
    planted = {"latency": 0.02}
    found = [
        diagnosed(gap, planted, finding("latency", S, interval(0.01, 0.021, 0.03)), finding("novelty", N, NOTHING)),
        diagnosed(gap, planted, finding("novelty", S, interval(0.01, 0.02, 0.03)),
                  finding("latency", S, interval(0.03, 0.04, 0.05))),
        diagnosed(no_gap, planted, finding("latency", N, interval(0.0, 0.011, 0.03)), finding("novelty", N, NOTHING)),
        diagnosed(gap, planted, finding("latency", C, interval(0.0, 0.001, 0.002)), finding("novelty", C, NOTHING)),
    ]  # fmt: skip
    cell = cell_of(scenario("latency"), Strength.CLEAR, 1, found)
    assert (cell.replicates, cell.gaps, cell.explained, cell.false) == (4, 3, 2, 1)
    latency, novelty = cell.reasons["latency"], cell.reasons["novelty"]
    assert (latency.judged, latency.testable, latency.opened) == (4, 4, 3)
    assert (latency.supported, latency.contradicted, latency.first) == (2, 1, 1)
    amounts = latency.amounts
    assert amounts is not None
    errors = [0.001, 0.02, -0.009, -0.019]
    assert (amounts.n, amounts.truth, amounts.covered) == (4, 0.02, 2)
    assert (amounts.bias, amounts.sd) == pytest.approx((np.mean(errors), np.std(errors, ddof=1)))
    assert amounts.bias_error == pytest.approx(stats.sem(errors))
    assert (novelty.planted, novelty.testable, novelty.supported, novelty.first) == (False, 2, 1, 1)
    assert novelty.amounts is None


def tally(
    *, planted: bool = False, supported: int = 0, testable: int = 200, covered: int | None = None
) -> Tally:
    amounts = None if covered is None else Amounts(n=200, truth=0.02, bias=0.0001, sd=0.01, covered=covered)
    return Tally(
        planted=planted, judged=200, testable=testable, opened=200, supported=supported, contradicted=0,
        first=supported, amounts=amounts,
    )  # fmt: skip


def cell(name: str, planted: tuple[str, ...], reasons: Mapping[str, Tally], *, explained: int = 200) -> Cell:
    return Cell(
        scenario=name, world="made", strength=Strength.CLEAR, planted=planted, seed=1, replicates=200, gaps=200,
        explained=explained, false=0, verdicts={"inconclusive": 200}, reasons=reasons,
    )  # fmt: skip


@pytest.fixture
def cells() -> list[Cell]:
    return [
        cell("slow", ("latency",), {
            "latency": tally(planted=True, supported=176, covered=190), "novelty": tally(supported=4),
        }),
        cell("new", ("novelty",), {
            "novelty": tally(planted=True, supported=120, covered=199), "latency": tally(supported=30),
        }),
        cell("other", ("dilution",), {
            "dilution": tally(planted=True, supported=190), "latency": tally(supported=0),
            "novelty": tally(supported=0, testable=0),
        }),
        cell("honest_win", (), {"latency": tally(), "novelty": tally(supported=11)}, explained=11),
    ]  # fmt: skip


def test_a_goal_is_met_missed_or_within_its_error(cells: list[Cell]) -> None:
    outcomes = {(g.kind, g.reason): (g.scenario, g.rate, g.outcome) for g in goals_of(cells)}
    within, missed, met = Outcome.WITHIN_ERROR, Outcome.MISSED, Outcome.MET
    assert outcomes == {
        (Kind.DETECTION, "latency"): ("slow", Rate(found=176, n=200), within),
        (Kind.DETECTION, "novelty"): ("new", Rate(found=120, n=200), missed),
        (Kind.DETECTION, "dilution"): ("other", Rate(found=190, n=200), met),
        (Kind.FALSE_ALARMS, "latency"): ("", Rate(found=30, n=400), missed),
        (Kind.FALSE_ALARMS, "novelty"): ("", Rate(found=4, n=200), met),
        (Kind.WORST, "latency"): ("new, clear", Rate(found=30, n=200), missed),
        (Kind.WORST, "novelty"): ("slow, clear", Rate(found=4, n=200), met),
        (Kind.COVERAGE, "latency"): ("slow", Rate(found=190, n=200), met),
        (Kind.COVERAGE, "novelty"): ("new", Rate(found=199, n=200), within),
        (Kind.HONEST, "any"): ("honest_win", Rate(found=11, n=200), within),
    }


def test_intervals_of_rates_are_exact_and_wider_for_the_worst_of_many() -> None:
    exact = stats.binomtest(7, 200).proportion_ci(0.95, method="exact")
    assert Rate(found=7, n=200).interval() == pytest.approx((exact.low, exact.high))
    exact = stats.binomtest(7, 200).proportion_ci(1 - 0.05 / 30, method="exact")
    assert Rate(found=7, n=200).interval(30) == pytest.approx((exact.low, exact.high))
    assert Rate(found=0, n=0).interval() == (0.0, 1.0)


def test_a_record_is_read_as_it_was_written(cells: list[Cell]) -> None:
    assert from_json(to_json(cells)) == tuple(cells)


def test_the_page_hides_no_miss(cells: list[Cell]) -> None:
    text = page(cells)
    assert "| detection | novelty | new | 60.0 % | 52.9 to 66.8 | 200 | **missed** |" in text
    assert "| false alarms in the worst scenario | latency | new, clear | 15.0 % |" in text
    assert "| honest | any | honest win | 5.5 % | 2.8 to 9.6 | 200 | within its error |" in text
    met = replace(cells[2], reasons={"dilution": tally(planted=True, supported=190)})
    assert "Every goal is met." in page([met])


def test_every_scenario_runs_at_every_strength_and_an_honest_one_once() -> None:
    todo = [(each.name, strength) for each, strength in cells_to_run()]
    assert len(set(todo)) == len(todo)
    assert {name for name, _ in todo} == set(SCENARIOS)
    for name, each in SCENARIOS.items():
        strengths = {strength for other, strength in todo if other == name}
        assert strengths == (set(Strength) if each.reasons else {Strength.CLEAR})


@pytest.fixture(scope="module")
def recorded() -> tuple[Cell, ...]:
    return from_json(RECORD.read_text(encoding="utf-8"))


def test_the_page_and_its_picture_are_those_of_the_record(recorded: tuple[Cell, ...]) -> None:
    assert (ROOT / "docs" / "diagnosis.md").read_text(encoding="utf-8") == page(recorded), HINT
    assert (ROOT / "docs" / "images" / PICTURE).read_text(encoding="utf-8") == draw_card(recorded), HINT


def test_what_is_recorded_is_of_the_scenarios_of_the_lab(recorded: tuple[Cell, ...]) -> None:
    todo = {(each.name, strength) for each, strength in cells_to_run()}
    found = [(each.scenario, each.strength) for each in recorded]
    assert len(set(found)) == len(found)
    assert set(found) <= todo, HINT
    clear = {each.scenario: each.replicates for each in recorded if each.strength is Strength.CLEAR}
    assert set(clear) == set(SCENARIOS), HINT
    assert min(clear.values()) >= 200
    assert {each.seed for each in recorded} == {SEED}
