from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from abgap.gap.next_steps import next_action, run_longer, show_within_margin
from abgap.gap.power import Power
from abgap.gap.sentences import Subject, difference_clause, online_clause, verdict_sentence
from abgap.gap.verdict import Evidence, Sign, decide
from abgap.records import Check, Direction, FunnelStage, Interval, NotEstimable, Reason, Status, VerdictName

Make = Callable[..., Any]
SUBJECT = Subject(
    offline_metric="ndcg@10",
    business_metric="revenue_per_user",
    correction="Holm over primary metrics and arms",
)
BARE = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail="a bare value")
SRM = Check(
    name="sample_ratio",
    experiment="x",
    status=Status.FAIL,
    value=0.0,
    threshold=0.001,
    sentence="Units are not split as planned: A 52.0 % of 50.0 % planned (p < 0.001). Look for redirects.",
    sql="units_per_arm",
    blocking=True,
)


def between(low: float, high: float) -> Interval:
    return Interval(estimate=(low + high) / 2.0, low=low, high=high, level=0.95, method="test")


GAIN, FLAT, LOSS = between(0.055, 0.065), between(-0.004, 0.006), between(-0.065, -0.055)


def said(
    offline: Interval | NotEstimable,
    online: Interval | NotEstimable,
    *,
    subject: Subject = SUBJECT,
    power: Power | None = None,
    **evidence: Any,
) -> str:
    evidence.setdefault("online_established", isinstance(online, Interval) and online.excludes_zero())
    given = Evidence(offline_gain=offline, online_lift=online, **evidence)
    return verdict_sentence(subject, given, decide(given), power or Power())


def test_did_not_move() -> None:
    assert said(GAIN, between(-0.008, 0.010), delta=0.015) == (
        "NDCG@10 rose by 0.060 [0.055, 0.065] offline, but revenue per user did not move: "
        "+0.1 % [−0.8, +1.0] lies inside ±1.5 %, the smallest lift that would matter."
    )


def test_did_not_move_although_the_effect_is_real() -> None:
    assert said(GAIN, between(0.002, 0.010), delta=0.015) == (
        "NDCG@10 rose by 0.060 [0.055, 0.065] offline, but the effect on revenue per user is real, "
        "but too small to matter: +0.6 % [+0.2, +1.0] lies inside ±1.5 %, "
        "the smallest lift that would matter."
    )


def test_translated_against_what_would_matter_or_what_was_expected() -> None:
    rose = "NDCG@10 rose by 0.060 [0.055, 0.065] offline and revenue per user rose too: "
    assert said(GAIN, between(0.02, 0.04)) == f"{rose}+3.0 % [+2.0, +4.0]."
    assert said(GAIN, between(0.02, 0.04), delta=0.015) == (
        f"{rose}+3.0 % [+2.0, +4.0], at least the 1.5 % that is worth having."
    )
    assert said(GAIN, between(0.01, 0.04), delta=0.015) == (
        f"{rose}+2.5 % [+1.0, +4.0]; whether it reaches the 1.5 % that is worth having is not settled."
    )
    assert said(GAIN, between(0.02, 0.04), expected=between(0.03, 0.04)) == (
        f"{rose}+3.0 % [+2.0, +4.0], with no shortfall established against the expected +3.5 % [+3.0, +4.0]."
    )
    assert said(GAIN, between(0.02, 0.04), expected=between(0.001, 0.003)).endswith(
        ", more than the expected +0.20 % [+0.10, +0.30]."
    )


def test_fell_short() -> None:
    assert said(GAIN, between(0.005, 0.015), expected=between(0.04, 0.06)) == (
        "NDCG@10 rose by 0.060 [0.055, 0.065] offline and revenue per user rose, but by less than expected: "
        "+1.0 % [+0.5, +1.5] against an expected +5.0 % [+4.0, +6.0], "
        "short by 4.0 [2.9, 5.1] percentage points."
    )


def test_reversed() -> None:
    assert said(GAIN, between(-0.03, -0.01)) == (
        "NDCG@10 rose by 0.060 [0.055, 0.065] offline, but revenue per user fell: −2.0 % [−3.0, −1.0]."
    )


