from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abgap.gap.verdict import Evidence, Sign, decide
from abgap.records import Check, Estimable, Interval, NotEstimable, Reason, Status, VerdictName

V = VerdictName
UNKNOWN = NotEstimable(reason=Reason.NOT_MATCHED, detail="nothing there")
BROKEN = Check(
    name="sample_ratio",
    experiment="x",
    status=Status.FAIL,
    value=0.0,
    threshold=0.001,
    sentence="Broken.",
    sql=None,
    blocking=True,
)


def between(low: float, high: float) -> Interval:
    return Interval(estimate=(low + high) / 2.0, low=low, high=high, level=0.95, method="test")


GAIN, FLAT, LOSS = between(0.05, 0.07), between(-0.01, 0.01), between(-0.07, -0.05)
UP, WIDE, DOWN = between(0.01, 0.05), between(-0.03, 0.03), between(-0.05, -0.01)


def verdict(
    offline: Estimable,
    online: Estimable,
    *,
    established: bool = True,
    delta: float | None = None,
    expected: Interval | None = None,
    face_value: float | None = None,
    blocked: bool = False,
) -> VerdictName:
    evidence = Evidence(
        offline_gain=offline,
        offline_face_value=face_value,
        online_lift=online,
        online_established=established,
        delta=delta,
        expected=expected,
        blocked=(BROKEN,) if blocked else (),
    )
    return decide(evidence).name


@pytest.mark.parametrize("offline", [GAIN, FLAT, LOSS, UNKNOWN])
@pytest.mark.parametrize("online", [UP, WIDE, DOWN, UNKNOWN])
def test_a_failed_blocking_check_overrules_everything(offline: Estimable, online: Estimable) -> None:
    assert verdict(offline, online, delta=0.5, blocked=True) is V.UNTRUSTWORTHY


@pytest.mark.parametrize(
    ("offline", "online", "name"),
    [
        (GAIN, UP, V.TRANSLATED),
        (GAIN, WIDE, V.INCONCLUSIVE),
        (GAIN, DOWN, V.REVERSED),
        (FLAT, UP, V.MISSED_BY_OFFLINE),
        (FLAT, WIDE, V.NO_OFFLINE_GAIN),
        (FLAT, DOWN, V.INCONCLUSIVE),
        (LOSS, UP, V.MISSED_BY_OFFLINE),
        (LOSS, WIDE, V.INCONCLUSIVE),
        (LOSS, DOWN, V.LOSS_CONFIRMED),
    ],
)
def test_the_nine_combinations_of_signs(offline: Interval, online: Interval, name: VerdictName) -> None:
    assert verdict(offline, online) is name
    assert verdict(offline, online, delta=0.001) is name


@pytest.mark.parametrize("online", [between(-0.008, 0.010), between(0.001, 0.010), between(-0.010, -0.001)])
def test_an_online_interval_inside_the_band_did_not_move_even_when_it_excludes_zero(online: Interval) -> None:
    assert verdict(GAIN, online, delta=0.015) is V.DID_NOT_MOVE
    assert verdict(GAIN, online, delta=0.015, established=False) is V.DID_NOT_MOVE


@pytest.mark.parametrize(
    ("online", "name"),
    [
        (between(-0.015, 0.010), V.INCONCLUSIVE),
        (between(-0.010, 0.015), V.INCONCLUSIVE),
        (between(0.001, 0.015), V.TRANSLATED),
        (between(-0.015, -0.001), V.REVERSED),
    ],
)
def test_touching_the_border_of_the_band_is_not_inside(online: Interval, name: VerdictName) -> None:
    assert verdict(GAIN, online, delta=0.015) is name


def test_no_offline_gain_comes_before_equivalence() -> None:
    tiny = between(0.001, 0.002)
    assert verdict(FLAT, tiny, delta=0.015) is V.MISSED_BY_OFFLINE
    assert verdict(FLAT, between(-0.001, 0.002), delta=0.015) is V.NO_OFFLINE_GAIN
    assert verdict(LOSS, between(-0.001, 0.002), delta=0.015) is V.INCONCLUSIVE


@pytest.mark.parametrize(
    ("offline", "online", "name"),
    [
        (between(0.0, 0.01), UP, V.MISSED_BY_OFFLINE),
        (between(-0.01, 0.0), DOWN, V.INCONCLUSIVE),
        (GAIN, between(0.0, 0.05), V.INCONCLUSIVE),
        (GAIN, between(-0.05, 0.0), V.INCONCLUSIVE),
    ],
)
def test_an_interval_that_touches_zero_does_not_exclude_it(
    offline: Interval, online: Interval, name: VerdictName
) -> None:
    assert verdict(offline, online) is name


@pytest.mark.parametrize("online", [UP, DOWN])
def test_an_effect_that_does_not_survive_the_correction_is_not_established(online: Interval) -> None:
    evidence = Evidence(offline_gain=GAIN, online_lift=online, online_established=False)
    found = decide(evidence)
    assert found.name is V.INCONCLUSIVE
    assert found.corrected_away
    assert found.online is Sign.FLAT


