"""The reasons that are read off the online side: latency, novelty, dilution, slices that differ, data faults.

Amounts are held against what is worked out by hand, then against planted truth: many experiments at once, as estimates
whose errors are drawn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from abgap.gap.inputs import ExperimentFacts
from abgap.gap.power import Power
from abgap.gap.reasons import REASONS
from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.evidence import Evidence
from abgap.records import (
    Adjustment,
    Check,
    Direction,
    Estimate,
    Finding,
    FindingStatus,
    Heterogeneity,
    Interval,
    Kind,
    MixDecomposition,
    ModelFacts,
    NotEstimable,
    OfflineRow,
    Reason,
    Role,
    Status,
    Trend,
    Unadjusted,
    VerdictName,
)
from abgap.stats.intervals import fieller_lift, p_value
from abgap.stats.moments import Joint
from abgap.stats.multiplicity import benjamini_hochberg
from abgap.stats.tails import normal_two_sided_p
from abgap.stats.trend import mean_day_of, slope_contrast
from abgap.study.load import check_study

Z = 1.959963984540054
SUPPORTED, CONTRADICTED, NOT_TESTABLE = FindingStatus
RUNS = 200


def interval(estimate: float, se: float) -> Interval:
    return Interval(
        estimate=estimate, low=estimate - Z * se, high=estimate + Z * se, level=0.95, method="test"
    )


def estimate(lift: float, se: float, *, value: float = 10.0, **changes: Any) -> Estimate:
    fields: dict[str, Any] = {
        "experiment": "x",
        "metric": "revenue",
        "role": Role.PRIMARY,
        "kind": Kind.MEAN,
        "direction": Direction.UP,
        "control": "A",
        "treatment": "B",
        "slice_name": None,
        "slice_value": None,
        "period": None,
        "n_control": 1_000,
        "n_treatment": 1_000,
        "value_control": value,
        "value_treatment": value * (1.0 + lift),
        "difference": interval(lift * value, se * value),
        "lift": interval(lift, se),
        "p_value": float(normal_two_sided_p(np.asarray(lift / se))),
        "p_adjusted": float(normal_two_sided_p(np.asarray(lift / se))),
        "adjustment": Adjustment.NONE,
        "significant": abs(lift) > Z * se,
        "effect_size": NotEstimable(reason=Reason.NOT_DEFINED, detail="none"),
        "mde": 2.8 * se,
        "power_at_smallest_worthwhile": None,
        "equivalence_p": None,
        "non_inferiority": None,
        "covariate_variance_removed": None,
    }
    return Estimate(**(fields | changes))


STUDY: dict[str, Any] = {
    "study": {"currency": "EUR"},
    "exposures": {
        "path": "e",
        "columns": {"experiment": "e", "unit": "u", "variant": "v", "at": "t"},
        "slices": ["device", "changed"],
    },
    "facts": {"events": {"path": "f", "columns": {"unit": "u", "at": "t"}}},
    "experiments": {"x": {"control": "A"}},
    "metrics": {
        "revenue": {"kind": "mean", "fact": "events", "value": "amount"},
        "latency": {
            "kind": "mean",
            "fact": "events",
            "value": "ms",
            "aggregate": "mean",
            "direction": "down",
        },
        "latency_p95": {"kind": "quantile", "quantile": 0.95, "fact": "events", "value": "ms"},
    },
    "gap": {"latency": "latency", "triggered": "changed"},
}


def case(
    *estimates: Estimate,
    expected: Interval | None = None,
    gap: dict[str, Any] | None = None,
    **evidence: Any,
) -> Case:
    """An experiment that was to bring 8 % (or as said), with these estimates; the first is that of the whole."""
    lift = interval(0.08, 0.003) if expected is None else expected
    return Case(
        study=check_study(STUDY | {"gap": STUDY["gap"] if gap is None else gap}),
        facts=ExperimentFacts(
            name="x",
            control="A",
            treatments=("B",),
            arms={"A": 1_000, "B": 1_000},
            models={"A": "old", "B": "new"},
        ),
        treatment="B",
        offline_metric="ndcg@10",
        business_metric="revenue",
        verdict=VerdictName.FELL_SHORT,
        observed=estimates[0].lift,
        delta=0.01,
        target=Target(gain=lift, rate=1.0, lift=lift, baseline="old", source="declared", declared=True),
        estimate=estimates[0],
        power=Power(),
        evidence=Evidence(estimates=estimates, **evidence),
    )


def judged(name: str, given: Case) -> Finding:
    (reason,) = [reason for reason in REASONS if reason.name == name]
    return reason.judge(given)


def amount(finding: Finding) -> Interval:
    assert isinstance(finding.lift, Interval)
    return finding.lift


def rates(findings: Sequence[Finding], truth: float) -> tuple[float, float]:
    """How many are supported, and how many amounts have the truth inside."""
    supported = sum(f.status is SUPPORTED for f in findings) / len(findings)
    covered = sum(amount(f).low <= truth <= amount(f).high for f in findings) / len(findings)
    return supported, covered


class TestLatency:
    SLOWER: ClassVar[dict[str, Any]] = {"metric": "latency", "direction": Direction.DOWN}

    def test_without_a_metric_of_latency_its_key_is_named(self) -> None:
        found = judged("latency", case(estimate(0.0, 0.01), gap={}))
        assert found.status is NOT_TESTABLE
        assert found.missing == ("[gap] latency",)

    def test_an_amount_is_the_difference_times_the_declared_elasticity(self) -> None:
        slower = estimate(2.0, 0.02, value=250.0, **self.SLOWER)
        given = case(
            estimate(0.0, 0.005),
            slower,
            gap={"latency": "latency", "latency_elasticity_per_100ms": -0.01},
            models={
                "old": ModelFacts(name="old", latency_p50_ms=250.0, cost_per_1000_requests=0.2),
                "new": ModelFacts(name="new", latency_p50_ms=800.0, cost_per_1000_requests=0.42),
            },
        )
        found = judged("latency", given)
        assert found.status is SUPPORTED
        assert amount(found).estimate == pytest.approx(0.05)
        assert amount(found).high - amount(found).estimate == pytest.approx(Z * 5.0 * 1e-4)
        assert "as declared" in found.sentence
        assert "0.42 EUR instead of 0.20 EUR" in found.sentence
        shown = {row.name: row.value for row in found.evidence}
        assert shown["latency in A"] == 250.0
        assert shown["declared p50 of new"] == 800.0
        assert shown["cost of 1,000 requests of old"] == 0.2

    def test_the_prior_from_elsewhere_is_called_so(self) -> None:
        slower = estimate(2.2, 0.02, value=250.0, **self.SLOWER)
        found = judged("latency", case(estimate(0.0, 0.005), slower))
        assert amount(found).estimate == pytest.approx(0.006 * 5.5)
        assert "external prior" in found.sentence
        assert "declare the elasticity" in found.next_action

    def test_quantiles_of_the_same_values_stand_beside(self) -> None:
        p95 = estimate(1.0, 0.02, value=400.0, metric="latency_p95", kind=Kind.QUANTILE)
        slower = estimate(2.0, 0.02, value=250.0, **self.SLOWER)
        found = judged("latency", case(estimate(0.0, 0.005), slower, p95))
        assert {row.name: row.value for row in found.evidence}["latency p95 in B"] == 800.0

    def test_a_faster_model_contradicts(self) -> None:
        faster = estimate(-0.2, 0.02, value=250.0, **self.SLOWER)
        assert judged("latency", case(estimate(0.0, 0.005), faster)).status is CONTRADICTED

    @pytest.mark.parametrize(("slower", "expected"), [(550.0, "found"), (0.0, "absent")])
    def test_planted_latency_is_found_and_its_amount_covered(self, slower: float, expected: str) -> None:
        rng = np.random.default_rng(20260101)
        true = 0.006 * slower / 100.0
        found = [
            judged(
                "latency",
                case(
                    estimate(rng.normal(0.04 - true, 0.006), 0.006),
                    estimate(rng.normal(slower, 5.0) / 250.0, 5.0 / 250.0, value=250.0, **self.SLOWER),
                ),
            )
            for _ in range(RUNS)
        ]
        supported, covered = rates(found, true)
        assert supported >= 0.9 if expected == "found" else supported <= 0.05
        assert 0.9 <= covered <= 0.985


def trend(slope: Interval | NotEstimable, p: float, **changes: Any) -> Trend:
    fields: dict[str, Any] = {
        "experiment": "x",
        "metric": "revenue",
        "control": "A",
        "treatment": "B",
        "days": 14,
        "n_control": 900,
        "n_treatment": 900,
        "slope": slope,
        "p_value": p,
        "p_adjusted": p,
        "pattern": None,
        "sentence": "",
        "mean_day": 4.0,
    }
    return Trend(**(fields | changes))


class TestNovelty:
    def test_what_wears_off_is_the_first_day_minus_the_average(self) -> None:
        given = case(estimate(0.03, 0.005), trends=(trend(interval(-0.01, 0.001), 1e-6),))
        found = judged("novelty", given)
        assert found.status is SUPPORTED
        assert amount(found).estimate == pytest.approx(0.01 * 4.0)
        assert "wears off" in found.sentence

    def test_what_has_not_come_yet_is_the_last_day_minus_the_average(self) -> None:
        given = case(estimate(0.03, 0.005), trends=(trend(interval(0.004, 0.0005), 1e-6),))
        found = judged("novelty", given)
        assert amount(found).estimate == pytest.approx(0.004 * (13 - 4.0))
        assert "still growing" in found.sentence

    def test_a_slope_that_does_not_survive_correction_is_not_enough(self) -> None:
        given = case(estimate(0.03, 0.005), trends=(trend(interval(-0.01, 0.004), 0.012, p_adjusted=0.2),))
        assert judged("novelty", given).status is NOT_TESTABLE

    def test_a_slope_that_cannot_be_told_says_why(self) -> None:
        none = NotEstimable(reason=Reason.TOO_SHORT, detail="the experiment is too short")
        found = judged("novelty", case(estimate(0.03, 0.005), trends=(trend(none, 1.0),)))
        assert (found.status, "too short" in found.sentence) == (NOT_TESTABLE, True)
        assert judged("novelty", case(estimate(0.03, 0.005))).status is NOT_TESTABLE

    @pytest.mark.parametrize(
        ("first", "last", "expected"),
        [(0.14, 0.0, "found"), (0.0, 0.14, "found"), (0.04, 0.04, "absent")],
        ids=["novelty", "primacy", "neither"],
    )
    def test_planted_slopes_are_found_and_their_amounts_covered(
        self, first: float, last: float, expected: str
    ) -> None:
        rng = np.random.default_rng(20260102)
        days, units, runs = 7, 1_500, 200
        profile = np.array([3.0, 2.0, 1.5, 1.0, 1.0, 1.0, 0.5])
        lifts = np.linspace(first, last, days)
        average = float(profile @ lifts / profile.sum())
        truth = max(first, last) - average
        control, treatment = (_summed(rng, profile * factor, units, runs) for factor in (1.0, 1.0 + lifts))
        contrast = slope_contrast(control, treatment, 0.05)
        slope, p = fieller_lift(contrast, 0.05), np.asarray(p_value(contrast))
        mean_day = mean_day_of(control) + (days - 1) / 2.0
        found = []
        for i in range(runs):
            given = trend(
                Interval(
                    estimate=float(slope.estimate[i]),
                    low=float(slope.low[i]),
                    high=float(slope.high[i]),
                    level=0.95,
                    method="fieller",
                ),
                float(p[i]),
                days=days,
                mean_day=float(mean_day[i]),
            )
            whole = estimate(rng.normal(average, 0.008), 0.008)
            target = interval(max(first, last) + (0.04 if expected == "absent" else 0.0), 0.003)
            found.append(judged("novelty", case(whole, trends=(given,), expected=target)))
        supported, covered = rates(found, truth)
        assert supported >= 0.9 if expected == "found" else supported <= 0.05
        # Without a slope the sign is chosen by the data, which turns the amount to the larger side.
        assert 0.9 <= covered <= 0.99


def _summed(rng: np.random.Generator, means: np.ndarray[Any, Any], units: int, runs: int) -> Joint:
    """Units with a level of their own, and values that scatter around it every day: their three sums."""
    days = len(means)
    level = rng.gamma(8.0, 1.0 / 8.0, (runs, units, 1))
    values = level * means * rng.gamma(8.0, 1.0 / 8.0, (runs, units, days))
    step = 2.0 * np.arange(days) - days + 1.0
    sums = np.stack([values @ step, values.sum(axis=-1), values @ step**2], axis=-1)
    centred = sums - sums.mean(axis=1, keepdims=True)
    return Joint(
        n=np.full(runs, float(units)),
        means=sums.mean(axis=1),
        covariances=np.einsum("rui,ruj->rij", centred, centred) / (units - 1.0),
    )


def sliced(name: str, value: str | None, lift: float, se: float, **changes: Any) -> Estimate:
    return estimate(lift, se, slice_name=name, slice_value=value, **changes)


class TestDilution:
    def test_the_triggered_lift_is_held_against_that_of_all(self) -> None:
        given = case(
            estimate(0.04, 0.005),
            sliced("changed", "true", 0.08, 0.006, n_control=750, n_treatment=750),
            sliced("changed", "false", 0.0, 0.004, n_control=250, n_treatment=250, value_control=30.0),
        )
        found = judged("dilution", given)
        # Half of the value is in either slice.
        assert amount(found).estimate == pytest.approx(0.5 * 0.08)
        assert amount(found).high - 0.04 == pytest.approx(0.5 * Z * 0.006)
        assert found.status is SUPPORTED
        assert "50 % of the value" in found.sentence

    @pytest.mark.parametrize("written", ["1", "t", "Yes", "TRUE"])
    def test_true_may_be_written_in_many_ways(self, written: str) -> None:
        given = case(
            estimate(0.04, 0.005),
            sliced("changed", written, 0.08, 0.006),
            sliced("changed", "no", 0.0, 0.004),
        )
        assert judged("dilution", given).status is SUPPORTED

    def test_units_that_cannot_have_felt_anything_must_not_move(self) -> None:
        given = case(
            estimate(0.04, 0.005),
            sliced("changed", "true", 0.08, 0.006),
            sliced("changed", "false", 0.03, 0.004),
        )
        found = judged("dilution", given)
        assert found.status is CONTRADICTED
        assert "moved as well" in found.sentence

    def test_inputs_that_are_missing_are_named(self) -> None:
        assert judged("dilution", case(estimate(0.0, 0.01), gap={})).missing == ("[gap] triggered",)
        alone = case(estimate(0.0, 0.01), sliced("changed", "true", 0.0, 0.01))
        assert judged("dilution", alone).status is NOT_TESTABLE
        nothing = judged("dilution", case(estimate(0.0, 0.01), sliced("changed", "maybe", 0.0, 0.01)))
        assert nothing.missing == ("true values of the slice changed",)

    def test_how_alike_the_lists_are_stands_beside(self) -> None:
        given = case(estimate(0.0, 0.01), gap={}, offline=(_overlap("new", 0.7), _overlap("other", 0.2)))
        (row,) = judged("dilution", given).evidence
        assert (row.name, row.value) == ("RBO@10 of the two models' lists (1: the same)", 0.7)

    @pytest.mark.parametrize(("touched", "expected"), [(0.10, "found"), (0.05, "absent")])
    def test_planted_dilution_is_found_and_its_amount_covered(self, touched: float, expected: str) -> None:
        rng = np.random.default_rng(20260103)
        others = 0.0 if expected == "found" else touched
        found = []
        for _ in range(RUNS):
            lifts = rng.normal((touched, others), (0.012, 0.010))
            whole = estimate(float(0.5 * lifts.sum()), 0.008)
            slices = [
                sliced("changed", value, float(lift), se)
                for value, lift, se in zip(("true", "false"), lifts, (0.012, 0.010), strict=True)
            ]
            found.append(judged("dilution", case(whole, *slices, expected=interval(0.10, 0.003))))
        supported, covered = rates(found, 0.5 * touched)
        assert supported >= 0.9 if expected == "found" else supported <= 0.05
        assert 0.9 <= covered <= 0.985


@pytest.mark.parametrize("name", ["dilution", "heterogeneity"])
def test_slices_of_a_ratio_weigh_as_their_denominators(name: str) -> None:
    """Triggered users have three sessions each, the others one: three quarters of control's value are theirs."""
    slice_name = "changed" if name == "dilution" else "device"
    parts = [
        sliced(slice_name, "true", 0.08, 0.005, kind=Kind.RATIO, value_control=2.0),
        sliced(slice_name, "false", 0.0, 0.005, kind=Kind.RATIO, value_control=2.0),
    ]
    sessions = {("x", "revenue", slice_name, "true"): 3.0, ("x", "revenue", slice_name, "false"): 1.0}
    whole = estimate(0.06, 0.004, kind=Kind.RATIO)
    found = judged(name, case(whole, *parts, denominators=sessions))
    assert isinstance(found.lift, Interval)
    # What the others dilute; what the worst slice takes, if it had the lift of the rest.
    assert found.lift.estimate == pytest.approx(0.25 * 0.08)
    assert judged(name, case(whole, *parts)).status is NOT_TESTABLE


