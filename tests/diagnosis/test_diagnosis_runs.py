"""A smaller run of the score card: the diagnosis does no worse than the record of docs/diagnosis.md says.

The replicates are few, so a rate may differ from the recorded one as far as a binomial draw of that size can, and a run
is wrong less than once in ten thousand times for every rate.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from abgap.lab.diagnosis.goals import HONEST, Rate
from abgap.lab.diagnosis.record import from_json
from abgap.lab.diagnosis.runs import run_all, run_cell
from abgap.lab.diagnosis.tally import Cell
from abgap.lab.scenarios.base import Strength
from abgap.lab.scenarios.registry import SCENARIOS
from abgap.stats.uniformity import binomial_cdf, binomial_sf

REPLICATES = 20
UNLIKELY = 1e-4
IMPORTANT = (
    "honest_win",
    "honest_flat",
    "latency",
    "distribution_mismatch",
    "wrong_baseline",
    "position_bias",
)


@pytest.fixture(scope="module")
def recorded() -> dict[str, Cell]:
    text = (Path(__file__).parent / "recorded.json").read_text(encoding="utf-8")
    return {cell.scenario: cell for cell in from_json(text) if cell.strength is Strength.CLEAR}


def too_few(found: int, n: int, then: Rate) -> bool:
    """Whether so few of n do not come out where the recorded rate holds."""
    return binomial_cdf(found, n, then.interval()[0]) < UNLIKELY


def too_many(found: int, n: int, then: Rate) -> bool:
    """Whether so many of n do not."""
    return binomial_sf(found, n, then.interval()[1]) < UNLIKELY


@pytest.mark.parametrize("name", IMPORTANT)
def test_a_scenario_comes_out_no_worse_than_the_page_says(name: str, recorded: dict[str, Cell]) -> None:
    then = recorded[name]
    now = run_cell(SCENARIOS[name], Strength.CLEAR, replicates=REPLICATES)
    assert now.replicates == REPLICATES
    assert set(then.reasons) <= set(now.reasons), "run: make diagnosis"
    for reason, before in then.reasons.items():
        tally, rate = now.reasons[reason], Rate(found=before.supported, n=then.replicates)
        worse = too_few if tally.planted else too_many
        assert not worse(tally.supported, REPLICATES, rate), reason
        if tally.amounts is not None and before.amounts is not None:
            rate = Rate(found=before.amounts.covered, n=before.amounts.n)
            assert not too_few(tally.amounts.covered, tally.amounts.n, rate), reason
            assert tally.amounts.truth == pytest.approx(before.amounts.truth, rel=0.1)
    if not now.planted:
        assert binomial_sf(now.explained, REPLICATES, HONEST) > UNLIKELY


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def counted(scenario: object, strength: Strength, **_: object) -> Cell:
        ran.append(scenario)
        return Cell(
            scenario="honest_win", world="scores", strength=strength, planted=(), seed=1, replicates=2, gaps=0,
            explained=0, false=0, verdicts={}, reasons={},
        )  # fmt: skip

    monkeypatch.setattr("abgap.lab.diagnosis.runs.run_cell", counted)
    todo = [(SCENARIOS["honest_win"], Strength.CLEAR)]
    first = list(run_all(todo, replicates=2, kept=tmp_path))
    again = list(run_all(todo, replicates=2, kept=tmp_path))
    assert first == again
    assert len(ran) == 1
    list(run_all(todo, replicates=3, kept=tmp_path))
    assert len(ran) == 2
