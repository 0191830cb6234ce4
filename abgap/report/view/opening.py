"""The first screen: the verdict in a sentence, the money, three things to do next, and a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from abgap.records import Check, Status, words
from abgap.report.marks import status_mark
from abgap.report.view.actions import actions_of
from abgap.report.view.index import Index
from abgap.report.view.model import Cell, Opening
from abgap.report.view.money import money_of
from abgap.report.view.tally import tally_of
from abgap.report.view.verdict import verdict_of

_STATUS_WORDS = (
    (Status.FAIL, "failed"),
    (Status.WARN, "with a warning"),
    (Status.PASS, "passed"),
    (Status.NOT_TESTABLE, "not testable"),
)


def opening_of(index: Index, sections: int) -> Opening:
    """The first screen; ``sections`` experiments have a section that can be linked to."""
    gaps = [gap for experiment in index.ranked for gap in index.headline_gaps(experiment.name)]
    verdict, detail = verdict_of(index, gaps)
    return Opening(
        study=index.results.study.name,
        scope=_scope(index),
        verdict=verdict,
        detail=detail,
        money=money_of(index),
        tally=tally_of(index, gaps, sections),
        actions=actions_of(index, sections),
        trust=_trust(index.results.checks),
    )


def _scope(index: Index) -> str:
    experiments = index.results.experiments
    said = [words.plural(len(experiments), "experiment")]
    if units := sum(sum(experiment.arms.values()) for experiment in experiments):
        said.append(words.plural(units, "analysed unit"))
    starts = [experiment.start for experiment in experiments if experiment.start]
    ends = [experiment.end for experiment in experiments if experiment.end]
    if starts and ends:
        said.append(f"{min(starts)[:10]} to {max(ends)[:10]}")
    return " · ".join(said)


def _trust(checks: Sequence[Check]) -> Cell:
    """All data checks in one line, marked with the worst of them."""
    counts = Counter(check.status for check in checks)
    said = [f"{words.count(counts[status])} {word}" for status, word in _STATUS_WORDS if counts[status]]
    if not said:
        return Cell(text="No data check was made.", mark=status_mark(Status.NOT_TESTABLE))
    worst = next(status for status, _ in _STATUS_WORDS if counts[status])
    return Cell(text=f"Data checks: {words.listed(said)}.", mark=status_mark(worst))