@pytest.mark.parametrize("name", ["dilution", "heterogeneity"])
def test_slices_of_a_quantile_do_not_make_up_the_whole(name: str) -> None:
    slice_name = "changed" if name == "dilution" else "device"
    parts = [sliced(slice_name, value, 0.08, 0.005, kind=Kind.QUANTILE) for value in ("true", "false")]
    found = judged(name, case(estimate(0.06, 0.004, kind=Kind.QUANTILE), *parts))
    assert found.status is NOT_TESTABLE
    assert "quantile" in found.sentence


def _overlap(model: str, value: float) -> OfflineRow:
    return OfflineRow(
        model=model,
        baseline="old",
        metric="rbo@10",
        definition="RBO@10",
        direction=Direction.UP,
        slice_name=None,
        slice_value=None,
        n=100,
        skipped=0,
        value=value,
        baseline_value=None,
        gain=NotEstimable(reason=Reason.NOT_DEFINED, detail="no gain"),
        p_value=None,
        p_adjusted=None,
    )


def differing(name: str, p: float, mix: Interval | None = None) -> Heterogeneity:
    parts = None
    if mix is not None:
        parts = MixDecomposition(overall=mix, within=mix, mix=mix, strata=2, merged=0, reversal=False)
    return Heterogeneity(
        experiment="x",
        metric="revenue",
        role=Role.PRIMARY,
        control="A",
        treatment="B",
        slice_name=name,
        tested=2,
        left_out=0,
        common_lift=0.0,
        q=1.0,
        df=1,
        p_value=p,
        p_adjusted=p,
        i_squared=0.5,
        lift_sd=0.0,
        gail_simon_p=p,
        decomposition=parts,
        sentence="",
    )


