"""Do some units lose what others gain, or does the mix of slices hide the effect (Simpson's paradox)?

A slice counts when its lift is established below zero (Benjamini-Hochberg over slices) and lifts are shown to differ
(Cochran's Q, corrected). What it takes is what the whole would gain if that slice had the lift of the rest. A mix that
differs between the arms moves the whole without any effect; what it takes is minus that part of the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from abgap.gap.reasons.by_slice import SliceLift, has_parts, joint_lift, slice_lifts, weight_of
from abgap.gap.reasons.case import Case
from abgap.gap.reasons.combining import one_of, weighted_sum
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import Words, untestable, weigh
from abgap.records import EvidenceRow, Finding, Heterogeneity, Interval, Measure
from abgap.records.words import label, listed, percent, percent_interval

NAME, TITLE = "heterogeneity", "Slices that differ"
# Covariates may even bring out more of a mix; beyond this the mix is noise.
_MOST_LEFT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """What one slice name may take. losing: the slices that do, none for the mix. established: as tests have it."""

    slice_name: str
    amount: Interval
    losing: tuple[SliceLift, ...]
    rest: tuple[SliceLift, ...]
    established: bool


def judge(case: Case) -> Finding:
    """The slice name that takes most of the lift."""
    if not has_parts(case):
        detail = f"{label(case.business_metric)} is a quantile, which slices do not make up"
        return untestable(NAME, TITLE, detail)
    slices = _slices_that_count(case)
    tests = {h.slice_name: h for h in _differing(case) if h.slice_name in slices}
    if not slices:
        source = "unit_values" if case.study.unit_values is not None else "exposures"
        advice = "Log what is known of units before exposure (device, country, new or known), and list it as slices."
        detail = "there are no slices of units to compare"
        return untestable(NAME, TITLE, detail, missing=(f"slices of [{source}]",), next_action=advice)
    candidates = [
        *(c for name, found in slices.items() for c in _losing(case, name, found, tests.get(name))),
        *_mixes(case, slices, tests),
    ]
    if not candidates:
        return untestable(NAME, TITLE, "fewer than two slices have a lift that can be compared")
    established = [c for c in candidates if c.established]
    chosen = (
        max(established, key=lambda c: c.amount.estimate)
        if established
        else max(candidates, key=lambda c: c.amount.high)
    )
    return weigh(
        case,
        NAME,
        TITLE,
        chosen.amount,
        _words(case, chosen),
        passes=chosen.established,
        sql="rollup",
        evidence=tuple(_evidence(chosen, tests.get(chosen.slice_name))),
    )


def _differing(case: Case) -> tuple[Heterogeneity, ...]:
    return case.evidence.differing(case.experiment, case.treatment, case.business_metric)


def _slices_that_count(case: Case) -> dict[str, tuple[SliceLift, ...]]:
    """Slices but for those that other reasons read: who is triggered, which inputs are perturbed."""
    gap = case.study.gap
    others = {gap.triggered, None if gap.perturbed is None else gap.perturbed.slice}
    return {name: found for name, found in slice_lifts(case).items() if name not in others}


def _losing(
    case: Case, name: str, found: Sequence[SliceLift], test: Heterogeneity | None
) -> Iterator[_Candidate]:
    """What slices that lose take; where none is shown to, what the worst one may take."""
    alpha = case.study.study.alpha
    if len(found) < 2:
        return
    differ = test is not None and test.p_adjusted is not None and test.p_adjusted < alpha
    losing = tuple(s for s in found if _loses(s, alpha)) if differ else ()
    rest = tuple(s for s in found if s not in losing)
    if losing and rest:
        yield _candidate(name, losing, rest, established=True)
        return
    worst = min(found, key=lambda s: s.lift.estimate)
    rest = tuple(s for s in found if s is not worst)
    made = _candidate(name, (worst,), rest, established=False)
    yield replace(made, amount=one_of(made.amount, len(found)))


def _loses(one: SliceLift, alpha: float) -> bool:
    p = one.estimate.p_adjusted
    return one.lift.high < 0.0 and p is not None and p < alpha


def _candidate(
    name: str, losing: tuple[SliceLift, ...], rest: tuple[SliceLift, ...], *, established: bool
) -> _Candidate:
    weight = weight_of(losing)
    amount = weighted_sum(((weight, joint_lift(rest)), (-weight, joint_lift(losing))))
    return _Candidate(slice_name=name, amount=amount, losing=losing, rest=rest, established=established)


# --- mix ------------------------------------------------------------------------------------------------------------


def _mixes(
    case: Case, slices: dict[str, tuple[SliceLift, ...]], tests: dict[str, Heterogeneity]
) -> Iterator[_Candidate]:
    """What the mix of slices takes; established where it is though the most striking of all slice names."""
    value = None if case.estimate is None else case.estimate.value_control
    if case.estimate is None or not value or value < 0.0:
        return
    made = [(name, h.decomposition) for name, h in tests.items() if h.decomposition is not None]
    for name, parts in made:
        if isinstance(parts.mix, Interval):
            lift = parts.mix.scaled(1.0 / value)
            taken = lift.flipped() if case.estimate.direction.sign > 0 else lift
            left = _left_by_adjustment(case, slices[name], taken.estimate)
            amount = taken.scaled(left)
            established = one_of(amount, len(made)).low > 0.0
            yield _Candidate(
                slice_name=name, amount=amount, losing=(), rest=slices[name], established=established
            )


def _left_by_adjustment(case: Case, slices: Sequence[SliceLift], taken: float) -> float:
    """The share of the mix that covariates leave in the lift: they are known of a slice before exposure, too."""
    if case.estimate is None or case.estimate.unadjusted is None or taken == 0.0:
        return 1.0
    if not isinstance(case.observed, Interval):
        return 1.0
    within = sum(s.weight * s.lift.estimate for s in slices)
    return min(max((within - case.observed.estimate) / taken, 0.0), _MOST_LEFT)


# --- words ----------------------------------------------------------------------------------------------------------


def _words(case: Case, chosen: _Candidate) -> Words:
    metric, name = label(case.business_metric), chosen.slice_name
    if not chosen.losing:
        return Words(
            supported=(
                f"the arms differ in their mix of {name} (Simpson's paradox): within slices the lift of {metric} is "
                "higher than over all units"
            ),
            contradicted=f"no slice is shown to lose, and the mix of {name} takes less than a quarter of the gap",
            next_action=(
                f"Find out why the arms have different shares of {name}, and compare within it: stratify_by = {name!r}."
            ),
        )
    values = listed([repr(s.value) for s in chosen.losing])
    weight = percent(weight_of(chosen.losing), decimals=0)
    return Words(
        supported=(
            f"{metric} falls where {name} is {values} ({weight} of the value, "
            f"{percent_interval(joint_lift(chosen.losing))}), which takes from the whole"
        ),
        contradicted=f"no slice is shown to take a quarter of the gap (most at stake: {name} {values})",
        next_action=f"See what the model does where {name} is {values}: mend it there, or ship it to the others only.",
    )


def _evidence(chosen: _Candidate, test: Heterogeneity | None) -> Iterator[EvidenceRow]:
    for one in (*chosen.losing, *chosen.rest):
        yield EvidenceRow(
            name=f"lift where {chosen.slice_name} is {one.value}",
            value=one.lift.estimate,
            low=one.lift.low,
            high=one.lift.high,
            measure=Measure.LIFT,
        )
    if test is None:
        return
    numbers = (
        ("corrected p-value of equal lifts (Cochran's Q)", test.p_adjusted, Measure.P_VALUE),
        ("variation beyond chance (I2)", test.i_squared, Measure.SHARE),
        ("p-value of one sign everywhere (Gail and Simon)", test.gail_simon_p, Measure.P_VALUE),
    )
    for name, value, measure in numbers:
        yield EvidenceRow(name=name, value=value, measure=measure)


REASON = Reason(name=NAME, title=TITLE, judge=judge)
