from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from abgap.gap.funnel import Funnels, FunnelView, funnels_to_resample
from abgap.gap.lending import lend_intervals
from abgap.records import Direction, Interval, Kind, Moments, NotEstimable, Reason, Unadjusted
from abgap.records.moments import FLOAT_COLUMNS, KEYS, LIST_COLUMNS
from abgap.stats.contrast import mean_contrast
from abgap.stats.intervals import fieller_lift
from abgap.stats.moments import Univariate
from abgap.study.model import Study

Make = Callable[..., Any]
CONTROL = (0.20, 0.20 * 0.050, 0.20 * 0.050 * 40.0)
TREATMENT = (0.22, 0.22 * 0.046, 0.22 * 0.046 * 39.0)


def moments(rows: Sequence[dict[str, Any]]) -> Moments:
    columns: dict[str, Any] = {}
    for name in (*KEYS, *LIST_COLUMNS):
        columns[name] = np.empty(len(rows), dtype=object)
        columns[name][:] = [row.get(name) for row in rows]
    for name in FLOAT_COLUMNS:
        columns[name] = np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)
    return Moments(**columns)


def row(
    variant: str, means: Sequence[float], *, n: float = 1e6, spread: float = 1.0, **keys: Any
) -> dict[str, Any]:
    covariance = np.diag([spread * mean for mean in means])
    return {
        "experiment": "search_v2",
        "variant": variant,
        "metric": "purchase",
        "n": n,
        "stage_means": tuple(means),
        "stage_covariances": tuple(covariance.ravel()),
    } | keys


@pytest.fixture
def study() -> Study:
    stages = ["clicks_per_session", "orders_per_click", "revenue_per_order"]
    metric = {"kind": Kind.MEAN, "value": "x", "direction": Direction.UP}
    return Study.model_validate(
        {
            "metrics": dict.fromkeys(["revenue_per_session", *stages], metric),
            "funnels": {"purchase": {"total": "revenue_per_session", "stages": stages}},
        }
    )


def view(study: Study, rows: Sequence[dict[str, Any]], total: str = "revenue_per_session") -> FunnelView:
    return Funnels(study, moments(rows)).of(total, "search_v2", "A", "B")


def test_the_stages_of_the_worked_example_add_up_in_logs_and_in_money(study: Study) -> None:
    found = view(study, [row("A", CONTROL), row("B", TREATMENT)])
    assert [stage.stage for stage in found.stages] == [
        "clicks_per_session",
        "orders_per_click",
        "revenue_per_order",
    ]
    assert [stage.log_lift for stage in found.stages] == pytest.approx(
        [0.095310, -0.083382, -0.025318], abs=1e-6
    )
    assert [stage.money for stage in found.stages] == pytest.approx(
        [0.0378699, -0.0331304, -0.0100596], abs=1e-6
    )
    assert sum(stage.money or 0.0 for stage in found.stages) == pytest.approx(0.39468 - 0.40)
    assert [stage.value_control for stage in found.stages] == pytest.approx([0.20, 0.050, 40.0])
    assert [stage.value_treatment for stage in found.stages] == pytest.approx([0.22, 0.046, 39.0])


def test_the_interval_of_a_stage_is_that_of_the_delta_method(study: Study) -> None:
    found = view(study, [row("A", CONTROL), row("B", TREATMENT)])
    # Sums that are uncorrelated with variance = mean: the log of each mean has variance 1 / (n mean).
    variance = sum(1.0 / (1e6 * mean) for arm in (CONTROL, TREATMENT) for mean in arm[:2])
    second = found.stages[1]
    assert second.log_lift is not None
    assert second.high == pytest.approx(second.log_lift + 1.959963984540054 * variance**0.5)


def test_the_total_is_what_the_stages_add_up_to_with_an_interval_of_its_own(study: Study) -> None:
    found = view(study, [row("A", CONTROL), row("B", TREATMENT)])
    total = found.total
    assert total is not None
    assert (total.stage, total.method) == ("revenue_per_session", "lmdi")
    assert (total.value_control, total.value_treatment) == pytest.approx((0.40, 0.39468))
    assert total.log_lift == pytest.approx(sum(stage.log_lift or 0.0 for stage in found.stages))
    assert total.money == pytest.approx(0.39468 - 0.40)
    # The last sum has variance = mean: its log has variance 1 / (n mean), the difference the sum of mean / n.
    log_error = (1.0 / (1e6 * 0.40) + 1.0 / (1e6 * 0.39468)) ** 0.5
    money_error = ((0.40 + 0.39468) / 1e6) ** 0.5
    assert total.low == pytest.approx(np.log(0.39468 / 0.40) - 1.959963984540054 * log_error)
    assert total.high == pytest.approx(np.log(0.39468 / 0.40) + 1.959963984540054 * log_error)
    assert total.money_low == pytest.approx(0.39468 - 0.40 - 1.959963984540054 * money_error)
    assert total.money_high == pytest.approx(0.39468 - 0.40 + 1.959963984540054 * money_error)


