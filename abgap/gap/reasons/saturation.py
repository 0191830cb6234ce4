"""Does a unit of gain bring less where models are good already?

Over the other experiments of the study: lift per unit of gain against the level of the model in control, up is good.
Where it falls, and this experiment began at a good level, less lift was to be expected than the rate says. That a
declared rate is too high everywhere is no saturation: the fall itself, from the worst level seen, has to make up half
of the amount.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.offline_sources import offline_query
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.translations import Translations
from abgap.gap.reasons.weighing import Words, untestable, weigh, without_claim
from abgap.records import EvidenceRow, Finding, Interval, Measure, OfflineRow, Side
from abgap.records.words import count, label, p_value, plain, signed_percent
from abgap.stats.rate_by_level import FEWEST, RateByLevel, rate_by_level

NAME, TITLE = "saturation", "Saturation"
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """How good the model in control was: up is good, and as it is shown. sign: from the one to the other."""

    good: float
    sign: float

    def shown(self, good: float) -> float:
        """A level in the metric's own direction."""
        return self.sign * good


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
        at=level.good,
        alpha=case.study.study.alpha,
    )
    if found is None:
        detail = "the other experiments do not differ enough in level, or their gains are noise"
        return untestable(NAME, TITLE, detail)
    return _weighed(case, target, found, level, others)


def _weighed(case: Case, target: Target, found: RateByLevel, level: _Level, others: Translations) -> Finding:
    worst, offline = float(others.level.min()), label(case.offline_metric)
    fall = -found.slope * (level.good - worst)
    falls = found.slope < 0.0 and found.p_value < case.study.study.alpha
    words = Words(
        supported=(
            f"a unit of {offline} brings less where models are good already ({p_value(found.p_value)} over "
            f"{count(others.gain.size)} other experiments): at {plain(level.shown(level.good))}, 0.01 of it brings "
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
        sql=offline_query(case.study),
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


def _level(case: Case) -> _Level | None:
    """The offline metric of the model in control."""
    if case.model is None or case.live_model is None:
        return None
    row = case.evidence.offline_row(case.model, case.live_model, case.offline_metric)
    if row is None or row.baseline_value is None:
        return None
    return _Level(good=row.turned(row.baseline_value), sign=_sign(row))


def _sign(row: OfflineRow) -> float:
    """Of a metric that is the better the nearer it is to a value the level is the distance."""
    return float(row.direction.sign) if row.nearest_to is None else -1.0


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


def _evidence(found: RateByLevel, level: _Level, others: Translations) -> tuple[EvidenceRow, ...]:
    margins = found.critical * found.rate_error, found.critical * found.slope_error
    slope = level.shown(found.slope)
    return (
        EvidenceRow(
            name="level of the model in control", value=level.shown(level.good), measure=Measure.NUMBER
        ),
        EvidenceRow(
            name="worst level of the others",
            value=level.shown(float(others.level.min())),
            measure=Measure.NUMBER,
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
            value=slope,
            measure=Measure.RATIO,
            low=slope - margins[1],
            high=slope + margins[1],
        ),
        EvidenceRow(name="no change", value=found.p_value, measure=Measure.P_VALUE),
    )


REASON = Reason(name=NAME, title=TITLE, judge=judge, side=Side.OFFLINE)
