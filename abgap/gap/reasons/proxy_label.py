"""Proxy label: the offline metric counts clicks, say, and under the labels of purchases its gain is smaller.

A metric is held against its twins: declared metrics of the same base that count another label. The difference of both
gains is paired over the queries that have both labels. A twin whose label the business metric is made of comes before
others; of several the one that takes most speaks, and has to hold for all of them (Bonferroni). A model that was picked
among many by the metric has luck in it that no twin shares, so that it has to hold for all candidates as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from abgap.gap.expected import shortfall
from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.combining import one_of
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import Words, interval_row, untestable, weigh, without_claim
from abgap.offline.twin_sums import twins_of
from abgap.records import EvidenceRow, Finding, Interval, Measure, OfflineRow, Side
from abgap.records.words import label, signed_interval

NAME, TITLE = "proxy_label", "Proxy label"
_QUERY = "offline_twins"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Twin:
    """A twin. lost: gain that is not there under its labels; shared: queries that have both, None if not known."""

    name: str
    row: OfflineRow
    lost: Interval
    shared: int | None


def judge(case: Case) -> Finding:
    """Hold the gain against those under other labels."""
    declared = case.study.offline_metrics
    names = twins_of(declared, case.offline_metric)
    if not names:
        detail = f"no other label is declared for {label(case.offline_metric)}"
        missing = ['[offline_metrics.NAME] metric = "...", label = "..."']
        return untestable(NAME, TITLE, detail, missing=missing, sql=_QUERY)
    if case.target is None:
        return without_claim(NAME, TITLE)
    of_business = _labels_of_business(case, (case.offline_metric, *names))
    if case.offline_metric in of_business:
        own = declared[case.offline_metric].label
        detail = f"{label(case.offline_metric)} counts {own!r} already, which {label(case.business_metric)} is made of"
        return untestable(NAME, TITLE, detail, sql=_QUERY)
    twins = list(_twins(case, case.target, [name for name in names if name in of_business] or names))
    if not twins:
        detail = f"the gain under other labels is not known ({', '.join(map(repr, names))})"
        return untestable(NAME, TITLE, detail, missing=[f"values of {name}" for name in names], sql=_QUERY)
    return _weighed(case, case.target, twins)


def _labels_of_business(case: Case, names: Sequence[str]) -> set[str]:
    """The offline metrics whose label stands in what the business metric is made of."""
    metric = case.study.metrics.get(case.business_metric)
    parts = [] if metric is None else [metric.own_part, metric.numerator, metric.denominator]
    said = " ".join(
        word for part in parts if part is not None for word in (part.fact, part.where, part.value) if word
    )
    declared = case.study.offline_metrics
    labels = {name: declared[name].label for name in names if name in declared}
    return {name for name, of in labels.items() if of is not None and _is_word(of, said)}


def _is_word(word: str, text: str) -> bool:
    """Whether it stands in a text by itself, and not as a part of a longer name."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None


def _twins(case: Case, target: Target, names: Sequence[str]) -> Iterator[_Twin]:
    """Those whose gain is known: paired with the claim, else beside it as two numbers on their own."""
    if case.model is None:
        return
    for name in names:
        row = case.evidence.offline_row(case.model, target.baseline, name)
        if row is None:
            continue
        paired = case.evidence.twin(case.model, target.baseline, case.offline_metric, name)
        if paired is not None and isinstance(paired.difference, Interval):
            yield _Twin(name=name, row=row, lost=paired.difference, shared=paired.shared)
        elif paired is None and isinstance(row.improvement, Interval):
            yield _Twin(name=name, row=row, lost=shortfall(target.gain, row.improvement), shared=None)


def _weighed(case: Case, target: Target, twins: Sequence[_Twin]) -> Finding:
    tests = len(twins) * case.tried(target.baseline)
    established = [twin for twin in twins if one_of(twin.lost, tests).low > 0.0]
    chosen = max(established or twins, key=lambda twin: twin.lost.estimate if established else twin.lost.high)
    told = _told(case, target, chosen)
    words = Words(
        supported=told,
        contradicted=told,
        next_action=f"Choose models by {label(chosen.name)}, and train on its labels.",
    )
    return weigh(
        case,
        NAME,
        TITLE,
        target.in_lift(chosen.lost),
        words,
        passes=bool(established),
        sql=_QUERY,
        evidence=tuple(_evidence(case, target, chosen)),
    )


def _told(case: Case, target: Target, twin: _Twin) -> str:
    """Both gains in words."""
    own, other = signed_interval(target.gain), _shown(twin.row)
    return f"the gain is {own} in {label(case.offline_metric)}, and {other} in {label(twin.name)}"


def _shown(row: OfflineRow) -> str:
    if isinstance(row.improvement, Interval):
        return signed_interval(row.improvement)
    return "not known"


def _evidence(case: Case, target: Target, twin: _Twin) -> Iterator[EvidenceRow]:
    yield interval_row(f"gain in {case.offline_metric}", target.gain)
    if isinstance(twin.row.improvement, Interval):
        yield interval_row(f"gain in {twin.name}", twin.row.improvement)
    yield interval_row("gain that its labels do not see", twin.lost)
    if twin.shared is not None:
        yield EvidenceRow(
            name="queries that have both labels", value=float(twin.shared), measure=Measure.COUNT
        )


REASON = Reason(name=NAME, title=TITLE, judge=judge, side=Side.OFFLINE)
