"""Saturation: gains that bring less at high levels, other causes of missing lift, and its rates over drawn studies."""

from __future__ import annotations

import numpy as np
import pytest

from abgap.gap.reasons.saturation import REASON
from abgap.records import Direction, Finding, FindingStatus, Interval
from tests.gap.planted import RATE, Planted, covered, offline_row, supported

# The declared rate holds at level .5; a tenth above, a unit of gain brings .6 less.
SLOPE = -6.0


def study(seed: int, *, slope: float, rate: float = RATE, others: int = 20, down: bool = False) -> Planted:
    """Experiments at levels from .5 to .8, the first of them at .75. down: of a metric that is better when lower."""
    turn, direction = (-1.0, Direction.DOWN) if down else (1.0, Direction.UP)
    random, made = np.random.default_rng(seed), Planted()
    for level in (0.75, *random.uniform(0.5, 0.8, others)):
        gain = random.uniform(0.03, 0.06)
        lift = gain * (rate + slope * (level - 0.5))
        made.add(
            gain=turn * (gain + random.normal(0.0, 0.002)),
            gain_error=0.002,
            lift=random.normal(lift, 0.006),
            lift_error=0.006,
            level=turn * level,
            direction=direction,
            # What it has in truth, for the coverage of the amount.
            worthwhile_gain=gain,
        )
    return made


def first_of(made: Planted) -> Finding:
    return made.findings(REASON)[0]


def test_a_falling_rate_is_found() -> None:
    finding = first_of(study(1, slope=SLOPE))
    assert finding.status is FindingStatus.SUPPORTED
    assert "brings less where models are good already" in finding.sentence
    assert {row.name: row.value for row in finding.evidence}["other experiments"] == 20


def test_of_a_metric_that_is_better_when_lower_a_low_level_is_a_good_one() -> None:
    up, down = (first_of(study(1, slope=SLOPE, down=turned)) for turned in (False, True))
    assert (down.status, down.lift) == (FindingStatus.SUPPORTED, up.lift)
    shown = [{row.name: row.value for row in found.evidence} for found in (up, down)]
    for name in (
        "level of the model in control",
        "worst level of the others",
        "change of it per unit of the level",
    ):
        assert shown[1][name] == -(shown[0][name] or 0.0)
    # What brings more the better models are is no saturation, in whatever direction the metric is.
    assert first_of(study(1, slope=-SLOPE, rate=0.2, down=True)).status is not FindingStatus.SUPPORTED


def test_the_experiment_itself_does_not_count() -> None:
    made = study(1, slope=SLOPE)
    before = first_of(made).evidence
    again = study(1, slope=SLOPE)
    again.rows[0] = offline_row("x0-new", "x0-old", 0.2, 0.002, level=0.75)
    assert first_of(again).evidence == before


def test_fewer_than_five_others_are_refused() -> None:
    finding = first_of(study(1, slope=SLOPE, others=4))
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert "4 other experiments" in finding.sentence
    assert finding.missing == ("more [experiments]",)


def test_a_rate_that_is_too_high_everywhere_is_no_saturation() -> None:
    finding = first_of(study(2, slope=0.0, rate=0.5))
    assert finding.status is not FindingStatus.SUPPORTED


def test_rates_over_drawn_studies() -> None:
    found, truth, absent = [], [], []
    for seed in range(60):
        made = study(seed, slope=SLOPE)
        row = made.rows[0]
        found.append(first_of(made))
        # Rate times the gain that was claimed, minus what the true gain brings in truth.
        assert isinstance(row.gain, Interval)
        truth.append((row.worthwhile_gain or 0.0) * -SLOPE * 0.25)
        absent.append(first_of(study(1000 + seed, slope=0.0, rate=0.5)))
    assert supported(found) >= 0.9
    assert 0.9 <= covered(found, truth) <= 0.98
    assert supported(absent) <= 0.05


@pytest.mark.parametrize("seed", range(3))
def test_where_all_experiments_lose_their_lift_alike_none_is_saturated(seed: int) -> None:
    assert supported(study(50 + seed, slope=0.0, rate=0.4, others=60).findings(REASON)) <= 0.05