def test_missed_by_offline_and_loss_confirmed() -> None:
    assert said(FLAT, between(0.01, 0.03)) == (
        "NDCG@10 showed no established change offline (+0.001 [−0.004, +0.006]), "
        "yet revenue per user rose: +2.0 % [+1.0, +3.0]."
    )
    assert said(LOSS, between(-0.03, -0.01)) == (
        "NDCG@10 fell by 0.060 [0.055, 0.065] offline, and revenue per user fell: −2.0 % [−3.0, −1.0]."
    )


def test_no_offline_gain_never_calls_an_open_effect_absent() -> None:
    assert said(FLAT, between(-0.02, 0.03), delta=0.015) == (
        "NDCG@10 showed no established change offline (+0.001 [−0.004, +0.006]), "
        "and no effect on revenue per user is established: +0.5 % [−2.0, +3.0]."
    )
    assert said(FLAT, between(-0.005, 0.005), delta=0.015).endswith(
        "and revenue per user did not move: 0.0 % [−0.5, +0.5] lies inside ±1.5 %, "
        "the smallest lift that would matter."
    )


def test_inconclusive_says_what_is_open_and_what_the_test_could_see() -> None:
    power = Power(mde=0.035, at_delta=0.22, at_expected=0.96)
    start = "NDCG@10 rose by 0.060 [0.055, 0.065] offline; whether revenue per user moved is not settled: "
    wide = between(-0.02, 0.03)
    assert said(GAIN, wide, delta=0.015, power=power) == (
        f"{start}+0.5 % [−2.0, +3.0] includes 0 and reaches beyond ±1.5 %, "
        "the smallest lift that would matter "
        "(power: 22 % to see 1.5 %)."
    )
    assert said(GAIN, wide, delta=0.015, expected=between(0.04, 0.05), power=power).endswith(
        "(power: 22 % to see 1.5 % and 96 % to see the expected +4.5 %)."
    )
    assert said(GAIN, wide, power=power) == (
        f"{start}+0.5 % [−2.0, +3.0] includes 0, and without a smallest worthwhile lift "
        "no effect can be ruled out "
        "(80 % power only from 3.5 % on)."
    )
    assert said(GAIN, between(0.001, 0.03), online_established=False) == (
        f"{start}+1.6 % [+0.1, +3.0] excludes 0 on its own, but not after correction for multiple testing "
        "(Holm over primary metrics and arms)."
    )


def test_inconclusive_without_an_offline_gain() -> None:
    assert said(FLAT, between(-0.03, -0.01)).endswith(
        "and revenue per user fell: −2.0 % [−3.0, −1.0]; there is no offline gain whose way could be judged."
    )
    assert said(LOSS, between(-0.01, 0.03)).endswith(
        "offline; no effect on revenue per user is established: +1.0 % [−1.0, +3.0]; "
        "whether the loss reached it is not settled."
    )
    assert "offline, but revenue per user did not move:" in said(LOSS, between(-0.01, 0.01), delta=0.02)


def test_what_is_not_known_is_named() -> None:
    missing = NotEstimable(reason=Reason.NOT_MATCHED, detail="no offline result compares the two models.")
    assert said(missing, between(0.01, 0.03)) == (
        "The offline gain in NDCG@10 is not known (no offline result compares the two models); "
        "online, revenue per user rose: +2.0 % [+1.0, +3.0]."
    )
    assert said(GAIN, NotEstimable(reason=Reason.TOO_FEW_UNITS, detail="5 units")) == (
        "NDCG@10 rose by 0.060 [0.055, 0.065] offline; "
        "the lift of revenue per user cannot be estimated (5 units)."
    )


def test_a_gain_at_face_value_says_so() -> None:
    up = between(0.01, 0.03)
    assert said(BARE, up, offline_face_value=0.06).startswith(
        "NDCG@10 rose by 0.0600 offline (no interval given) "
    )
    assert said(BARE, up, offline_face_value=-0.06).startswith(
        "NDCG@10 fell by 0.0600 offline (no interval given)"
    )
    assert said(BARE, up, offline_face_value=0.0).startswith(
        "NDCG@10 stayed the same offline (no interval given)"
    )


def test_untrustworthy_gives_the_finding_and_no_number_of_the_effect() -> None:
    text = said(GAIN, between(0.01, 0.03), blocked=(SRM, SRM))
    assert text == (
        "No verdict, because the data cannot be trusted. "
        "Units are not split as planned: A 52.0 % of 50.0 % planned (p < 0.001) (1 more check failed)."
    )