def test_a_total_without_logarithms_or_covariances_has_no_interval(study: Study) -> None:
    without_orders = view(study, [row("A", CONTROL), row("B", (0.22, 0.0, 0.0))]).total
    assert without_orders is not None
    assert (without_orders.log_lift, without_orders.low, without_orders.money_low) == (None, None, None)
    assert without_orders.money == pytest.approx(-0.40)
    bare = view(study, [row("A", CONTROL), row("B", TREATMENT) | {"stage_covariances": None}]).total
    assert bare is not None
    assert bare.log_lift == pytest.approx(np.log(0.39468 / 0.40))
    assert (bare.low, bare.money_low) == (None, None)
    assert view(study, [row("A", CONTROL), row("B", (0.0, 0.01, 0.4))]).total is None


def test_the_note_says_accounting_and_refuses_shares_while_the_total_includes_zero(study: Study) -> None:
    accounting = "Accounting, not causal: later stages compare different clickers."
    clear = lend_intervals(view(study, [row("A", CONTROL), row("B", TREATMENT)]), {})
    assert clear.note == accounting
    spread = [row("A", CONTROL, spread=100.0), row("B", TREATMENT, spread=100.0)]
    unclear = lend_intervals(view(study, spread), {})
    assert unclear.note == (
        f"{accounting} "
        "The interval of the total includes 0, so the stages are not given as shares of a change."
    )


def test_few_orders_are_noted(study: Study) -> None:
    found = view(study, [row("A", CONTROL, n=2_900), row("B", TREATMENT, n=2_900)])
    assert found.note is not None
    assert "fewer than 30 orders" in found.note


def test_an_arm_without_orders_is_split_by_shapley_without_logarithms(study: Study) -> None:
    found = view(study, [row("A", CONTROL), row("B", (0.22, 0.0, 0.0))])
    assert {stage.method for stage in found.stages} == {"shapley"}
    assert [stage.log_lift for stage in found.stages] == [None, None, None]
    assert sum(stage.money or 0.0 for stage in found.stages) == pytest.approx(-0.40)
    assert found.stages[2].value_treatment is None
    assert found.note is not None
    assert "Shapley" in found.note


def test_stages_that_do_not_multiply_are_refused(study: Study) -> None:
    found = view(study, [row("A", CONTROL), row("B", (0.0, 0.01, 0.4))])
    assert found.stages == ()
    assert found.note == (
        "The funnel cannot be decomposed: a stage is not zero although the one before it is."
    )


def test_without_covariances_the_split_stands_without_intervals(study: Study) -> None:
    rows = [row("A", CONTROL), row("B", TREATMENT) | {"stage_covariances": None}]
    found = view(study, rows)
    assert found.stages[0].log_lift == pytest.approx(0.095310, abs=1e-6)
    assert found.stages[0].low is None
    assert found.note is not None
    assert "no intervals, because the moments carry no covariances" in found.note


def test_slices_days_folds_and_other_metrics_are_passed_over(study: Study) -> None:
    other = (9.0, 9.0, 9.0)
    noise = [
        row("A", other, slice_name="device", slice_value="phone"),
        row("B", other, period="2026-03-02"),
        row("B", other, fold="3"),
        row("B", other, metric="revenue_per_session"),
        row("B", other, experiment="another"),
    ]
    rows = [row("A", CONTROL), row("B", TREATMENT), *noise]
    assert view(study, rows) == view(study, rows[:2])


def test_without_a_funnel_or_its_rows_the_view_is_empty(study: Study) -> None:
    rows = [row("A", CONTROL), row("B", TREATMENT)]
    assert view(study, rows, total="another") == FunnelView()
    assert view(study, rows[:1]) == FunnelView()
    assert view(study, [rows[0], rows[1] | {"stage_means": None}]) == FunnelView()
    assert Funnels(study, None).of("revenue_per_session", "search_v2", "A", "B") == FunnelView()


