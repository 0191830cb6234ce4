"""Was the gain claimed against another model than the one that ran in control?

Offline the candidate is held against the baseline that the study declares of it, else against the production model.
Where control ran another one, the candidate's advantage over that other one is all that the test could show: what goes
away is the gain of control's model over the declared one, by the same test set.
"""

from __future__ import annotations

from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.offline_sources import offline_query
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import Words, decided, untestable, weigh
from abgap.records import EvidenceRow, Finding, FindingStatus, Interval, Measure, Side
from abgap.records.words import label, percent, signed_interval

NAME, TITLE = "wrong_baseline", "Wrong baseline"


def judge(case: Case) -> Finding:
    """The rate times the gain of the model in control over the one that the claim was made against."""
    target, live = case.target, case.live_model
    if target is None or live is None or case.model is None:
        detail = "the study does not say which models ran, or what was to be expected of them"
        missing = [f"[experiments] models of {case.experiment!r}", "[gap] exchange_rate"]
        return untestable(NAME, TITLE, detail, missing=missing)
    if target.baseline == live:
        return _by_served_scores(case, target, live) or _same_model(case, target, live)
    return _other_model(case, target, live)


def _same_model(case: Case, target: Target, live: str) -> Finding:
    """The claim names the model that ran; nothing of it goes away."""
    detail = f"the gain was claimed against {live!r}, the model that control ran"
    none = Interval(estimate=0.0, low=0.0, high=0.0, level=target.lift.level, method="same model")
    return decided(
        case, NAME, TITLE, FindingStatus.CONTRADICTED, detail, lift=none, sql=offline_query(case.study)
    )


def _by_served_scores(case: Case, target: Target, live: str) -> Finding | None:
    """The declared model served other scores than its own: what they are worth more is what control was ahead by.

    None where nothing says so.
    """
    served = case.evidence.live.of(case.experiment, case.facts.control, case.offline_metric)
    skew = None if served is None else served.skew(case.offline_metric)
    if served is None or skew is None or served.scores is None or not served.scores.differing:
        return None
    if not isinstance(skew.skew, Interval):
        return None
    value = served.value(case.offline_metric)
    is_up = value is None or value.direction.sign > 0
    ahead = skew.skew.flipped() if is_up else skew.skew
    said = f"{percent(served.scores.share)} of the scores that control served are not those of {live!r}"
    name = label(case.offline_metric)
    words = Words(
        supported=f"{said}, and what it served is ahead by {signed_interval(ahead)} of {name} on the same requests",
        contradicted=f"{said}, but they are worth about the same in {name} ({signed_interval(ahead)})",
        next_action=f"Find out which model control served under the name {live!r}, and repeat the claim against it.",
    )
    evidence = (
        EvidenceRow(
            name=f"scores of control that are not those of {live}",
            value=served.scores.share,
            measure=Measure.SHARE,
        ),
        EvidenceRow(
            name="largest difference of two scores", value=served.scores.largest, measure=Measure.NUMBER
        ),
        EvidenceRow(
            name="served scores against the declared model's",
            value=ahead.estimate,
            measure=Measure.GAIN,
            low=ahead.low,
            high=ahead.high,
        ),
    )
    return weigh(case, NAME, TITLE, target.in_lift(ahead), words, sql="live_scores", evidence=evidence)


def _other_model(case: Case, target: Target, live: str) -> Finding:
    sql, name = offline_query(case.study), label(case.offline_metric)
    row = case.evidence.offline_row(live, target.baseline, case.offline_metric)
    ahead = None if row is None else row.improvement
    if not isinstance(ahead, Interval):
        detail = f"{live!r}, which ran in control, has no gain over {target.baseline!r} in {name}"
        missing = [f"offline results of {live!r} and {target.baseline!r} over the same examples"]
        return untestable(NAME, TITLE, detail, missing=missing, sql=sql)
    words = Words(
        supported=(
            f"the gain was claimed against {target.baseline!r}, but control ran {live!r}, which itself has "
            f"{signed_interval(ahead)} of {name}"
        ),
        contradicted=f"control ran {live!r} and not {target.baseline!r}, but the two are too alike in {name}",
        next_action=f"Claim gains against {live!r}, which is live: name it as the baseline of the next models.",
    )
    return weigh(
        case,
        NAME,
        TITLE,
        target.in_lift(ahead),
        words,
        sql=sql,
        evidence=_evidence(case, target, live, ahead),
    )


def _evidence(case: Case, target: Target, live: str, ahead: Interval) -> tuple[EvidenceRow, ...]:
    against = {
        f"claimed gain over {target.baseline!r}": target.gain,
        f"gain of {live!r} over {target.baseline!r}": ahead,
    }
    row = None if case.model is None else case.evidence.offline_row(case.model, live, case.offline_metric)
    if row is not None and isinstance(row.improvement, Interval):
        against[f"gain over {live!r}"] = row.improvement
    return tuple(
        EvidenceRow(name=name, value=gain.estimate, measure=Measure.GAIN, low=gain.low, high=gain.high)
        for name, gain in against.items()
    )


REASON = Reason(name=NAME, title=TITLE, judge=judge, side=Side.OFFLINE)
