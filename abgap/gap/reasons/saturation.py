"""Does a unit of gain bring less where models are good already?

Over the other experiments of the study: lift per unit of gain against the level of the model in control. Where it
falls, and this experiment began at a high level, less lift was to be expected than the rate says. That a declared rate
is too high everywhere is no saturation: the fall itself, from the lowest level seen, has to make up half of the amount.
"""

from __future__ import annotations

import math

from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.translations import Translations
from abgap.gap.reasons.weighing import Words, untestable, weigh, without_claim
from abgap.records import EvidenceRow, Finding, Interval, Measure
from abgap.records.words import count, label, p_value, plain, signed_percent
from abgap.stats.rate_by_level import FEWEST, RateByLevel, rate_by_level

NAME, TITLE = "saturation", "Saturation"
_HALF = 0.5


def judge(case: Case) -> Finding:
    """The gain times what the rate is lower at this level than it was said to be."""
    target, level = case.target, _level(case)
    if target is None:
        return without_claim(NAME, TITLE)
    others = _others(case)
    known = 0 if others is None else others.gain.size
    if level is None or others is None or known < FEWEST:
        detail = (
            f"{count(known)} other experiments have a gain in {label(case.offline_metric)} and a lift of "
            f"{label(case.business_metric)}, at least {FEWEST} are needed"
        )
        return untestable(NAME, TITLE, detail, missing=["more [experiments]"])
    found = rate_by_level(
        others.gain,
        others.gain_error,
        others.lift,
        others.lift_error,
        others.level,
        at=level,
        alpha=case.study.study.alpha,
    )
    if found is None:
        detail = "the other experiments do not differ enough in level, or their gains are noise"
        return untestable(NAME, TITLE, detail)
    return _weighed(case, target, found, level, others)


def _weighed(case: Case, target: Target, found: RateByLevel, level: float, others: Translations) -> Finding:
    lowest, offline = float(others.level.min()), label(case.offline_metric)
    fall = -found.slope * (level - lowest)
    falls = found.slope < 0.0 and found.p_value < case.study.study.alpha
    words = Words(
        supported=(
            f"a unit of {offline} brings less where models are good already ({p_value(found.p_value)} over "
            f"{count(others.gain.size)} other experiments): at {plain(level)}, 0.01 of it brings "
            f"{signed_percent(found.rate / 100, decimals=2)}, and not {signed_percent(target.rate / 100, decimals=2)}"
        ),
        contradicted=f"a unit of {offline} brings as much at this level as elsewhere",
        next_action=(
            f"Expect less of {offline} from here on: lower its exchange rate, and look for a metric with room."
        ),
    )
    enough = fall >= _HALF * (target.rate - found.rate)
    return weigh(
        case,
        NAME,
        TITLE,
        _amount(target, found),
        words,
        passes=falls and enough,
        evidence=_evidence(found, level, others),
    )


def _amount(target: Target, found: RateByLevel) -> Interval:
    """Gain times the missing part of the rate, both with their errors."""
    short, gain = target.rate - found.rate, target.gain
    of_rate = found.critical * found.rate_error * abs(gain.estimate)
    estimate = gain.estimate * short
    down = math.hypot(
        of_rate, short * (gain.estimate - gain.low if short >= 0.0 else gain.high - gain.estimate)
    )
    up = math.hypot(
        of_rate, short * (gain.high - gain.estimate if short >= 0.0 else gain.estimate - gain.low)
    )
    return Interval(
        estimate=estimate, low=estimate - down, high=estimate + up, level=gain.level, method="meta-regression"
    )


def _level(case: Case) -> float | None:
    """The offline metric of the model in control."""
    if case.model is None or case.live_model is None:
        return None
    row = case.evidence.offline_row(case.model, case.live_model, case.offline_metric)
    return None if row is None else row.baseline_value


def _others(case: Case) -> Translations | None:
    """All experiments but this one."""
    found = case.evidence.translations.get((case.offline_metric, case.business_metric))
    if found is None:
        return None
    other = found.experiment != case.experiment
    return Translations(
        experiment=found.experiment[other],
        gain=found.gain[other],
        gain_error=found.gain_error[other],
        lift=found.lift[other],
        lift_error=found.lift_error[other],
        level=found.level[other],
    )


def _evidence(found: RateByLevel, level: float, others: Translations) -> tuple[EvidenceRow, ...]:
    margins = found.critical * found.rate_error, found.critical * found.slope_error
    return (
        EvidenceRow(name="level of the model in control", value=level, measure=Measure.NUMBER),
        EvidenceRow(
            name="lowest level of the others", value=float(others.level.min()), measure=Measure.NUMBER
        ),
        EvidenceRow(name="other experiments", value=others.gain.size, measure=Measure.COUNT),
        EvidenceRow(
            name="lift of a unit of gain at this level",
            value=found.rate,
            measure=Measure.RATIO,
            low=found.rate - margins[0],
            high=found.rate + margins[0],
        ),
        EvidenceRow(
            name="change of it per unit of the level",
            value=found.slope,
            measure=Measure.RATIO,
            low=found.slope - margins[1],
            high=found.slope + margins[1],
        ),
        EvidenceRow(name="no change", value=found.p_value, measure=Measure.P_VALUE),
    )


REASON = Reason(name=NAME, title=TITLE, judge=judge)
