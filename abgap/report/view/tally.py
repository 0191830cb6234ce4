"""The picture of the first screen: one row per verdict, in it every result with the number it has in the report."""

from __future__ import annotations

from collections.abc import Sequence

from abgap.records import Gap, words
from abgap.report.marks import (
    DECISION_ORDER,
    NOTHING_TO_SHIP,
    VERDICT_ORDER,
    Mark,
    decision_mark,
    is_same_model,
    outcome_mark,
    verdict_mark,
)
from abgap.report.view.cells import joined
from abgap.report.view.index import Index
from abgap.report.view.model import Tally, TallyRow

_MOST_SQUARES = 60


def tally_of(index: Index, gaps: Sequence[Gap], sections: int) -> Tally:
    """Results by verdict; by decision when no offline metric is held against them. gaps: one per result."""
    if not gaps:
        return Tally(
            caption="What to do with the experiments",
            rows=_rows(
                index,
                [*map(decision_mark, DECISION_ORDER), NOTHING_TO_SHIP],
                [(outcome_mark(experiment), experiment.name, "") for experiment in index.ranked],
                sections,
            ),
            note="",
        )
    same = {experiment.name for experiment in index.ranked if is_same_model(experiment)}
    without = len(index.ranked) - len({gap.experiment for gap in gaps} | same)
    return Tally(
        caption="What became of the offline gains",
        rows=_rows(
            index,
            [verdict_mark(verdict) for verdict in VERDICT_ORDER],
            [(verdict_mark(gap.verdict), gap.experiment, gap.treatment) for gap in gaps],
            sections,
        ),
        note=joined(
            f"{words.plural(without, 'experiment')} without an offline metric." if without else "",
            f"{words.plural(len(same), 'experiment')} of a model against itself." if same else "",
        ),
    )


def _rows(
    index: Index, order: Sequence[Mark], results: Sequence[tuple[Mark, str, str]], sections: int
) -> tuple[TallyRow, ...]:
    named = {mark: [(name, arm) for given, name, arm in results if given == mark] for mark in order}
    return tuple(
        TallyRow(
            mark=mark,
            count=words.count(len(found)),
            share=round(len(found) / len(results), 3),
            items=tuple((index.label(name, arm), index.anchor(name, sections)) for name, arm in found)
            if len(results) <= _MOST_SQUARES
            else (),
        )
        for mark, found in named.items()
        if found
    )
