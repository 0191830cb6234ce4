"""Train / serve skew: production serves other scores than the offline pipeline computes for the same requests.

Both scores are measured on the same live requests with the same outcomes, so that nothing but the scores differs and
the difference is paired. It is that of the arm's own model: what the control served is the baseline as it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import Words, untestable, weigh, without_claim
from abgap.records import EvidenceRow, Finding, Interval, Measure, Side
from abgap.records.live import LiveModel, SkewValue
from abgap.records.words import count, label, percent, plain, signed_interval

NAME, TITLE = "train_serve_skew", "Train / serve skew"
_QUERY = "live_sums"


def judge(case: Case) -> Finding:
    """Hold served scores against offline scores of the same requests."""
    if case.target is None:
        return without_claim(NAME, TITLE)
    live = case.evidence.live.of(case.experiment, case.treatment, case.offline_metric)
    skew = None if live is None else live.skew(case.offline_metric)
    if live is None or skew is None:
        return _without_scores(case)
    evidence = tuple(_evidence(case, live, skew))
    if not isinstance(skew.skew, Interval):
        if live.scores is not None and not live.scores.differing:
            return _same(case, live, evidence)
        detail = f"the difference that scores make cannot be told: {skew.skew.detail}"
        return untestable(NAME, TITLE, detail, sql=_QUERY, evidence=evidence)
    value = live.value(case.offline_metric)
    turned = skew.skew if value is None or value.direction.sign > 0 else skew.skew.flipped()
    return weigh(
        case,
        NAME,
        TITLE,
        case.target.in_lift(turned),
        _words(case, live, skew, turned),
        sql=_QUERY,
        evidence=evidence,
    )


def _without_scores(case: Case) -> Finding:
    source = "rankings" if case.study.offline.rankings is not None else "predictions"
    return untestable(
        NAME,
        TITLE,
        "no live request has the score that the offline pipeline computes for it",
        missing=(f"column offline_score of [live.{source}]",),
        next_action="Run logged requests through the offline pipeline, and log its score beside the served one.",
    )


def _same(case: Case, live: LiveModel, evidence: tuple[EvidenceRow, ...]) -> Finding:
    """All scores are the same: there is no skew, whatever the metric."""
    nothing = Interval(estimate=0.0, low=0.0, high=0.0, level=1.0 - case.study.study.alpha, method="exact")
    words = Words(
        supported="",
        contradicted=f"{live.model!r} served the scores of the offline pipeline",
        next_action="",
    )
    return weigh(case, NAME, TITLE, nothing, words, sql=_QUERY, evidence=evidence)


def _words(case: Case, live: LiveModel, skew: SkewValue, turned: Interval) -> Words:
    metric = label(case.offline_metric)
    scores = live.scores
    differ = (
        "" if scores is None else f"{percent(scores.share)} of served scores differ from the offline ones"
    )
    values = ""
    if skew.served is not None and skew.recomputed is not None:
        values = (
            f"{metric} is {plain(skew.served)} as served and {plain(skew.recomputed)} with offline scores"
        )
    said = "; ".join(part for part in (differ, values) if part)
    return Words(
        supported=f"{live.model!r} serves other scores than it was tested with ({said}): {signed_interval(turned)}",
        contradicted=f"served scores of {live.model!r} are about as good as offline ones ({said})",
        next_action=(
            f"Compare the features of requests whose scores differ, and serve {live.model!r} what it was tested with."
        ),
    )


def _evidence(case: Case, live: LiveModel, skew: SkewValue) -> Iterator[EvidenceRow]:
    if live.scores is not None:
        yield EvidenceRow(
            name=f"served scores of {live.model} that differ, of {count(live.scores.compared)}",
            value=live.scores.share,
            measure=Measure.SHARE,
        )
        yield EvidenceRow(
            name="largest difference of two scores", value=live.scores.largest, measure=Measure.NUMBER
        )
    for where, value in (("as served", skew.served), ("with offline scores", skew.recomputed)):
        yield EvidenceRow(name=f"{case.offline_metric} {where}", value=value, measure=Measure.NUMBER)
    if isinstance(skew.skew, Interval):
        yield EvidenceRow(
            name="offline scores against served ones",
            value=skew.skew.estimate,
            measure=Measure.GAIN,
            low=skew.skew.low,
            high=skew.skew.high,
        )


REASON = Reason(name=NAME, title=TITLE, judge=judge, side=Side.OFFLINE)
