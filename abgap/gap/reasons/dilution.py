"""Was the effect diluted? Only units for whom the two models differ at all can feel a difference.

The lift of these units (a slice of exposures, true for them) is held against the lift of all, to which the others
bring nothing. They are an A/A test inside the experiment: where they moved as well, or where it cannot be told that
they moved less, the slice says nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abgap.gap.reasons.by_slice import SliceLift, has_parts, slice_lifts
from abgap.gap.reasons.case import Case
from abgap.gap.reasons.combining import weighted_sum
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import Words, untestable, weigh
from abgap.records import EvidenceRow, Finding, FindingStatus, Interval, Measure
from abgap.records.words import label, percent, percent_interval

NAME, TITLE = "dilution", "Dilution"
AA_ALPHA = 0.01
"""Units without a difference must not move; below this p-value they did."""
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})


def judge(case: Case) -> Finding:
    """How much more the lift is where the models differ."""
    name = case.study.gap.triggered
    if name is None:
        advice = (
            "Log with every exposure whether the two models' lists differ for the unit, and name that slice."
        )
        detail = "no slice tells for whom the two models differ"
        return untestable(
            NAME,
            TITLE,
            detail,
            missing=("[gap] triggered",),
            next_action=advice,
            evidence=tuple(_overlaps(case)),
        )
    if not has_parts(case):
        detail = f"{label(case.business_metric)} is a quantile, which slices do not make up"
        return untestable(NAME, TITLE, detail)
    slices = slice_lifts(case).get(name, ())
    touched, others = (_one(slices, is_true=wanted) for wanted in (True, False))
    if touched is None:
        detail = f"no lift is known of units whose slice {name!r} is true"
        return untestable(NAME, TITLE, detail, missing=(f"true values of the slice {name}",))
    if others is None:
        detail = f"every unit is triggered by {name!r}, or nothing is known of those that are not"
        return untestable(NAME, TITLE, detail, evidence=tuple(_evidence(touched, None)))
    # The whole lift is the weighted sum of both, and that of the others is 0 by what the slice means.
    amount = touched.lift.scaled(others.weight)
    differ = weighted_sum(((1.0, touched.lift), (-1.0, others.lift)))
    evidence = (*_evidence(touched, others), *_overlaps(case))
    if others.estimate.p_value is not None and others.estimate.p_value < AA_ALPHA:
        return _broken(case, name, others, amount, evidence)
    return weigh(
        case,
        NAME,
        TITLE,
        amount,
        _words(touched),
        passes=differ.low > 0.0,
        sql="rollup",
        evidence=evidence,
    )


def _one(slices: Sequence[SliceLift], *, is_true: bool) -> SliceLift | None:
    known = (s for s in slices if s.estimate.slice_value is not None)
    return next((s for s in known if (s.value.strip().lower() in _TRUE) is is_true), None)


def _words(touched: SliceLift) -> Words:
    share = percent(touched.weight, decimals=0)
    return Words(
        supported=(
            f"units for whom the models differ hold {share} of the value and gain {percent_interval(touched.lift)}; "
            "the others dilute that"
        ),
        contradicted=f"units for whom the models differ ({share} of the value) do not gain enough more than all",
        next_action="Analyse triggered units only, and count what a launch brings by their share of the traffic.",
    )


def _broken(
    case: Case, name: str, others: SliceLift, amount: Interval, evidence: tuple[EvidenceRow, ...]
) -> Finding:
    """Units that cannot have felt anything moved: the slice is not what it is taken for."""
    gap = case.gap
    sentence = (
        f"Units whose slice {name!r} is not true moved as well ({percent_interval(others.lift)}), so it does not tell "
        "for whom the models differ."
    )
    return Finding(
        name=NAME,
        title=TITLE,
        status=FindingStatus.CONTRADICTED,
        share=None if gap is None or not case.is_established else amount.estimate / gap.estimate,
        lift=amount,
        sentence=sentence,
        next_action=f"Log {name} from what both models would have shown, in both arms alike, and look again.",
        sql="rollup",
        evidence=evidence,
    )


def _evidence(touched: SliceLift, others: SliceLift | None) -> Iterator[EvidenceRow]:
    yield EvidenceRow(name="share of value that is triggered", value=touched.weight, measure=Measure.SHARE)
    yield _lift_row("lift where the models differ", touched)
    if others is not None:
        yield _lift_row("lift where they do not (A/A check)", others)
        yield EvidenceRow(
            name="p-value of the A/A check", value=others.estimate.p_value, measure=Measure.P_VALUE
        )


def _overlaps(case: Case) -> Iterator[EvidenceRow]:
    """How alike the lists of the two models are over the test queries, where rankings tell."""
    for row in case.evidence.offline:
        if (row.model, row.baseline) != (case.model, case.live_model) or row.slice_name is not None:
            continue
        if row.metric.lower().startswith("rbo") and row.value is not None:
            name = f"{label(row.metric)} of the two models' lists (1: the same)"
            yield EvidenceRow(name=name, value=row.value, measure=Measure.SHARE)


def _lift_row(name: str, one: SliceLift) -> EvidenceRow:
    lift = one.lift
    return EvidenceRow(name=name, value=lift.estimate, low=lift.low, high=lift.high, measure=Measure.LIFT)


REASON = Reason(name=NAME, title=TITLE, judge=judge)