def test_metrics_where_less_is_better_keep_their_sign_and_say_what_is_good() -> None:
    subject = dataclasses.replace(
        SUBJECT, offline_direction=Direction.DOWN, business_direction=Direction.DOWN, business_metric="churn"
    )
    assert said(GAIN, between(-0.03, -0.01), subject=subject) == (
        "NDCG@10 fell by 0.060 [0.055, 0.065] offline (an improvement), "
        "but churn rose: +2.0 % [+1.0, +3.0] (for the worse)."
    )
    assert said(GAIN, between(0.01, 0.04), subject=subject, delta=0.015) == (
        "NDCG@10 fell by 0.060 [0.055, 0.065] offline (an improvement) and churn fell too: "
        "−2.5 % [−4.0, −1.0] (an improvement); whether it reaches the 1.5 % that is worth having is not settled."
    )
    assert said(FLAT, between(-0.02, 0.03), subject=subject) == (
        "NDCG@10 showed no established change offline (−0.001 [−0.006, +0.004]), "
        "and no effect on churn is established: −0.5 % [−3.0, +2.0]."
    )


def test_a_gain_offline_and_a_fall_online_of_what_should_fall() -> None:
    subject = dataclasses.replace(SUBJECT, business_direction=Direction.DOWN, business_metric="churn")
    rose = "NDCG@10 rose by 0.060 [0.055, 0.065] offline"
    assert said(GAIN, between(0.02, 0.04), subject=subject) == (
        f"{rose} and churn fell: −3.0 % [−4.0, −2.0] (an improvement)."
    )
    assert said(GAIN, between(0.005, 0.015), subject=subject, expected=between(0.04, 0.06)) == (
        f"{rose} and churn fell (an improvement), but by less than expected: −1.0 % [−1.5, −0.5] "
        "against an expected −5.0 % [−6.0, −4.0], short by 4.0 [2.9, 5.1] percentage points."
    )
    power = Power(mde=0.035, at_delta=0.22, at_expected=0.96)
    wide = said(
        GAIN, between(-0.02, 0.03), subject=subject, delta=0.015, expected=between(0.04, 0.05), power=power
    )
    assert "is not settled: −0.5 % [−3.0, +2.0] includes 0" in wide
    assert wide.endswith("(power: 22 % to see 1.5 % and 96 % to see the expected −4.5 %).")
    inside = said(GAIN, between(0.002, 0.01), subject=subject, delta=0.015)
    assert inside.endswith(
        "the effect on churn is real, but too small to matter: −0.6 % [−1.0, −0.2] "
        "lies inside ±1.5 %, the smallest lift that would matter."
    )


def test_the_next_step_of_what_should_fall_speaks_of_falling() -> None:
    subject = dataclasses.replace(
        SUBJECT, offline_direction=Direction.DOWN, business_direction=Direction.DOWN, business_metric="cost"
    )

    def after(online: Interval, **evidence: Any) -> str:
        given = Evidence(offline_gain=GAIN, online_lift=online, online_established=False, **evidence)
        power = Power(mde=0.03, at_delta=0.3, units_control=40_000, units_treatment=40_000)
        funnel = (stage("calls", 0.083, 0.02), stage("tokens", -0.2, 0.02))
        return next_action(subject, given, decide(given), power, funnel=funnel)

    assert after(between(-0.01, 0.01), delta=0.02) == (
        "Look at calls first: it rose the most (+8.3 log points); "
        "a lower NDCG@10 of this kind is not worth another test."
    )
    assert "then a fall of 2 % in cost is seen" in after(between(-0.03, 0.03), delta=0.02)


def test_an_a_a_test_is_called_by_its_name_and_arms_by_theirs() -> None:
    subject = dataclasses.replace(SUBJECT, same_model=True, arm="C")
    zero = between(0.0, 0.0)
    assert said(zero, between(-0.01, 0.02), subject=subject) == (
        "C: Both arms ran the same model, so there was no offline gain, "
        "and no effect on revenue per user is established: +0.5 % [−1.0, +2.0]."
    )
    assert "false alarm or a fault in the data" in said(zero, between(0.01, 0.02), subject=subject)


def test_a_clause_about_a_metric_alone() -> None:
    lift = between(0.001, 0.03)
    assert online_clause("ctr", Direction.UP, lift, Sign.FLAT, None) == (
        "no effect on CTR is established: +1.6 % [+0.1, +3.0], "
        "which excludes 0 only without correction for multiple testing"
    )


