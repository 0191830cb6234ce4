"""Did another offline metric get worse while the target got better?

Every other metric of the same comparison is looked at: coverage, diversity, calibration, another label. Those that got
worse (corrected by Holm over them) cost what their declared exchange rates say. Without a rate there is a loss and no
amount. How losses go together over the same examples is not known, so that the margins of several are added up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.offline_sources import offline_query
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import Words, decided, untestable, weigh, without_claim
from abgap.offline.catalogue import parse_metric
from abgap.records import EvidenceRow, Finding, FindingStatus, Interval, Measure, OfflineRow
from abgap.records.words import label, listed
from abgap.stats.multiplicity import holm

NAME, TITLE = "trade_off", "Trade-off with another metric"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """Another metric: its gain with up as good, whether it is established worse, and the lift of a unit of it."""

    metric: str
    gain: Interval
    worse: bool
    rate: float | None

    @property
    def cost(self) -> Interval | None:
        """The lift that goes with its loss; None without a rate."""
        if self.rate is None:
            return None
        loss = self.gain.flipped()
        return loss.scaled(self.rate) if self.rate >= 0.0 else loss.scaled(-self.rate).flipped()


def judge(case: Case) -> Finding:
    """The declared cost of the other metrics that got worse."""
    target, model = case.target, case.model
    if target is None or model is None:
        return without_claim(NAME, TITLE)
    sides = _sides(case, target, model)
    sql = offline_query(case.study)
    if not sides:
        detail = f"nothing but {label(case.offline_metric)} was measured of these models"
        return untestable(NAME, TITLE, detail, missing=["another metric in [offline_metrics]"], sql=sql)
    evidence = tuple(_evidence(sides))
    worse = [side for side in sides if side.worse]
    costs = [side.cost for side in (worse or sides)]
    known = [cost for cost in costs if cost is not None]
    if not worse and not known:
        detail = f"no other metric is established to have got worse ({_named(sides)})"
        nothing = Interval(estimate=0.0, low=0.0, high=0.0, level=target.lift.level, method="none")
        return decided(
            case, NAME, TITLE, FindingStatus.CONTRADICTED, detail, lift=nothing, sql=sql, evidence=evidence
        )
    if not known:
        detail = f"{_named(worse)} got worse, and what that costs is not declared"
        return untestable(NAME, TITLE, detail, missing=_missing(case, worse), sql=sql, evidence=evidence)
    words = Words(
        supported=f"{_named(worse)} got worse while {label(case.offline_metric)} got better",
        contradicted=(
            f"{_named(worse)} got worse, but that costs too little"
            if worse
            else f"no other metric is established to have got worse ({_named(sides)})"
        ),
        next_action=(
            f"Weigh {_named(worse)} into the target, or hold {'them' if len(worse) > 1 else 'it'} as a limit, "
            "and train again."
        ),
    )
    return weigh(case, NAME, TITLE, _sum(known), words, passes=bool(worse), sql=sql, evidence=evidence)


def _sides(case: Case, target: Target, model: str) -> list[_Side]:
    """The other metrics of this comparison, but for those that are the target with another cut-off or label."""
    rows = [
        row
        for name in case.evidence.metrics_of(model)
        if _is_other(case, name)
        and (row := case.evidence.offline_row(model, target.baseline, name)) is not None
        and isinstance(row.improvement, Interval)
    ]
    p = np.array([np.nan if row.p_value is None else row.p_value for row in rows], dtype=np.float64)
    return [_side(case, row, float(q)) for row, q in zip(rows, holm(p), strict=True)]


def _side(case: Case, row: OfflineRow, p_adjusted: float) -> _Side:
    gain = row.improvement
    if not isinstance(gain, Interval):
        raise TypeError("only metrics with an interval are weighed")
    worse = gain.high < 0.0 and p_adjusted < case.study.study.alpha
    rate = case.study.gap.exchange_rate.get(row.metric, {}).get(case.business_metric)
    return _Side(metric=row.metric, gain=gain, worse=worse, rate=rate)


def _is_other(case: Case, name: str) -> bool:
    return _base(case, name) != _base(case, case.offline_metric)


def _base(case: Case, name: str) -> str:
    declared = case.study.offline_metrics.get(name)
    return parse_metric(name if declared is None or declared.metric is None else declared.metric).base


def _sum(costs: Sequence[Interval]) -> Interval:
    """The sum with margins that hold however the parts go together."""
    return Interval(
        estimate=sum(cost.estimate for cost in costs),
        low=sum(cost.low for cost in costs),
        high=sum(cost.high for cost in costs),
        level=costs[0].level,
        method="sum",
    )


def _named(sides: Sequence[_Side]) -> str:
    return listed([label(side.metric) for side in sides])


def _missing(case: Case, worse: Sequence[_Side]) -> list[str]:
    return [f'[gap] exchange_rate."{side.metric}" = {{ {case.business_metric} = ... }}' for side in worse]


def _evidence(sides: Sequence[_Side]) -> Iterator[EvidenceRow]:
    for side in sides:
        gain = side.gain
        name = f"gain in {side.metric}"
        yield EvidenceRow(name=name, value=gain.estimate, measure=Measure.GAIN, low=gain.low, high=gain.high)


REASON = Reason(name=NAME, title=TITLE, judge=judge)
