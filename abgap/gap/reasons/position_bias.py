"""Position bias: click labels reward what was shown high up, and so does a gain that is measured by them.

Clicks are weighted by one over the probability that the item was looked at where it was shown (self-normalised inverse
propensity scoring). The amount is the rate times the gain of clicks as they are minus that of weighted clicks, over the
same clicks. Refused where the weighted clicks are worth fewer than a hundred.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.reason import Reading, Reason
from abgap.gap.reasons.weighing import Words, interval_row, untestable, weigh, without_claim
from abgap.offline.directions import direction_of
from abgap.offline.ranking.exposed import CLIP, COLUMNS, ClickSums, ExposedClicks, read_exposed
from abgap.records import EvidenceRow, Finding, Interval, Measure, Side
from abgap.records.moments import FloatArray
from abgap.records.words import count, label, percent, plural, signed_interval
from abgap.stats.arrays import MIN_UNITS
from abgap.stats.off_policy import LEAST_EFFECTIVE, OffPolicySums, diagnostics, estimate
from abgap.stats.proportions import wilson_interval
from abgap.stats.tails import normal_bounds

NAME, TITLE = "position_bias", "Position bias"
_QUERY = "ranking_click_sums"
_COLUMN = "column propensity of [offline.rankings]"
LEAST_KNOWN = 0.8
"""Of fewer clicks with a propensity nothing is said of all of them."""
_SHOWN = 5


def read(reading: Reading) -> ExposedClicks | None:
    """Weigh the clicks of the metrics of the gap; None where no propensities are given."""
    source = reading.study.offline.rankings
    ranked = None
    if source is not None and "propensity" in source.columns:
        ranked = reading.open_rankings()
    if ranked is None:
        return None
    return read_exposed(reading.engine, ranked, reading.pairs, reading.study.gap.offline)


def judge(case: Case) -> Finding:
    """Hold the gain of clicks as they are against that of weighted ones."""
    if case.target is None:
        return without_claim(NAME, TITLE)
    found = case.evidence.read.get(NAME)
    if not isinstance(found, ExposedClicks):
        detail = "nothing tells with which probability clicked items were looked at where they were shown"
        return untestable(NAME, TITLE, detail, missing=[_COLUMN], sql=_QUERY)
    sums = _sums_of(found, case, case.target)
    metric = label(case.offline_metric)
    if sums is None:
        detail = f"{metric} is not made of lists whose clicks have propensities, one click at a time"
        return untestable(NAME, TITLE, detail, sql=_QUERY)
    clicks, known = found.clicks[case.offline_metric], found.weighted[case.offline_metric]
    if known < LEAST_KNOWN * clicks:
        least = percent(LEAST_KNOWN, decimals=0)
        detail = f"of {plural(clicks, 'click')} {count(known)} have a propensity, at least {least} are needed"
        return untestable(NAME, TITLE, detail, missing=[_COLUMN], sql=_QUERY)
    weighted = _weighted(sums, "w", "wa")
    worth = float(diagnostics(weighted).effective)
    if worth < LEAST_EFFECTIVE or sums.units < MIN_UNITS:
        detail = f"the weighted clicks are worth {worth:,.1f}, at least {LEAST_EFFECTIVE:.0f} are needed"
        return untestable(
            NAME, TITLE, detail, sql=_QUERY, next_action="Collect more clicks, or randomise positions."
        )
    return _weighed(case, case.target, found, sums, weighted)


def _sums_of(found: ExposedClicks, case: Case, target: Target) -> ClickSums | None:
    key = (case.model, target.baseline, case.offline_metric)
    return next((each for each in found.sums if (each.model, each.baseline, each.metric) == key), None)


def _weighted(sums: ClickSums, weight: str, change: str) -> OffPolicySums:
    """Clicks as decisions whose reward is the change of what their place is worth; what is not needed stands twice."""
    at = [COLUMNS.index(name) for name in ("n", "a", weight, change, change, change)]
    nothing = np.asarray(0.0)
    return OffPolicySums(
        units=np.asarray(float(sums.units)),
        total=sums.total[at],
        product=sums.product[np.ix_(at, at)],
        squared_weight=np.asarray(sums.squared),
        largest_weight=np.asarray(sums.largest),
        cut=np.asarray(float(sums.cut)),
        unsupported=nothing,
    )


def _weighed(
    case: Case, target: Target, found: ExposedClicks, sums: ClickSums, weighted: OffPolicySums
) -> Finding:
    alpha, turn = case.study.study.alpha, direction_of(case.study, case.offline_metric).sign
    by_weight, plain = (estimate(weighted, name) for name in ("snips", "logged"))
    snips = _interval(turn * by_weight.value, by_weight.standard_error, alpha, "snips")
    as_they_are = _interval(turn * plain.value, plain.standard_error, alpha, "clicks")
    lost = _interval(-turn * by_weight.gain, by_weight.gain_standard_error, alpha, "snips")
    told = (
        f"with clicks weighted by how likely items were looked at where they were shown, the gain in "
        f"{label(case.offline_metric)} is {signed_interval(snips)} instead of {signed_interval(as_they_are)}"
    )
    words = Words(
        supported=told,
        contradicted=told,
        next_action="Judge models by weighted clicks, and shuffle some lists so that propensities are known.",
    )
    rows = [interval_row("gain, weighted clicks (SNIPS)", snips)]
    rows += _evidence(case, found, sums, weighted, as_they_are)
    return weigh(case, NAME, TITLE, target.in_lift(lost), words, sql=_QUERY, evidence=rows)


def _interval(value: FloatArray, error: FloatArray, alpha: float, method: str) -> Interval:
    middle, low, high = (float(x) for x in normal_bounds(np.asarray(value), np.asarray(error), alpha))
    return Interval(estimate=middle, low=low, high=high, level=1.0 - alpha, method=method)


def _evidence(
    case: Case, found: ExposedClicks, sums: ClickSums, weighted: OffPolicySums, as_they_are: Interval
) -> Iterator[EvidenceRow]:
    alpha, turn = case.study.study.alpha, direction_of(case.study, case.offline_metric).sign
    cut = estimate(_weighted(sums, "v", "va"), "snips")
    told = diagnostics(weighted)
    yield interval_row("gain, clicks as they are", as_they_are)
    yield interval_row(
        f"gain, weights cut at {CLIP:g}",
        _interval(turn * cut.value, cut.standard_error, alpha, "clipped snips"),
    )
    yield EvidenceRow(name="clicks", value=float(sums.clicks), measure=Measure.COUNT)
    yield EvidenceRow(
        name="what the weighted clicks are worth", value=float(told.effective), measure=Measure.COUNT
    )
    yield EvidenceRow(name="mean weight", value=float(told.mean), measure=Measure.NUMBER)
    yield EvidenceRow(name="largest weight", value=sums.largest, measure=Measure.NUMBER)
    for each in found.positions[case.offline_metric][:_SHOWN]:
        rate = wilson_interval(each.clicked, each.shown, alpha)
        yield EvidenceRow(
            name=f"click rate at position {each.position:g}",
            value=float(rate.estimate),
            measure=Measure.SHARE,
            low=float(rate.low),
            high=float(rate.high),
        )


REASON = Reason(
    name=NAME,
    title=TITLE,
    judge=judge,
    side=Side.OFFLINE,
    read=read,
    sources=("offline.rankings", "offline.judgements", "offline.items"),
)