def test_a_lift_below_the_expected_one_fell_short_only_when_the_difference_is_established() -> None:
    expected = between(0.09, 0.11)
    assert verdict(GAIN, UP, expected=expected) is V.FELL_SHORT
    assert verdict(GAIN, UP, expected=between(0.02, 0.06)) is V.TRANSLATED
    assert verdict(GAIN, UP, expected=between(-0.05, -0.04)) is V.TRANSLATED
    assert verdict(GAIN, DOWN, expected=expected) is V.REVERSED
    assert verdict(GAIN, WIDE, expected=expected) is V.INCONCLUSIVE


def test_an_expected_lift_without_width_counts_as_known() -> None:
    assert verdict(GAIN, UP, expected=between(0.0501, 0.0501)) is V.FELL_SHORT
    assert verdict(GAIN, UP, expected=between(0.05, 0.05)) is V.TRANSLATED


def test_too_small_to_matter_comes_before_fell_short() -> None:
    assert verdict(GAIN, between(0.001, 0.002), delta=0.01, expected=between(0.1, 0.2)) is V.DID_NOT_MOVE


@pytest.mark.parametrize(
    ("face_value", "online", "name"),
    [
        (0.06, UP, V.TRANSLATED),
        (0.06, DOWN, V.REVERSED),
        (0.0, WIDE, V.NO_OFFLINE_GAIN),
        (-0.06, DOWN, V.LOSS_CONFIRMED),
        (-0.06, UP, V.MISSED_BY_OFFLINE),
        (None, UP, V.INCONCLUSIVE),
        (None, DOWN, V.INCONCLUSIVE),
    ],
)
def test_a_gain_without_an_interval_counts_by_its_sign_and_a_missing_one_not_at_all(
    face_value: float | None, online: Interval, name: VerdictName
) -> None:
    bare = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail="bare value")
    assert verdict(bare, online, face_value=face_value) is name


@pytest.mark.parametrize("offline", [GAIN, FLAT, LOSS, UNKNOWN])
def test_an_online_lift_that_cannot_be_estimated_is_inconclusive(offline: Estimable) -> None:
    found = decide(Evidence(offline_gain=offline, online_lift=UNKNOWN, online_established=True, delta=0.1))
    assert found.name is V.INCONCLUSIVE
    assert found.online is None


finite = st.floats(-10.0, 10.0)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, estimate, high = sorted((draw(finite), draw(finite), draw(finite)))
    level = draw(st.sampled_from((0.8, 0.95, 0.99)))
    return Interval(estimate=estimate, low=low, high=high, level=level, method="drawn")


estimables = intervals() | st.just(UNKNOWN)


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    return Evidence(
        offline_gain=draw(estimables),
        offline_face_value=draw(st.none() | finite),
        online_lift=draw(estimables),
        online_established=draw(st.booleans()),
        delta=draw(st.none() | st.floats(1e-6, 5.0)),
        expected=draw(st.none() | intervals()),
        blocked=(BROKEN,) if draw(st.booleans()) else (),
    )


@given(evidences())
def test_every_evidence_has_a_verdict_that_is_consistent_with_its_signs(evidence: Evidence) -> None:
    found = decide(evidence)
    assert (found.name is V.UNTRUSTWORTHY) == bool(evidence.blocked)
    allowed = {
        V.TRANSLATED: (Sign.UP, {Sign.UP}),
        V.FELL_SHORT: (Sign.UP, {Sign.UP}),
        V.REVERSED: (Sign.UP, {Sign.DOWN}),
        V.DID_NOT_MOVE: (Sign.UP, {Sign.UP, Sign.FLAT, Sign.DOWN}),
        V.NO_OFFLINE_GAIN: (Sign.FLAT, {Sign.FLAT}),
        V.LOSS_CONFIRMED: (Sign.DOWN, {Sign.DOWN}),
    }
    if found.name in allowed:
        offline, online = allowed[found.name]
        assert found.offline is offline
        assert found.online in online
    if found.name is V.MISSED_BY_OFFLINE:
        assert found.offline in {Sign.FLAT, Sign.DOWN}
        assert found.online is Sign.UP


def flipped(number: Estimable) -> Estimable:
    return number.flipped() if isinstance(number, Interval) else number


@given(evidences())
def test_turning_both_axes_mirrors_the_signs_and_the_verdict(evidence: Evidence) -> None:
    found = decide(evidence)
    mirror = decide(
        Evidence(
            offline_gain=flipped(evidence.offline_gain),
            offline_face_value=None if evidence.offline_face_value is None else -evidence.offline_face_value,
            online_lift=flipped(evidence.online_lift),
            online_established=evidence.online_established,
            delta=evidence.delta,
            expected=None if evidence.expected is None else evidence.expected.flipped(),
            blocked=evidence.blocked,
        )
    )
    assert mirror.equivalent == found.equivalent
    assert mirror.corrected_away == found.corrected_away
    for own, other in ((found.offline, mirror.offline), (found.online, mirror.online)):
        assert (own is None and other is None) or (own is not None and other is not None and own == -other)
    if found.name in {V.TRANSLATED, V.FELL_SHORT}:
        assert mirror.name is V.LOSS_CONFIRMED
    if found.name is V.REVERSED:
        assert mirror.name is V.MISSED_BY_OFFLINE
    if found.name is V.NO_OFFLINE_GAIN:
        assert mirror.name is V.NO_OFFLINE_GAIN
