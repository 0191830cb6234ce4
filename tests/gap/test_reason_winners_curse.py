"""Winner's curse: the best of many candidates that are all alike, and its rates over drawn sets of candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from abgap.gap import ExperimentFacts
from abgap.gap.reasons.winners_curse import REASON
from abgap.offline.candidates import with_correlations
from abgap.offline.comparison import make_offline_rows
from abgap.offline.contest import Contest
from abgap.records import Finding, FindingStatus, Interval, OfflineRow
from abgap.records.moments import FloatArray
from abgap.stats.paired_resampling import PairedSums, mean_of_sums
from tests.gap.planted import METRIC, RATE, Planted, covered, normal, study_of, supported

QUERIES = 200


def rows_of(differences: FloatArray, names: Sequence[str], baseline: str) -> tuple[OfflineRow, ...]:
    """The comparison of all candidates, without resampling; differences: (candidates, queries)."""
    ones = np.ones(QUERIES)
    sums = {
        i: PairedSums(
            candidate=np.column_stack([d, ones]),
            baseline=np.column_stack([0.0 * ones, ones]),
            metric=mean_of_sums,
        )
        for i, d in enumerate(differences)
    }
    contests = [_contest(d, name, baseline) for d, name in zip(differences, names, strict=True)]
    return make_offline_rows(with_correlations(contests, sums), study_of())


def _contest(d: FloatArray, name: str, baseline: str) -> Contest:
    sd = float(d.std(ddof=1))
    return Contest(
        model=name,
        baseline=baseline,
        metric=METRIC,
        definition="NDCG@10",
        n=d.size,
        value=0.6 + float(d.mean()),
        baseline_value=0.6,
        gain=normal(float(d.mean()), sd / d.size**0.5),
        p_value=0.5,
        sd=sd,
    )


def drawn(
    seed: int, *, count: int, spread: float, centre: float = 0.0, shared: float = 0.5
) -> tuple[Planted, float]:
    """The best of candidates whose true gains are around a centre, in an experiment; and the lift that is luck.

    spread: of true gains, in standard errors of a gain (.01). shared: part of the variance that is the baseline's.
    """
    random = np.random.default_rng(seed)
    error = 0.01
    noise = error * QUERIES**0.5
    true = centre + spread * error * random.normal(size=count)
    own = noise * (1.0 - shared) ** 0.5 * random.normal(size=(count, QUERIES))
    both = noise * shared**0.5 * random.normal(size=QUERIES)
    measured = true[:, None] + own + both
    best = int(np.argmax(measured.mean(axis=1)))
    made, names = Planted(), [f"c{i}" for i in range(count)]
    names[best] = "x0-new"
    rows = rows_of(measured, names, "x0-old")
    lift = random.normal(RATE * true[best], 0.01)
    made.add(name="x0", lift=lift, lift_error=0.01)
    made.rows = list(rows)
    return made, RATE * float(own[best].mean())


def test_the_luck_of_the_best_of_forty_is_found() -> None:
    made, luck = drawn(1, count=40, spread=0.0)
    finding = made.finding(REASON)
    assert finding.status is FindingStatus.SUPPORTED
    assert isinstance(finding.lift, Interval)
    assert finding.lift.low <= luck <= finding.lift.high
    by_name = {row.name: row.value for row in finding.evidence}
    assert by_name["candidates"] == 40
    assert (by_name["claimed gain"] or 0.0) - (by_name["shrunk gain"] or 0.0) == pytest.approx(
        finding.lift.estimate / RATE, rel=0.1
    )
    assert finding.sentence.startswith("The best of 40 candidates was lucky")


def test_a_candidate_that_is_not_the_best_was_not_picked_for_luck() -> None:
    made, _ = drawn(1, count=40, spread=0.0)
    gains = {row.model: row.improvement for row in made.rows}
    second = sorted((g.estimate, m) for m, g in gains.items() if isinstance(g, Interval))[-2][1]
    made.facts[0] = _served(made, second)
    finding = made.finding(REASON)
    assert finding.status is FindingStatus.CONTRADICTED
    assert "another candidate has a larger gain" in finding.sentence.lower()


def _served(made: Planted, model: str) -> ExperimentFacts:
    return replace(made.facts[0], models={"A": "x0-old", "B": model})


def test_two_candidates_are_too_few() -> None:
    made, _ = drawn(1, count=2, spread=0.0)
    finding = made.finding(REASON)
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert finding.missing == ("offline results of the other candidates",)


def many(count: int, spread: float, centre: float, replicates: int = 60) -> tuple[list[Finding], list[float]]:
    found, lucks = [], []
    for seed in range(replicates):
        made, luck = drawn(100 + seed, count=count, spread=spread, centre=centre)
        # Without an established gain and with an established lift there is nothing to explain.
        findings = made.findings(REASON)
        found += findings
        lucks += [luck] * len(findings)
    return found, lucks


def test_rates_over_drawn_candidates() -> None:
    cursed, luck = many(50, 0.25, 0.0)
    assert supported(cursed) >= 0.9
    assert 0.88 <= covered(cursed, luck) <= 1.0
    honest, luck = many(8, 2.0, 0.06)
    assert supported(honest) <= 0.05
    assert 0.88 <= covered(honest, luck) <= 1.0