finite = st.floats(-0.5, 0.5)


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    def drawn() -> Interval | NotEstimable:
        low, middle, high = sorted((draw(finite), draw(finite), draw(finite)))
        if draw(st.integers(0, 5)) == 0:
            return BARE
        return Interval(estimate=middle, low=low, high=high, level=0.95, method="drawn")

    expected = drawn()
    return Evidence(
        offline_gain=drawn(),
        offline_face_value=draw(st.none() | finite),
        online_lift=drawn(),
        online_established=draw(st.booleans()),
        delta=draw(st.none() | st.floats(1e-4, 0.4)),
        expected=expected if isinstance(expected, Interval) else None,
        blocked=(SRM,) if draw(st.integers(0, 9)) == 0 else (),
    )


powers = st.builds(
    Power,
    mde=st.none() | st.floats(1e-4, 1.0),
    at_delta=st.none() | st.floats(0.05, 1.0),
    at_expected=st.none() | st.floats(0.05, 1.0),
    units_control=st.none() | st.integers(1, 10**9),
    units_treatment=st.none() | st.integers(1, 10**9),
    weeks=st.none() | st.floats(0.0, 1e5),
)


@given(evidences(), powers, st.sampled_from(Direction), st.booleans())
def test_every_verdict_has_sentences_that_claim_no_more_than_it(
    evidence: Evidence, power: Power, direction: Direction, same: bool
) -> None:
    subject = dataclasses.replace(SUBJECT, business_direction=direction, same_model=same)
    verdict = decide(evidence)
    text = verdict_sentence(subject, evidence, verdict, power)
    action = next_action(subject, evidence, verdict, power)
    for words in (text, action):
        assert words[0].isupper() or words.startswith("NDCG")
        assert words.endswith(".")
        assert not re.search(r"nan|None|failed to|\.\.|  ", words)
    if verdict.online is Sign.FLAT and not evidence.blocked:
        moved = re.search(r"revenue per user (rose|fell)", text)
        assert moved is None
        assert ("did not move" in text) == verdict.equivalent


def stage(name: str, log_lift: float, half: float) -> FunnelStage:
    return FunnelStage(
        stage=name,
        value_control=0.1,
        value_treatment=0.1,
        log_lift=log_lift,
        low=log_lift - half,
        high=log_lift + half,
        money=0.0,
        money_low=0.0,
        money_high=0.0,
        method="lmdi",
    )


def step(
    offline: Interval, online: Interval, *, funnel: tuple[FunnelStage, ...] = (), **evidence: Any
) -> str:
    established = online.excludes_zero()
    given = Evidence(offline_gain=offline, online_lift=online, online_established=established, **evidence)
    power = Power(mde=0.03, at_delta=0.3, units_control=40_000, units_treatment=40_000, weeks=8.2)
    return next_action(SUBJECT, given, decide(given), power, funnel=funnel)


def test_a_lost_gain_points_at_the_stage_with_the_largest_established_loss() -> None:
    funnel = (stage("ctr", 0.095, 0.02), stage("orders_per_click", -0.083, 0.02), stage("basket", -0.3, 0.4))
    assert step(GAIN, between(-0.01, 0.01), delta=0.02, funnel=funnel) == (
        "Look at orders per click first: it lost the most (−8.3 log points); "
        "more NDCG@10 of this kind is not worth another test."
    )
    assert "no single funnel stage" in step(GAIN, between(-0.03, -0.01), funnel=funnel[:1])
    assert "Declare a funnel" in step(GAIN, between(-0.03, -0.01))


def test_an_open_verdict_names_units_and_weeks() -> None:
    assert step(GAIN, between(-0.02, 0.03), delta=0.015) == (
        "Run it on, or again, to about 40,000 units per arm (about 9 more weeks at this traffic): "
        "then a lift of 1.5 % in revenue per user is seen in 8 of 10 cases."
    )
    assert step(GAIN, between(-0.02, 0.03)).startswith(
        "Declare the smallest worthwhile lift of revenue per user"
    )


def test_a_test_of_full_size_is_not_sent_on_for_zero_weeks() -> None:
    text = run_longer(
        "ctr", 0.01, Power(mde=0.005, at_delta=0.97, units_control=9, units_treatment=9, weeks=0.0)
    )
    assert text.startswith("The test has the size at which a lift of 1 % in CTR is seen in 8 of 10 cases")