class TestHeterogeneity:
    def test_what_a_losing_slice_takes_is_its_weight_times_its_distance_to_the_rest(self) -> None:
        given = case(
            estimate(0.02, 0.005),
            sliced("device", "phone", 0.06, 0.006, n_control=600, n_treatment=600),
            sliced("device", "desktop", -0.04, 0.008, n_control=400, n_treatment=400),
            heterogeneity=(differing("device", 1e-6),),
        )
        found = judged("heterogeneity", given)
        assert found.status is SUPPORTED
        assert amount(found).estimate == pytest.approx(0.4 * 0.10)
        assert amount(found).high - 0.04 == pytest.approx(0.4 * Z * np.hypot(0.006, 0.008))
        assert "'desktop'" in found.sentence

    @pytest.mark.parametrize("p", [1e-6, 0.3])
    def test_a_slice_counts_only_when_it_falls_and_lifts_differ(self, p: float) -> None:
        low = 0.0 if p < 0.05 else -0.04
        given = case(
            estimate(0.02, 0.005),
            sliced("device", "phone", 0.06, 0.006),
            sliced("device", "desktop", low, 0.008),
            heterogeneity=(differing("device", p),),
        )
        assert judged("heterogeneity", given).status is NOT_TESTABLE

    def test_the_slice_of_triggered_units_belongs_to_another_reason(self) -> None:
        given = case(
            estimate(0.02, 0.005),
            sliced("changed", "true", 0.06, 0.006),
            sliced("changed", "false", -0.04, 0.006),
            heterogeneity=(differing("changed", 1e-6),),
        )
        found = judged("heterogeneity", given)
        assert found.missing == ("slices of [exposures]",)

    def test_a_mix_that_differs_between_the_arms_is_given_back(self) -> None:
        mix = interval(-0.5, 0.05)
        given = case(
            estimate(0.02, 0.005),
            sliced("device", "phone", 0.07, 0.006),
            sliced("device", "desktop", 0.07, 0.006),
            heterogeneity=(differing("device", 0.9, mix),),
        )
        found = judged("heterogeneity", given)
        assert amount(found).estimate == pytest.approx(0.05)
        assert amount(found).low == pytest.approx(0.05 - Z * 0.005)
        assert "Simpson's paradox" in found.sentence

    def test_what_an_adjustment_took_out_of_the_mix_is_not_given_back_twice(self) -> None:
        mended = estimate(0.06, 0.005)
        mended = dataclasses.replace(
            mended, unadjusted=dataclasses.make_dataclass("Raw", ["lift"])(interval(0.02, 0.01))
        )
        given = case(
            mended,
            sliced("device", "phone", 0.07, 0.006),
            sliced("device", "desktop", 0.07, 0.006),
            heterogeneity=(differing("device", 0.9, interval(-0.5, 0.05)),),
        )
        assert amount(judged("heterogeneity", given)).estimate == pytest.approx(0.01)

    @pytest.mark.parametrize(("low", "expected"), [(-0.06, "found"), (0.08, "absent")])
    def test_planted_slices_are_found_and_their_amounts_covered(self, low: float, expected: str) -> None:
        rng = np.random.default_rng(20260104)
        truth = 0.5 * (0.08 - low)
        found = []
        for _ in range(RUNS):
            lifts = rng.normal((0.08, low), 0.012)
            found.append(judged("heterogeneity", _two_slices(lifts)))
        supported, covered = rates(found, truth)
        assert supported >= 0.9 if expected == "found" else supported <= 0.05
        assert expected == "absent" or 0.9 <= covered <= 0.985


