"""What the terminal says of findings, from records made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abgap.cli.findings import show_experiments, show_gaps
from abgap.records import (
    Adjustment,
    Bayesian,
    Check,
    Decision,
    Direction,
    Estimate,
    ExperimentResult,
    FunnelStage,
    Gap,
    Interval,
    Kind,
    NonInferiority,
    Role,
    Status,
    Unadjusted,
    VerdictName,
)

LIFT = Interval(estimate=0.046, low=0.034, high=0.057, level=0.95, method="fieller")
GUARD = Estimate(
    experiment="one",
    metric="latency_ms",
    role=Role.GUARDRAIL,
    kind=Kind.MEAN,
    direction=Direction.DOWN,
    control="A",
    treatment="B",
    slice_name=None,
    slice_value=None,
    period=None,
    n_control=100,
    n_treatment=101,
    value_control=260.0,
    value_treatment=280.0,
    difference=LIFT,
    lift=LIFT,
    p_value=0.0301,
    p_adjusted=0.0301,
    adjustment=Adjustment.NONE,
    significant=True,
    effect_size=LIFT,
    mde=0.016,
    power_at_smallest_worthwhile=None,
    equivalence_p=None,
    non_inferiority=NonInferiority(margin=0.25, p_value=0.0123, holds=True),
    covariate_variance_removed=0.5,
    capped_units=None,
)
RESULT = ExperimentResult(
    name="one",
    control="A",
    arms={"A": 100, "B": 101},
    start=None,
    end=None,
    models={},
    decision=Decision.CANNOT_BE_JUDGED,
    headline="Nothing follows.",
    decision_reason="The split is broken.",
    next_action="Mend it.",
)
BROKEN = Check(
    name="sample_ratio",
    experiment="one",
    status=Status.FAIL,
    value=0.0,
    threshold=0.001,
    sentence="Units are not split as planned.",
    sql=None,
    blocking=True,
)
STAGE = FunnelStage(
    stage="clicks",
    value_control=1.0,
    value_treatment=1.1,
    log_lift=0.0953,
    low=0.05,
    high=0.14,
    money=2.0,
    money_low=1.0,
    money_high=3.0,
    method="lmdi",
)
GAP = Gap(
    experiment="one",
    treatment="B",
    control="A",
    offline_metric="ndcg",
    business_metric="revenue",
    offline_gain=LIFT,
    offline_face_value=None,
    online_lift=LIFT,
    smallest_worthwhile_lift=None,
    expected_lift=None,
    expected_source=None,
    verdict=VerdictName.UNTRUSTWORTHY,
    sentence="No verdict.",
    next_action="Mend it.",
    correction="",
    power_at_smallest_worthwhile=None,
    power_at_expected=None,
    units_needed=None,
    weeks_needed=None,
    money_per_year=None,
    funnel=(STAGE,),
    funnel_note=None,
    funnel_total=replace(STAGE, stage="revenue"),
)


def test_a_guardrail_shows_its_margin_the_p_of_its_test_and_a_reading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_experiments([RESULT], [GUARD], [], alpha=0.05)
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if line.startswith("latency_ms "))
    assert "25 %" in row
    assert "0.012" in row
    assert row.endswith("! worse, within margin")
    assert " — " in row, "nothing was adjusted"
    assert "latency_ms: lift adjusted for a covariate" in shown


def test_a_failed_check_stands_above_numbers_that_are_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = replace(BROKEN, experiment="two", sentence="Not ours.")
    passed = replace(BROKEN, name="carry_over", status=Status.PASS)
    show_experiments([RESULT], [GUARD], [BROKEN, elsewhere, passed], alpha=0.05)
    shown = capsys.readouterr().out
    assert "✕ sample_ratio: Units are not split as planned." in shown
    assert "– not judged" in shown
    assert "within margin" not in shown
    assert "Not ours" not in shown
    assert "carry_over" not in shown


def test_gap_says_failed_checks_once_and_ends_a_funnel_with_its_total(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_gaps([GAP, replace(GAP, offline_metric="mrr")], [BROKEN], currency="EUR")
    shown = capsys.readouterr().out
    assert shown.count("✕ sample_ratio: ") == 1
    assert shown.count("all stages: revenue") == 1


BELIEF = Bayesian(
    lift=LIFT,
    probability_better=0.9,
    expected_loss_of_shipping=0.01,
    expected_loss_of_keeping=0.02,
    prior_lift=0.0,
    prior_sd=0.1,
)
ARMS = (
    replace(GUARD, bayesian=BELIEF, unadjusted=Unadjusted(difference=LIFT, lift=LIFT, p_value=0.03)),
    replace(
        GUARD, treatment="C", bayesian=BELIEF, unadjusted=Unadjusted(difference=LIFT, lift=LIFT, p_value=0.03)
    ),
)


def test_with_several_treatments_every_line_names_its_arm(capsys: pytest.CaptureFixture[str]) -> None:
    show_experiments([RESULT], ARMS, [], alpha=0.05)
    shown = capsys.readouterr().out
    for arm in "BC":
        assert f"latency_ms ({arm}): P(better) 90.0 %" in shown
        assert f"latency_ms ({arm}) unadjusted +4.6 %" in shown
    show_experiments([RESULT], ARMS[:1], [], alpha=0.05)
    assert "(B)" not in capsys.readouterr().out


def test_notes_stand_once_below_the_scorecard_with_what_they_are_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    skipped, few = "not post-stratified: too small", "few units carry the value of an arm"
    told = ("adjusted for the value before exposure, which removes 9 % of the variance",)
    b, c = (replace(row, notes=(*told, skipped)) for row in ARMS)
    other = replace(b, metric="errors", notes=(skipped,)), replace(c, metric="errors", notes=(skipped, few))
    sliced = replace(b, slice_name="device", slice_value="tv", notes=("only of a slice",))
    show_experiments([RESULT], [b, c, *other, sliced], [], alpha=0.05)
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("latency_ms and errors: not post-stratified: too small.") == 1
    assert "errors (C): few units carry the value of an arm." in lines
    assert not any("only of a slice" in line or "removes 9 %" in line for line in lines)
