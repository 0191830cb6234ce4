"""Leakage: live outcomes do not show the gain of the test set, with the same slices and the same scores.

The same metric is computed of live requests and their outcomes. What is lost of the gain between the test set and
there, slice by slice at the live mix and with the scores of the offline pipeline where they are logged, is neither the
mix of the test set nor another score in production: the test set knew something that production does not know, or the
world has changed since. Examples that were learnt from, features that give the label away, and values by age say which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.combining import one_of
from abgap.gap.reasons.live_gain import LiveGain, live_gain
from abgap.gap.reasons.reason import Reading, Reason
from abgap.gap.reasons.weighing import Words, untestable, weigh, without_claim
from abgap.offline.live.leaks import TRAINED_ON, FoundLeaks, find_leaks, names_of
from abgap.records import EvidenceRow, Finding, Interval, Measure, Side
from abgap.records.leaks import Leaks
from abgap.records.live import LiveModel
from abgap.records.words import count, label, listed, percent, plain, signed_interval

if TYPE_CHECKING:
    from abgap.engine.protocol import Relation

NAME, TITLE = "leakage", "Label or temporal leakage"
_QUERY = "live_sums"
TELLING = 0.95
"""A single feature with a ROC-AUC above this gives the label away."""
_MOST_FEATURES = 5


def judge(case: Case) -> Finding:
    """Hold the gain on the test set against the gain on live outcomes."""
    found = case.evidence.read.get(NAME)
    leaks = found.leaks if isinstance(found, FoundLeaks) else Leaks()
    if case.target is None:
        return without_claim(NAME, TITLE)
    if not case.evidence.live.models:
        return _without_live(case, leaks)
    gain = live_gain(case)
    if isinstance(gain, str):
        return untestable(NAME, TITLE, gain, sql=_QUERY, evidence=tuple(_signs(leaks, case)))
    # The best of many was lucky on the test set, and its luck is not seen again live.
    established = one_of(gain.lost, case.tried(gain.control.model)).low > 0.0
    return weigh(
        case,
        NAME,
        TITLE,
        case.target.in_lift(gain.lost),
        _words(case, gain, leaks),
        passes=established,
        sql=_QUERY,
        evidence=(*_steps(gain), *_values(case, gain), *_signs(leaks, case)),
    )


def _without_live(case: Case, leaks: Leaks) -> Finding:
    source = "rankings" if case.study.offline.rankings is not None else "predictions"
    if case.study.live.rankings is not None or case.study.live.predictions is not None:
        detail = (
            "no live request of an analysed unit names the model of its arm, or is old enough to be judged"
        )
        return untestable(NAME, TITLE, detail, sql=_QUERY, evidence=tuple(_signs(leaks, case)))
    return untestable(
        NAME,
        TITLE,
        "what models said in production is not logged beside what came of it",
        missing=(f"[live.{source}]",),
        next_action=f"Log what models say in production, and declare it as [live.{source}].",
        evidence=tuple(_signs(leaks, case)),
    )


def _words(case: Case, gain: LiveGain, leaks: Leaks) -> Words:
    metric, model = label(case.offline_metric), gain.treatment.model
    said = _both(gain.treatment, case.offline_metric)
    where = f", within slices of {gain.slice_name!r} at their live mix" if gain.slice_name else ""
    with_offline = ", with offline scores for live requests" if gain.recomputed is not None else ""
    return Words(
        supported=(
            f"live outcomes do not show what the test set promised{where}{with_offline}: {metric} of {model!r} "
            f"is {said}, and {signed_interval(gain.lost)} of its gain over {gain.control.model!r} is gone"
            f"{_because(leaks, model)}"
        ),
        contradicted=(
            f"live outcomes show about the gain of the test set{where}{with_offline}: {metric} of {model!r} is {said}"
        ),
        next_action=_advice(leaks, model),
    )


def _both(model: LiveModel, metric: str) -> str:
    value = model.value(metric)
    offline = None if value is None else value.offline_value
    live = None if value is None else value.value
    if offline is None or live is None:
        return "measured live only"
    return f"{plain(offline)} on the test set and {plain(live)} live"


def _because(leaks: Leaks, model: str) -> str:
    """What is known of why, in a clause."""
    found = []
    overlap = leaks.overlaps.get(model)
    if overlap is not None and overlap.trained:
        found.append(f"it learnt from {percent(overlap.trained / overlap.examples)} of the test examples")
    if telling := names_of(leaks, TELLING):
        found.append(f"{listed([repr(name) for name in telling[:_MOST_FEATURES]])} alone tells the label")
    return f" ({'; '.join(found)})" if found else ""


def _advice(leaks: Leaks, model: str) -> str:
    if names_of(leaks, TELLING):
        return "Take features that are known only after the outcome out of the model, and evaluate it again."
    overlap = leaks.overlaps.get(model)
    if overlap is not None and overlap.trained:
        return "Evaluate on examples that the model has not learnt from, made after its training ended."
    return (
        "Look for features that are known only after the outcome, and test on examples made after training ended; "
        "if there are none, the world has changed since the test set was drawn."
    )


def _steps(gain: LiveGain) -> Iterator[EvidenceRow]:
    steps = {
        "gain on the test set": gain.offline,
        f"gain at the live mix of {gain.slice_name}": gain.at_mix,
        "gain live, with offline scores": gain.recomputed,
        "gain live, as served": gain.served,
        "lost between test set and live outcomes": gain.lost,
    }
    for name, step in steps.items():
        if step is not None:
            yield _row(name, step, Measure.GAIN)
    if gain.unseen:
        yield EvidenceRow(
            name=f"live requests in slices of {gain.slice_name} that the test set lacks",
            value=gain.unseen,
            measure=Measure.SHARE,
        )


def _row(name: str, step: Interval, measure: Measure) -> EvidenceRow:
    return EvidenceRow(name=name, value=step.estimate, measure=measure, low=step.low, high=step.high)


def _values(case: Case, gain: LiveGain) -> Iterator[EvidenceRow]:
    """Both models, on the test set and live."""
    for model in (gain.treatment, gain.control):
        value = model.value(case.offline_metric)
        if value is None:
            continue
        sides = (
            ("on the test set", value.offline_value, value.offline_interval),
            (f"live, {count(value.n)} requests", value.value, value.interval),
        )
        for where, number, interval in sides:
            name = f"{case.offline_metric} of {model.model} {where}"
            if isinstance(interval, Interval):
                yield _row(name, interval, Measure.NUMBER)
            elif number is not None:
                yield EvidenceRow(name=name, value=number, measure=Measure.NUMBER)


def _signs(leaks: Leaks, case: Case) -> Iterator[EvidenceRow]:
    """What was found in the test set itself."""
    models: Mapping[str, None] = dict.fromkeys(m for m in (case.model, case.live_model) if m is not None)
    for model in models:
        if (overlap := leaks.overlaps.get(model)) is not None:
            yield EvidenceRow(
                name=f"test examples that {model} learnt from",
                value=overlap.trained / overlap.examples if overlap.examples else None,
                measure=Measure.SHARE,
            )
    for name in names_of(leaks, TELLING)[:_MOST_FEATURES]:
        yield EvidenceRow(name=f"ROC-AUC of {name} alone", value=leaks.features[name], measure=Measure.NUMBER)
    for aged in leaks.ages:
        if aged.model in models:
            yield EvidenceRow(
                name=f"ROC-AUC of {aged.model}, examples made {aged.age}",
                value=aged.value,
                measure=Measure.NUMBER,
            )


def read(reading: Reading) -> FoundLeaks:
    """Look for leaks in the test set."""
    ranked = reading.study.offline.rankings is not None
    if ranked and reading.study.offline.trained_on is not None:
        reading.open_rankings()
    return find_leaks(reading.engine, reading.study, reading.directory, ranked=ranked)


def _relations(found: object) -> Mapping[str, Relation]:
    relation = found.relation if isinstance(found, FoundLeaks) else None
    return {} if relation is None else {TRAINED_ON: relation}


REASON = Reason(
    name=NAME,
    title=TITLE,
    judge=judge,
    side=Side.OFFLINE,
    read=read,
    sources=("offline.predictions", "offline.rankings", "offline.judgements", TRAINED_ON),
    parts=("study", "offline", "offline_metrics", "models"),
    relations=_relations,
)
