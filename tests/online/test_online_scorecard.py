"""The scorecard: every treatment against its control, judged in the role of its metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from abgap.online.moments import concatenate, make_rows
from abgap.online.scorecard import compare_arms, make_estimates
from abgap.online.traits import MetricTraits
from abgap.records import (
    Adjustment,
    Direction,
    Estimate,
    Interval,
    Kind,
    Moments,
    NotEstimable,
    Reason,
    Role,
)
from abgap.stats.procedure import Procedure

Values = npt.NDArray[np.float64]
ALPHA = 0.05
MEAN = MetricTraits(
    name="m",
    kind=Kind.MEAN,
    role=Role.SECONDARY,
    direction=Direction.UP,
    smallest_worthwhile_lift=None,
    non_inferiority_margin=None,
    cumulative=False,
)


def arm(values: Sequence[float] | Values, variant: str, **keys: Any) -> Moments:
    x = np.asarray(values, dtype=np.float64)
    numbers = {
        "n": float(len(x)),
        "mean": float(x.mean()) if len(x) else float("nan"),
        "variance": float(x.var(ddof=1)) if len(x) > 1 else float("nan"),
    }
    columns = {"experiment": "e", "metric": "m", "variant": variant} | numbers | keys
    made = {
        name: np.array([value], dtype=np.float64 if isinstance(value, float) else object)
        for name, value in columns.items()
    }
    return make_rows(1, made)


def estimates(parts: Sequence[Moments], *traits: MetricTraits) -> tuple[Estimate, ...]:
    known = {trait.name: trait for trait in traits or (MEAN,)}
    return make_estimates(compare_arms(concatenate(parts), {"e": "A"}, known, Procedure(alpha=ALPHA)))


def draw(seed: int, n: int = 400, lift: float = 0.0) -> Values:
    return np.random.default_rng(seed).gamma(2.0, 5.0, n) * (1.0 + lift)


def the_only(found: tuple[Estimate, ...]) -> Estimate:
    (estimate,) = found
    return estimate


def test_a_mean_is_tested_by_welch() -> None:
    control, treatment = draw(1), draw(2, 300, 0.2)
    found = the_only(estimates([arm(control, "A"), arm(treatment, "B")]))
    oracle = scipy.stats.ttest_ind(treatment, control, equal_var=False)
    interval = oracle.confidence_interval(1 - ALPHA)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-9)
    assert isinstance(found.difference, Interval)
    assert found.difference.estimate == pytest.approx(treatment.mean() - control.mean())
    assert (found.difference.low, found.difference.high) == pytest.approx((interval.low, interval.high))
    assert (found.n_control, found.n_treatment) == (400, 300)
    assert (found.control, found.treatment) == ("A", "B")
    assert isinstance(found.lift, Interval)
    assert found.lift.estimate == pytest.approx(treatment.mean() / control.mean() - 1)
    assert found.lift.method == "fieller"


def test_a_proportion_is_a_count_of_successes() -> None:
    trait = replace(MEAN, kind=Kind.PROPORTION)
    control, treatment = np.repeat([1.0, 0.0], [30, 170]), np.repeat([1.0, 0.0], [50, 150])
    found = the_only(estimates([arm(control, "A"), arm(treatment, "B")], trait))
    oracle = scipy.stats.chi2_contingency([[30, 170], [50, 150]], correction=False)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-6)
    assert isinstance(found.difference, Interval)
    assert found.difference.estimate == pytest.approx(0.1)
    assert found.difference.method == "score"
    assert isinstance(found.effect_size, Interval)
    assert found.effect_size.method == "cohen-h"


@pytest.mark.parametrize("empty", ["A", "B"])
def test_an_arm_without_units_gives_no_number_and_says_why(empty: str) -> None:
    other = "B" if empty == "A" else "A"
    found = the_only(estimates([arm([], empty), arm(draw(1), other)]))
    assert isinstance(found.difference, NotEstimable)
    assert found.difference.reason is Reason.NO_UNITS
    assert found.p_value is None
    assert not found.significant


def test_below_eight_units_nothing_is_tested() -> None:
    found = the_only(estimates([arm(draw(1, 7), "A"), arm(draw(2, 100), "B")]))
    assert isinstance(found.lift, NotEstimable)
    assert found.lift.reason is Reason.TOO_FEW_UNITS
    assert found.lift.detail == "7 units in control, 100 in treatment; at least 8 in each arm are needed"
    assert found.value_control is not None
    assert found.p_value is None


def test_units_that_are_all_alike_cannot_be_tested() -> None:
    found = the_only(estimates([arm([2.0] * 50, "A"), arm([2.0] * 50, "B")]))
    assert isinstance(found.difference, NotEstimable)
    assert found.difference.reason is Reason.ZERO_VARIANCE
    assert found.effect_size == NotEstimable(
        reason=Reason.ZERO_VARIANCE, detail="every unit has the same value, so nothing can be tested"
    )


def test_arms_of_one_value_each_are_not_said_to_be_alike() -> None:
    found = the_only(estimates([arm([1.0] * 50, "A"), arm([2.0] * 50, "B")]))
    assert found.difference == NotEstimable(
        reason=Reason.ZERO_VARIANCE, detail="the values do not vary within the arms, so nothing can be tested"
    )


def test_a_control_near_zero_has_a_difference_and_no_lift() -> None:
    around_zero = np.random.default_rng(3).normal(0, 1, 200)
    found = the_only(estimates([arm(around_zero, "A"), arm(around_zero + 1, "B")]))
    assert isinstance(found.difference, Interval)
    assert isinstance(found.lift, NotEstimable)
    assert found.lift.reason is Reason.CONTROL_NEAR_ZERO


def test_moments_without_a_variance_have_no_test() -> None:
    parts = [arm([1.0] * 9, "A", variance=float("nan")), arm([2.0] * 9, "B", variance=float("nan"))]
    found = the_only(estimates(parts))
    assert isinstance(found.difference, NotEstimable)
    assert found.difference.reason is Reason.NO_VARIANCE_GIVEN
    assert (found.value_control, found.value_treatment) == (1.0, 2.0)


class TestMultiplicity:
    """Raw p-values of four metrics, and what their roles make of them."""

    LIFTS = (0.3, 0.12, 0.02, 0.2)

    def scorecard(self, role: Role, **keys: Any) -> tuple[list[float], tuple[Estimate, ...]]:
        parts, traits, raw = [], [], []
        for i, lift in enumerate(self.LIFTS):
            control, treatment = draw(10 + i, 150), draw(20 + i, 150, lift)
            raw.append(scipy.stats.ttest_ind(treatment, control, equal_var=False).pvalue)
            parts += [arm(control, "A", metric=f"m{i}", **keys), arm(treatment, "B", metric=f"m{i}", **keys)]
            traits.append(replace(MEAN, name=f"m{i}", role=role))
        return raw, estimates(parts, *traits)

    @pytest.mark.parametrize(
        ("role", "method", "adjustment"),
        [
            (Role.PRIMARY, "holm", Adjustment.HOLM),
            (Role.SECONDARY, "fdr_bh", Adjustment.BENJAMINI_HOCHBERG),
        ],
    )
    def test_primaries_and_secondaries_are_corrected_together(
        self, role: Role, method: str, adjustment: Adjustment
    ) -> None:
        raw, found = self.scorecard(role)
        oracle = multipletests(raw, method=method)[1]
        assert [e.p_adjusted for e in found] == pytest.approx(oracle)
        assert {e.adjustment for e in found} == {adjustment}
        assert [e.significant for e in found] == [p < ALPHA for p in oracle]

    @pytest.mark.parametrize("role", [Role.GUARDRAIL, Role.DIAGNOSTIC])
    def test_guardrails_and_diagnostics_stay_as_they_are(self, role: Role) -> None:
        raw, found = self.scorecard(role)
        assert [e.p_adjusted for e in found] == pytest.approx(raw)
        assert {e.adjustment for e in found} == {Adjustment.NONE}

    def test_slices_are_a_family_of_their_own_metric(self) -> None:
        raw, found = self.scorecard(Role.PRIMARY, slice_name="d", slice_value="x")
        assert [e.p_adjusted for e in found] == pytest.approx(raw), "one slice value each"
        assert {e.adjustment for e in found} == {Adjustment.BENJAMINI_HOCHBERG}

    def test_the_values_of_a_slice_are_one_family(self) -> None:
        parts, raw = [], []
        for i, lift in enumerate(self.LIFTS):
            control, treatment = draw(10 + i, 150), draw(20 + i, 150, lift)
            raw.append(scipy.stats.ttest_ind(treatment, control, equal_var=False).pvalue)
            keys = {"slice_name": "d", "slice_value": str(i)}
            parts += [arm(control, "A", **keys), arm(treatment, "B", **keys)]
        found = estimates(parts)
        assert [e.p_adjusted for e in found] == pytest.approx(multipletests(raw, method="fdr_bh")[1])

    def test_experiments_do_not_share_a_family(self) -> None:
        control, treatment = draw(1), draw(2, lift=0.1)
        parts = [
            arm(values, variant, experiment=experiment)
            for experiment in ("e", "f")
            for variant, values in (("A", control), ("B", treatment))
        ]
        trait = replace(MEAN, role=Role.PRIMARY)
        arms = {"e": "A", "f": "A"}
        found = make_estimates(compare_arms(concatenate(parts), arms, {"m": trait}, Procedure(alpha=ALPHA)))
        assert [e.p_adjusted for e in found] == [found[0].p_value] * 2

    def test_several_arms_are_one_family(self) -> None:
        control = draw(1)
        arms = {name: draw(i, 150, 0.1) for i, name in enumerate("BCD", start=2)}
        found = estimates(
            [arm(control, "A"), *(arm(values, name) for name, values in arms.items())],
            replace(MEAN, role=Role.PRIMARY),
        )
        raw = [scipy.stats.ttest_ind(x, control, equal_var=False).pvalue for x in arms.values()]
        assert [e.p_adjusted for e in found] == pytest.approx(multipletests(raw, method="holm")[1])


class TestRoles:
    def test_a_guardrail_holds_when_the_loss_is_surely_below_its_margin(self) -> None:
        trait = replace(MEAN, role=Role.GUARDRAIL, direction=Direction.DOWN, non_inferiority_margin=0.1)
        control = draw(1, 5000)
        held = the_only(estimates([arm(control, "A"), arm(control[::-1] * 1.001, "B")], trait))
        broken = the_only(estimates([arm(control, "A"), arm(control * 1.2, "B")], trait))
        assert held.non_inferiority is not None
        assert broken.non_inferiority is not None
        assert (held.non_inferiority.holds, broken.non_inferiority.holds) == (True, False)
        assert held.non_inferiority.margin == 0.1

    def test_without_a_margin_there_is_no_such_test(self) -> None:
        found = the_only(
            estimates([arm(draw(1), "A"), arm(draw(2), "B")], replace(MEAN, role=Role.GUARDRAIL))
        )
        assert found.non_inferiority is None

    def test_a_smallest_worthwhile_lift_asks_for_power_and_equivalence(self) -> None:
        parts = [arm(draw(1), "A"), arm(draw(2), "B")]
        plain = the_only(estimates(parts))
        asked = the_only(estimates(parts, replace(MEAN, smallest_worthwhile_lift=0.05)))
        assert (plain.power_at_smallest_worthwhile, plain.equivalence_p) == (None, None)
        assert asked.power_at_smallest_worthwhile is not None
        assert 0 < asked.power_at_smallest_worthwhile < 1
        assert asked.equivalence_p is not None
        assert plain.mde == asked.mde


def test_days_are_followed_only_for_the_metrics_that_ask_and_end_at_the_whole() -> None:
    days = ("2026-03-02", "2026-03-03", "2026-03-04")
    values = {variant: [draw(i + 7 * j, 60) for j in range(3)] for i, variant in enumerate("AB")}
    parts = [
        arm(v, variant, period=day)
        for variant, mine in values.items()
        for v, day in zip(mine, days, strict=True)
    ]
    parts += [arm(np.concatenate(mine), variant) for variant, mine in values.items()]
    assert [e.period for e in estimates(parts)] == [None]
    whole, *by_day = estimates(parts, replace(MEAN, cumulative=True))
    assert [e.period for e in by_day] == list(days)
    assert [e.n_control for e in by_day] == [60, 120, 180]
    assert by_day[-1].p_value == pytest.approx(whole.p_value, rel=1e-9)
    assert {e.adjustment for e in by_day} == {Adjustment.NONE}


def test_a_covariate_is_adjusted_for_and_said() -> None:
    rng = np.random.default_rng(9)
    parts = []
    for variant, lift in (("A", 0.0), ("B", 0.3)):
        x = rng.normal(10, 2, 500)
        y = x + rng.normal(0, 1, 500) + lift
        cov = np.cov(y, x)
        parts.append(
            arm(
                y,
                variant,
                covariate_mean=float(x.mean()),
                covariate_variance=float(cov[1, 1]),
                covariate_covariance=float(cov[0, 1]),
                without_history=50.0,
                capped_units=3.0,
            )
        )
    found = the_only(estimates(parts))
    assert found.covariate_variance_removed == pytest.approx(0.8, abs=0.05)
    assert isinstance(found.difference, Interval)
    assert found.difference.method == "welch-adjusted"
    assert found.difference.estimate == pytest.approx(0.3, abs=0.2)
    assert found.capped_units == 6
    (note,) = found.notes
    assert note.startswith("adjusted for the value before exposure, which removes ")
    assert " % of the variance; 10 % of units have no such value before exposure; " in note


def test_metrics_that_the_study_does_not_declare_are_left_alone() -> None:
    parts = [
        arm(draw(i), v, metric=m) for i, (v, m) in enumerate([("A", "x"), ("B", "x"), ("A", "m"), ("B", "m")])
    ]
    assert [e.metric for e in estimates(parts)] == ["m"]


def test_no_moments_no_estimates() -> None:
    assert estimates([make_rows(0, {})]) == ()


class TestQuantiles:
    P95 = replace(MEAN, kind=Kind.QUANTILE, direction=Direction.DOWN)

    def row(self, variant: str, value: float, error: float, n: float = 100.0, **keys: Any) -> Moments:
        """A quantile with its standard error."""
        return arm([], variant, n=n, mean=value, variance=n * error**2, **keys)

    def test_they_are_compared_as_means_with_the_variance_of_the_quantile(self) -> None:
        e = the_only(estimates([self.row("A", 200.0, 3.0), self.row("B", 212.0, 4.0, 300.0)], self.P95))
        df = 25**2 / (9**2 / 99 + 16**2 / 299)
        assert isinstance(e.difference, Interval)
        assert isinstance(e.lift, Interval)
        assert e.p_value == pytest.approx(2 * scipy.stats.t.sf(12 / 5, df), rel=1e-9)
        half = 5 * scipy.stats.t.ppf(0.975, df)
        assert (e.difference.low, e.difference.high) == pytest.approx((12 - half, 12 + half), rel=1e-9)
        assert (e.difference.method, e.lift.method) == ("order-statistics", "fieller")
        assert e.lift.estimate == pytest.approx(0.06)

    def test_too_few_values_beyond_it_are_a_reason(self) -> None:
        e = the_only(estimates([self.row("A", 200.0, np.nan), self.row("B", 212.0, 4.0)], self.P95))
        assert (e.value_control, e.value_treatment, e.p_value) == (200.0, 212.0, None)
        for found in (e.difference, e.lift):
            assert isinstance(found, NotEstimable)
            assert found.reason is Reason.TOO_FEW_VALUES
            assert found.detail.startswith("an arm has too few values beyond the quantile")

    def test_swapping_the_arms_negates_the_difference(self) -> None:
        found = []
        for first, second in (("A", "B"), ("B", "A")):
            parts = [self.row(first, 200.0, 3.0), self.row(second, 212.0, 4.0, 300.0)]
            found.append(the_only(estimates(parts, self.P95)))
        there, back = found
        assert isinstance(there.difference, Interval)
        assert isinstance(back.difference, Interval)
        assert there.difference == back.difference.flipped()
        assert there.p_value == back.p_value

    def test_there_is_no_effect_size(self) -> None:
        e = the_only(estimates([self.row("A", 200.0, 3.0), self.row("B", 212.0, 4.0)], self.P95))
        assert isinstance(e.effect_size, NotEstimable)
        assert e.effect_size.reason is Reason.NOT_DEFINED

    def test_days_are_of_all_units_so_far_already(self) -> None:
        days = ("2026-03-02", "2026-03-03")
        parts = [
            self.row(arm, value + i, 2.0, 50.0 * (i + 1), period=day)
            for arm, value in (("A", 100.0), ("B", 110.0))
            for i, day in enumerate(days)
        ]
        found = estimates(parts, replace(self.P95, cumulative=True))
        assert [(e.period, e.n_control, e.value_control) for e in found] == [
            (days[0], 50, 100.0),
            (days[1], 100, 101.0),
        ]


def test_retention_is_judged_as_a_share() -> None:
    back = replace(MEAN, kind=Kind.RETENTION)
    shares = [arm([1.0] * k + [0.0] * (400 - k), variant) for variant, k in (("A", 100), ("B", 130))]
    e, proportion = (
        the_only(estimates(shares, trait)) for trait in (back, replace(MEAN, kind=Kind.PROPORTION))
    )
    assert replace(e, kind=Kind.PROPORTION) == proportion
    assert isinstance(e.difference, Interval)
    assert e.difference.method == "score"


def test_the_share_of_value_that_a_cap_cut_is_that_of_both_arms() -> None:
    parts = [arm(draw(1) + 10.0, "A", capped_value=0.5), arm(draw(2) + 10.0, "B", capped_value=1.5)]
    found = the_only(estimates(parts))
    kept = [(float(part.n[0]), float(part.mean[0])) for part in parts]
    cut = kept[0][0] * 0.5 + kept[1][0] * 1.5
    assert found.capped_value_share == pytest.approx(cut / (cut + sum(n * mean for n, mean in kept)))


def test_an_estimate_says_when_few_units_carry_it() -> None:
    rng = np.random.default_rng(4)
    payers = [
        np.concatenate([np.zeros(n - n // 50), rng.lognormal(3.0, 1.0, n // 50)]) for n in (5000, 600, 50_000)
    ]
    few = the_only(estimates([arm(payers[0], "A"), arm(payers[1], "B")]))
    assert [note for note in few.notes if note.startswith("few units carry the value")]
    assert the_only(estimates([arm(payers[2], "A"), arm(payers[2][::-1] * 1.01, "B")])).notes == ()
    nothing = the_only(estimates([arm([3.0] * 20, "A"), arm([3.0] * 20, "B")]))
    assert nothing.notes == ()  # there is no interval to be off


def test_a_share_says_when_few_successes_are_expected() -> None:
    trait = replace(MEAN, kind=Kind.PROPORTION)
    few, many = (np.repeat([1.0, 0.0], [k, 200 - k]) for k in (4, 60))
    found = the_only(estimates([arm(few, "A"), arm(few, "B")], trait))
    assert [note for note in found.notes if note.startswith("few successes or failures")]
    assert the_only(estimates([arm(many, "A"), arm(few, "B")], trait)).notes == ()


def test_a_quantile_says_when_few_units_lie_beyond_it() -> None:
    trait = replace(MEAN, kind=Kind.QUANTILE, quantile=0.95)
    found = the_only(estimates([arm(draw(1, 100), "A"), arm(draw(2, 100), "B")], trait))
    assert [note for note in found.notes if note.startswith("few units lie beyond the quantile")]
    assert the_only(estimates([arm(draw(1, 300), "A"), arm(draw(2, 300), "B")], trait)).notes == ()


def test_a_ratio_says_when_few_units_carry_its_denominator() -> None:
    trait = replace(MEAN, kind=Kind.RATIO)
    parts = {"numerator_mean": 5.0, "numerator_variance": 9.0, "denominator_mean": 1.0, "covariance": 0.1}
    for variance, said in ((4.0, True), (0.5, False)):
        arms = [
            arm(draw(s, 100) + 90.0, v, **parts, denominator_variance=variance)
            for s, v in ((1, "A"), (2, "B"))
        ]
        found = the_only(estimates(arms, trait))
        assert bool(found.notes) is said


def test_a_ratio_that_few_units_carry_is_refused() -> None:
    def ratio(variant: str, carriers: int) -> Moments:
        rng = np.random.default_rng(carriers)
        x = np.where(np.arange(200) < carriers, rng.poisson(5.0, 200) + 1.0, 0.0)
        y = x * rng.normal(100.0, 5.0, 200)
        joint = np.cov(y, x)
        r = y.sum() / x.sum()
        return arm(
            y,
            variant,
            mean=r,
            variance=float(((y - r * x) / x.mean()).var(ddof=1)),
            numerator_mean=float(y.mean()),
            numerator_variance=float(joint[0, 0]),
            denominator_mean=float(x.mean()),
            denominator_variance=float(joint[1, 1]),
            covariance=float(joint[0, 1]),
        )

    trait = replace(MEAN, kind=Kind.RATIO)
    few = the_only(estimates([ratio("A", 6), ratio("B", 150)], trait))
    assert isinstance(few.difference, NotEstimable)
    assert few.difference.reason is Reason.TOO_FEW_UNITS
    assert few.difference.detail.startswith("fewer than 8 units carry the denominator in an arm (200 units")
    assert few.p_value is None
    enough = the_only(estimates([ratio("A", 30), ratio("B", 150)], trait))
    assert isinstance(enough.difference, Interval)
