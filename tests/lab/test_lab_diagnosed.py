"""Every reason that the world "scores" plants clearly is found by the code of ``abgap gap``, and little else."""

from __future__ import annotations

import pytest

from abgap.lab.scenarios.base import PlantedTruth, Strength
from abgap.lab.scenarios.registry import SCENARIOS
from abgap.lab.scenarios.running import Diagnosed, beside_truth, run_scenario
from abgap.records import Interval

REPLICATES = 4
# The score card has hundreds of replicates; with a handful of users or of queries one in ten is missed.
CLEARLY = sorted(
    name
    for name, each in SCENARIOS.items()
    if each.world == "scores" and name not in {"underpowered", "offline_noise", "winners_curse"}
)


def diagnosed(name: str, *, replicates: int = REPLICATES, seed: int = 20260112) -> tuple[Diagnosed, ...]:
    made = run_scenario(
        SCENARIOS[name],
        seed=seed,
        strength=Strength.CLEAR,
        replicates=replicates,
        progress=lambda _: None,
    )
    with made as (_, found):
        return found


@pytest.mark.parametrize("name", CLEARLY)
def test_what_is_planted_clearly_is_found_and_little_else(name: str) -> None:
    found = diagnosed(name)
    assert len(found) == REPLICATES
    assert sum(len(each.missed) for each in found) == 0
    assert sum(len(each.false_alarms) for each in found) <= 1
    supported = [finding for each in found for finding in each.supported]
    assert all(finding.sql and finding.evidence and finding.next_action for finding in supported)


def test_chance_is_recognised_where_it_is_the_reason() -> None:
    for name in ("underpowered", "offline_noise"):
        found = diagnosed(name, replicates=8)
        assert sum(not each.missed for each in found) >= 6, name
        amounts = [(each.planted.reasons[name], f.lift) for each in found for f in each.supported]
        assert all(isinstance(lift, Interval) for _, lift in amounts), name


def test_reasons_that_are_absent_can_be_tested() -> None:
    testable = {
        f.name for each in diagnosed("latency") for f in each.gap.reasons if f.status != "not testable"
    }
    assert testable >= {
        "underpowered",
        "offline_noise",
        "winners_curse",
        "distribution_mismatch",
        "proxy_label",
        "trade_off",
        "wrong_baseline",
        "robustness",
        "latency",
        "dilution",
        "data_faults",
    }


def test_a_truth_without_a_pair_is_an_error_and_not_left_out() -> None:
    truth = PlantedTruth(
        experiment="gone",
        treatment="B",
        offline_metric="ndcg@10",
        business_metric="revenue_per_user",
        expected=0.1,
        true_lift=0.1,
    )
    with pytest.raises(KeyError):
        beside_truth((truth,), ())