def test_uneven_arms_are_named_apart() -> None:
    power = Power(mde=0.1, at_delta=0.2, units_control=9_000, units_treatment=1_000)
    assert "to about 9,000 control and 1,000 treatment units: then" in run_longer("ctr", 0.01, power)
    assert "an unchanged latency is shown to stay within 5 %" in show_within_margin("latency", 0.05, power)
    assert run_longer("ctr", 0.01, Power()) == "Collect more units before judging CTR."
    assert show_within_margin("ctr", 0.01, Power()) == "Collect more units before judging guardrail CTR."


def test_broken_data_send_to_the_check_and_its_query() -> None:
    assert step(GAIN, between(0.01, 0.02), blocked=(SRM,)) == (
        "Find the cause behind the failed check sample ratio (query units_per_arm), "
        "mend it and analyse again. "
        "Look for redirects."
    )


def test_no_verdict_but_the_open_one_speaks_of_running_on() -> None:
    steps = {
        VerdictName.UNTRUSTWORTHY: step(GAIN, between(0.01, 0.02), blocked=(SRM,)),
        VerdictName.TRANSLATED: step(GAIN, between(0.01, 0.02)),
        VerdictName.FELL_SHORT: step(GAIN, between(0.01, 0.02), expected=between(0.1, 0.2)),
        VerdictName.DID_NOT_MOVE: step(GAIN, between(-0.01, 0.01), delta=0.02),
        VerdictName.REVERSED: step(GAIN, between(-0.02, -0.01)),
        VerdictName.MISSED_BY_OFFLINE: step(FLAT, between(0.01, 0.02)),
        VerdictName.NO_OFFLINE_GAIN: step(FLAT, between(-0.01, 0.02)),
        VerdictName.LOSS_CONFIRMED: step(LOSS, between(-0.02, -0.01)),
    }
    assert set(steps) == set(VerdictName) - {VerdictName.INCONCLUSIVE}
    assert not [name for name, text in steps.items() if "Run it on" in text]
    assert len(set(steps.values())) == len(steps)


def test_an_inconclusive_verdict_waits_for_what_it_lacks() -> None:
    unknown = NotEstimable(reason=Reason.NOT_MATCHED, detail="no offline result.")
    given = Evidence(offline_gain=unknown, online_lift=between(0.01, 0.02), online_established=True)
    assert next_action(SUBJECT, given, decide(given), Power()) == (
        "Bring the missing offline evidence: no offline result."
    )
    given = Evidence(offline_gain=GAIN, online_lift=unknown, online_established=False)
    assert next_action(SUBJECT, given, decide(given), Power()).startswith(
        "Make the lift of revenue per user estimable"
    )
    assert step(FLAT, between(-0.03, -0.01)).startswith("Do not ship; look for the cause outside")
    assert step(LOSS, between(-0.01, 0.01), delta=0.02).startswith(
        "Do not ship a model that is worse offline"
    )


def test_a_difference_stands_in_where_there_is_no_lift() -> None:
    difference = between(-0.1, 0.3)
    assert difference_clause("ctr", Direction.UP, difference, Sign.FLAT) == (
        "no effect on CTR is established: +0.10 [−0.10, +0.30] in absolute terms"
    )
    assert difference_clause("churn", Direction.DOWN, between(0.1, 0.3), Sign.UP) == (
        "churn fell: −0.20 [−0.30, −0.10] in absolute terms (an improvement)"
    )


def test_a_test_that_would_take_years_is_not_advised() -> None:
    power = Power(mde=0.3, at_delta=0.05, units_control=48_000, units_treatment=48_000, weeks=382.4)
    assert run_longer("ctr", 0.01, power) == (
        "Give the test more traffic, or decide without it: at about 48,000 units per arm "
        "(about 383 more weeks at this traffic) a lift of 1 % in CTR is seen in 8 of 10 cases."
    )


def test_every_inconclusive_sentence_gives_the_power() -> None:
    power = Power(mde=0.2, at_delta=0.12)
    lost = said(LOSS, between(-0.1, 0.3), delta=0.05, power=power)
    unknown = said(
        NotEstimable(reason=Reason.NOT_DECLARED, detail="no model is declared"),
        between(-0.1, 0.3),
        delta=0.05,
        power=power,
    )
    corrected = said(GAIN, between(0.01, 0.3), delta=0.05, power=power, online_established=False)
    for sentence in (lost, unknown, corrected):
        assert "(power: 12 % to see 5 %)" in sentence, sentence
