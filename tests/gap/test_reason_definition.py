"""Definition: wins that are there under one definition of the metric only, and its rates over drawn test sets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from abgap.gap.reasons.definition import REASON
from abgap.offline.example_contests import Terms
from abgap.offline.ranking.other_definitions import OtherDefinition, SweepSums
from abgap.offline.ranking.sweep import judge_sweeps
from abgap.offline.sums import Against, ValueSums
from abgap.records import FindingStatus, Interval, OfflineSweep
from abgap.records.moments import FloatArray
from tests.gap.planted import METRIC, RATE, Planted, covered, supported

QUERIES = 400
EXP, OTHERS = (
    "exponential gain",
    ("the first 5 only", "the first 20 only", "the mean over ties", "ties <b>|at random"),
)


def sums_of(d: FloatArray) -> ValueSums:
    total = float(d.sum())
    return ValueSums(
        slice_name=None,
        slice_value=None,
        evaluated=d.size,
        shared=d.size,
        candidate=0.6 * d.size + total,
        base=0.6 * d.size,
        difference=total,
        square=float(d @ d),
    )


def drawn(seed: int, *, there: float, lift: float = 0.0, name: str = "x0") -> tuple[Planted, FloatArray]:
    """A gain of .04, of which so much is there under exponential gain; other definitions change nothing but noise."""
    random = np.random.default_rng(seed)
    noise = random.normal(0.0, 0.12, QUERIES)
    declared = 0.04 + noise + random.normal(0.0, 0.04, QUERIES)
    other = there + noise + random.normal(0.0, 0.04, QUERIES)
    changed = {EXP: other} | {each: 0.04 + noise + random.normal(0.0, 0.04, QUERIES) for each in OTHERS}
    swept = SweepSums(
        against=Against(model=f"{name}-new", baseline=f"{name}-old", metric=METRIC),
        declared="NDCG@10, linear gain",
        sums=sums_of(declared),
        others=tuple(
            OtherDefinition(change=change, definition=change, sums=sums_of(d), shift=sums_of(declared - d))
            for change, d in changed.items()
        ),
    )
    (sweep,) = judge_sweeps((swept,), Terms(alpha=0.05, seed=1))
    made = Planted()
    made.add(name=name, lift=random.normal(lift, 0.01))
    assert isinstance(sweep.gain, Interval)
    made.rows[0] = replace(made.rows[0], gain=sweep.gain)
    made.more = {"sweeps": (sweep,)}
    return made, declared - other


def test_a_win_that_turns_is_one_of_its_definition() -> None:
    made, shift = drawn(1, there=-0.02)
    finding = made.finding(REASON)
    assert finding.status is FindingStatus.SUPPORTED
    assert isinstance(finding.lift, Interval)
    low, high = stats.ttest_1samp(shift, 0.0).confidence_interval(0.95)
    assert (finding.lift.low, finding.lift.high) == pytest.approx((RATE * low, RATE * high), rel=1e-9)
    assert "with exponential gain it is" in finding.sentence
    assert [row.name for row in finding.evidence][:2] == ["gain, as declared", "gain, exponential gain"]
    assert finding.sql == "ranking_differences"


def test_a_win_that_survives_everywhere_does_not_depend_on_its_definition() -> None:
    made, _ = drawn(2, there=0.04)
    finding = made.finding(REASON)
    assert finding.status is FindingStatus.CONTRADICTED
    assert "survives 5 of 5 other definitions" in finding.sentence


def test_other_units_do_not_speak() -> None:
    made, _ = drawn(1, there=-0.02)
    (sweep,) = made.more["sweeps"]
    unequal = tuple(replace(d, shift=None, shift_p=None) for d in sweep.definitions)
    made.more = {"sweeps": (replace(sweep, definitions=unequal),)}
    finding = made.finding(REASON)
    assert finding.status is FindingStatus.CONTRADICTED
    assert "no other definition" in finding.sentence.lower()


def test_ready_made_scores_cannot_be_defined_otherwise() -> None:
    made, _ = drawn(1, there=-0.02)
    sweeps: tuple[OfflineSweep, ...] = ()
    made.more = {"sweeps": sweeps}
    finding = made.finding(REASON)
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert finding.missing == ("[offline.rankings]", "[offline.judgements]")


def test_rates_over_drawn_test_sets() -> None:
    by_definition, latency, honest = [], [], []
    for seed in range(80):
        by_definition += drawn(seed, there=-0.01)[0].findings(REASON)
        latency += drawn(1000 + seed, there=0.04)[0].findings(REASON)
        honest += drawn(2000 + seed, there=0.04, lift=0.08)[0].findings(REASON)
    assert supported(by_definition) >= 0.95
    assert 0.9 <= covered(by_definition, [RATE * 0.05] * len(by_definition)) <= 0.99
    assert supported(latency) <= 0.05
    assert supported(honest) <= 0.05