def _two_slices(lifts: np.ndarray[Any, Any]) -> Case:
    """Two slices of one size by each of three names, of which two are noise."""
    whole = float(lifts.mean())
    p = float(normal_two_sided_p(np.asarray((lifts[1] - lifts[0]) / 0.012 / 2**0.5)))
    slices = [sliced("device", value, float(lift), 0.012) for value, lift in zip("ab", lifts, strict=True)]
    adjusted = benjamini_hochberg([s.p_value or 1.0 for s in slices])
    slices = [dataclasses.replace(s, p_adjusted=float(q)) for s, q in zip(slices, adjusted, strict=True)]
    return case(
        estimate(whole, 0.0085),
        *slices,
        heterogeneity=(differing("device", p),),
        expected=interval(0.12, 0.003),
    )


def check(name: str, status: Status, **changes: Any) -> Check:
    fields: dict[str, Any] = {"experiment": "x", "value": 1e-9, "threshold": 0.001, "sql": "rollup"}
    sentence = f"{name} is not as it should be."
    return Check(name=name, status=status, sentence=sentence, **(fields | changes))


SOUND = tuple(check(name, Status.PASS) for name in ("sample_ratio", "covariate_balance", "bots"))


class TestDataFaults:
    def test_sound_checks_contradict(self) -> None:
        found = judged("data_faults", case(estimate(0.0, 0.01), checks=SOUND))
        assert found.status is CONTRADICTED
        assert "None of 3 data checks" in found.sentence

    def test_without_any_check_nothing_can_be_said(self) -> None:
        untested = check("sample_ratio", Status.NOT_TESTABLE)
        assert judged("data_faults", case(estimate(0.0, 0.01), checks=(untested,))).status is NOT_TESTABLE

    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("sample_ratio", Status.FAIL),
            ("units_in_two_variants", Status.WARN),
            ("tracking_loss", Status.WARN),
            ("missing_days", Status.WARN),
            ("bots", Status.WARN),
        ],
    )
    def test_a_fault_is_told_without_an_amount_where_arms_were_alike_before(
        self, name: str, status: Status
    ) -> None:
        faults = (*SOUND, check(name, status, blocking=status is Status.FAIL))
        before = {("x", "B", "revenue"): interval(0.001, 0.01)}
        found = judged("data_faults", case(estimate(0.0, 0.01), checks=faults, before=before))
        assert found.status is SUPPORTED
        assert isinstance(found.lift, NotEstimable)
        assert f"{name} is not as it should be" in found.sentence
        assert {row.name for row in found.evidence} == {name.replace("_", " "), "lift before exposure"}

    def test_warnings_that_move_no_lift_are_no_faults(self) -> None:
        harmless = tuple(check(name, Status.WARN) for name in ("partial_weeks", "read_early", "open_windows"))
        assert judged("data_faults", case(estimate(0.0, 0.01), checks=harmless)).status is CONTRADICTED

    def test_the_amount_is_the_lift_before_exposure(self) -> None:
        faults = (check("sample_ratio", Status.FAIL, blocking=True),)
        before = {("x", "B", "revenue"): interval(-0.05, 0.01)}
        found = judged("data_faults", case(estimate(0.0, 0.01), checks=faults, before=before))
        # Alike before, the arms would have had a lift of 1 / 0.95 - 1 where none came.
        told, apart = amount(found), before["x", "B", "revenue"].flipped()
        expected = [apart.estimate / 0.95, apart.low / 0.95, apart.high / 0.95]
        assert [told.estimate, told.low, told.high] == pytest.approx(expected)
        assert found.share == pytest.approx(0.05 / 0.95 / 0.08)

    def test_what_the_adjustment_has_made_up_for_is_not_missing(self) -> None:
        raw = Unadjusted(difference=interval(0.0, 0.1), lift=interval(-0.04, 0.01), p_value=0.0)
        adjusted = dataclasses.replace(estimate(-0.01, 0.008), unadjusted=raw)
        faults = (check("sample_ratio", Status.FAIL, blocking=True),)
        before = {("x", "B", "revenue"): interval(-0.05, 0.01)}
        found = judged("data_faults", case(adjusted, checks=faults, before=before))
        assert amount(found).estimate == pytest.approx(0.96 / 0.95 - 1.0 + 0.01)

    def test_arms_out_of_balance_alone_must_cover_a_quarter_of_the_gap(self) -> None:
        faults = (check("covariate_balance", Status.FAIL),)
        for lift, status in ((-0.05, SUPPORTED), (-0.01, CONTRADICTED)):
            before = {("x", "B", "revenue"): interval(lift, 0.002)}
            found = judged("data_faults", case(estimate(0.0, 0.01), checks=faults, before=before))
            assert found.status is status

    def test_a_lift_before_exposure_is_covered(self) -> None:
        rng = np.random.default_rng(20260108)
        faults = (check("sample_ratio", Status.FAIL, blocking=True),)
        covered = 0
        for _ in range(RUNS):
            before = {("x", "B", "revenue"): interval(rng.normal(-0.05, 0.01), 0.01)}
            found = judged("data_faults", case(estimate(0.0, 0.01), checks=faults, before=before))
            covered += amount(found).low <= 0.05 / 0.95 <= amount(found).high
        assert 0.9 <= covered / RUNS <= 0.985


def test_hostile_names_pass_through_unchanged() -> None:
    given = case(
        estimate(0.02, 0.005),
        sliced("device", "<script>'; drop\n|", -0.05, 0.006),
        sliced("device", None, 0.06, 0.006),
        heterogeneity=(differing("device", 1e-6),),
    )
    assert "not known" in {row.name.rsplit("is ")[-1] for row in judged("heterogeneity", given).evidence}