def test_the_metrics_lend_their_intervals_to_the_total_and_the_stages(
    study: Study, make_estimate: Make
) -> None:
    rows = [row("A", CONTROL), row("B", TREATMENT)]
    of_total = make_estimate(-0.05, 0.02, metric="revenue_per_session")
    of_stage = make_estimate(-0.01, 0.20, metric="clicks_per_session")
    estimates = {e.metric: e for e in (of_total, of_stage)}
    own = view(study, rows)
    found = lend_intervals(own, estimates)
    assert found.total is not None
    assert (found.total.low, found.total.high) == pytest.approx((math.log(0.95), math.log(1.02)))
    assert (found.total.money_low, found.total.money_high) == (
        of_total.difference.low,
        of_total.difference.high,
    )
    first, second, last = found.stages
    assert (first.low, first.high) == pytest.approx((math.log(0.99), math.log(1.20)))
    assert first.money_low is not None
    assert first.money_low < 0.0, "its own end lay above 0, where the metric's does not"
    assert first.money_high == own.stages[0].money_high
    assert first.per_unit_lift == of_stage.lift
    assert second == own.stages[1]
    assert last.per_unit_lift == of_total.lift


def test_the_note_is_about_the_interval_that_is_shown(study: Study, make_estimate: Make) -> None:
    own = view(study, [row("A", CONTROL), row("B", TREATMENT)])
    estimate = make_estimate(-0.05, 0.02, metric="revenue_per_session")
    lent = lend_intervals(own, {"revenue_per_session": estimate})
    assert lent.note is not None
    assert lent.note.endswith(
        "The interval of the total includes 0, so the stages are not given as shares of a change."
    )


def test_a_capped_or_adjusted_metric_lends_nothing(study: Study, make_estimate: Make) -> None:
    own = view(study, [row("A", CONTROL), row("B", TREATMENT)])
    estimate = make_estimate(-0.05, 0.02, metric="revenue_per_session")
    raw = Unadjusted(difference=estimate.difference, lift=estimate.lift, p_value=0.4)
    for other in (
        dataclasses.replace(estimate, capped_units=3),
        dataclasses.replace(estimate, unadjusted=raw),
    ):
        assert lend_intervals(own, {"revenue_per_session": other}) == own
    drawn = dataclasses.replace(own, is_resampled=True)
    assert lend_intervals(drawn, {"revenue_per_session": estimate}).stages == own.stages


def test_a_capped_total_says_that_the_funnel_is_not(study: Study) -> None:
    metric = study.metrics["revenue_per_session"].model_copy(update={"cap_percentile": 99.9})
    capped = study.model_copy(update={"metrics": study.metrics | {"revenue_per_session": metric}})
    found = view(capped, [row("A", CONTROL), row("B", TREATMENT)])
    assert found.note is not None
    assert found.note.endswith("The funnel adds up values before capping and covariate adjustment.")
    assert dataclasses.replace(found, note=None) == dataclasses.replace(
        view(study, [row("A", CONTROL), row("B", TREATMENT)]), note=None
    )


class TestPerUnit:
    """The numerator of each stage over the units that were randomised."""

    def test_it_is_the_welch_comparison_of_the_means_per_unit(self, study: Study) -> None:
        found = view(study, [row("A", CONTROL, n=5000), row("B", TREATMENT, n=4000)])
        for i, stage in enumerate(found.stages):
            control = Univariate(n=np.array(5000.0), mean=np.array(CONTROL[i]), variance=np.array(CONTROL[i]))
            arm = Univariate(n=np.array(4000.0), mean=np.array(TREATMENT[i]), variance=np.array(TREATMENT[i]))
            expected = fieller_lift(mean_contrast(control, arm), 0.05)
            assert (stage.per_unit_control, stage.per_unit_treatment) == (CONTROL[i], TREATMENT[i])
            assert isinstance(stage.per_unit_lift, Interval)
            lift = stage.per_unit_lift
            assert (lift.estimate, lift.low, lift.high) == pytest.approx([float(x) for x in expected[:3]])
            assert lift.method == "fieller"

    def test_a_treatment_that_only_brings_curious_clickers_has_no_effect_on_orders(
        self, study: Study
    ) -> None:
        curious = (CONTROL[0] * 1.5, *CONTROL[1:])
        found = view(study, [row("A", CONTROL), row("B", curious)])
        conditional = found.stages[1]
        assert conditional.high is not None
        assert conditional.high < 0, "orders per click fell"
        assert isinstance(conditional.per_unit_lift, Interval)
        assert conditional.per_unit_lift.estimate == pytest.approx(0.0)
        assert not conditional.per_unit_lift.excludes_zero()

    def test_what_cannot_be_told_says_why(self, study: Study) -> None:
        few = view(study, [row("A", CONTROL, n=5), row("B", TREATMENT, n=4000)]).stages[0]
        assert few.per_unit_lift == NotEstimable(
            reason=Reason.TOO_FEW_UNITS, detail="an arm has fewer than 8 units"
        )
        zero = view(study, [row("A", (0.2, 0.0, 0.0)), row("B", TREATMENT)]).stages[1]
        assert isinstance(zero.per_unit_lift, NotEstimable)
        assert zero.per_unit_lift.reason is Reason.CONTROL_NEAR_ZERO
        bare = view(study, [row("A", CONTROL, stage_covariances=None), row("B", TREATMENT)]).stages[2]
        assert isinstance(bare.per_unit_lift, NotEstimable)
        assert bare.per_unit_lift.reason is Reason.NO_VARIANCE_GIVEN

    def test_the_total_is_a_metric_of_its_own(self, study: Study) -> None:
        found = view(study, [row("A", CONTROL), row("B", TREATMENT)])
        assert found.total is not None
        assert found.total.per_unit_lift is None


def few(study: Study) -> Study:
    return study.model_copy(
        update={
            "gap": study.gap.model_copy(update={"business": ["revenue_per_session"], "offline": ["ndcg"]})
        }
    )


def test_business_funnels_with_few_orders_are_to_be_resampled(study: Study) -> None:
    small = [row("A", CONTROL, n=2_000), row("B", TREATMENT, n=4_000)]
    assert funnels_to_resample(few(study), moments(small)) == (("purchase",), ("search_v2",))
    large = [row("A", CONTROL, n=4_000), row("B", TREATMENT, n=4_000)]
    assert funnels_to_resample(few(study), moments(large)) == ((), ())
    assert funnels_to_resample(study, moments(small)) == ((), ())
    very_large = [row("A", CONTROL, n=2_000), row("B", TREATMENT, n=200_000)]
    assert funnels_to_resample(few(study), moments(very_large)) == ((), ())


def test_the_draws_of_a_small_funnel_take_the_place_of_variances(study: Study) -> None:
    rng = np.random.default_rng(2)
    rows = [row("A", CONTROL, n=2_000), row("B", TREATMENT, n=2_000)]
    draws = {
        ("search_v2", arm, "purchase"): np.array(means) * np.exp(rng.normal(0.0, 0.1, (1_000, 3)))
        for arm, means in (("A", CONTROL), ("B", TREATMENT))
    }
    found = Funnels(study, moments(rows), draws).of("revenue_per_session", "search_v2", "A", "B")
    plain = view(study, rows)
    assert found.note is not None
    assert "percentiles of 1,000 bootstrap draws" in found.note
    before, after = draws["search_v2", "A", "purchase"], draws["search_v2", "B", "purchase"]
    logs = np.log(after / before)
    per_stage = np.sort(np.diff(logs, axis=-1, prepend=0.0), axis=0)
    for position, (stage, other) in enumerate(zip(found.stages, plain.stages, strict=True)):
        assert stage.log_lift == other.log_lift
        assert stage.low == pytest.approx(per_stage[24, position])
        assert stage.high == pytest.approx(per_stage[-25, position])
    total = np.sort(after[:, -1] - before[:, -1])
    assert found.total is not None
    assert found.total.money_low == pytest.approx(total[24])
    middle = (after[:, -1] - before[:, -1]) / logs[:, -1]
    money = np.sort(middle * np.diff(logs, axis=-1, prepend=0.0)[:, 1])
    assert found.stages[1].money_high == pytest.approx(money[-25])


def test_a_stage_that_is_zero_in_many_draws_has_no_interval(study: Study) -> None:
    rows = [row("A", CONTROL, n=2_000), row("B", TREATMENT, n=2_000)]
    some = np.repeat([CONTROL], 1_000, axis=0) * np.linspace(0.9, 1.1, 1_000)[:, None]
    none = some.copy()
    none[:100, 1:] = 0.0
    draws = {("search_v2", "A", "purchase"): some, ("search_v2", "B", "purchase"): none}
    found = Funnels(study, moments(rows), draws).of("revenue_per_session", "search_v2", "A", "B")
    assert found.stages[0].low is not None
    assert found.stages[1].low is None
    assert found.stages[1].log_lift is not None
