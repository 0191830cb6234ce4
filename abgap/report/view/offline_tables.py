"""Beside the panels of the models: other definitions of their metrics, and how model families went over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abgap.records import OfflineHistory, OfflineSweep, Results, words
from abgap.report import numbers
from abgap.report.marks import Mark
from abgap.report.view.cells import cell, joined
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Group, Table

_OUTCOMES = {
    "survives": Mark(tone="good", sign="✓", word="survives"),
    "turns": Mark(tone="bad", sign="✕", word="turns"),
    "not established": Mark(tone="part", sign="?", word="not established"),
    "established": Mark(tone="part", sign="!", word="established there"),
}
_MOST_MATRICES = 4
_FELL = Mark(tone="bad", sign="↓", word="fell")


def other_definitions(results: Results, limits: Limits) -> Iterator[Table]:
    """The gains under other definitions; nothing for a study without rankings."""
    if not results.offline_sweeps:
        return
    kept = results.offline_sweeps[: limits.models]
    yield Table(
        key="definitions-swept",
        caption="Does it depend on the definition?",
        columns=(
            Column(label="Other definition"),
            Column(label="Baseline", kind="number"),
            Column(label="Model", kind="number"),
            Column(label="Difference", kind="number"),
            Column(label="p", kind="number"),
            Column(label="Outcome", kind="mark"),
        ),
        groups=tuple(Group(title=sweep.sentence, rows=tuple(_definitions(sweep))) for sweep in kept),
        note=joined(
            "Each changes one thing; p-values are not adjusted.",
            left_out(len(kept), len(results.offline_sweeps), "comparisons"),
        ),
    )


def _definitions(sweep: OfflineSweep) -> Iterator[tuple[Cell, ...]]:
    for other in sweep.definitions:
        baseline, value = numbers.two_values(other.baseline_value, other.value)
        mark = _OUTCOMES.get(other.outcome, Mark(tone="unsure", sign="–", word=other.outcome))
        yield (
            Cell(text=other.change),
            cell(baseline),
            cell(value),
            cell(numbers.gain(other.gain)),
            cell(numbers.p_value(other.p_value)),
            Cell(mark=mark),
        )


def confusions(results: Results) -> Iterator[Table]:
    """How often each of the first models called which class what; nothing without several classes."""
    for place, found in enumerate(results.confusions[:_MOST_MATRICES]):
        rest = f"{words.plural(found.other, 'rare class')} taken together as the last." if found.other else ""
        yield Table(
            key=f"confusion{place}",
            caption=f"What {found.model} calls what",
            columns=(
                Column(label="Actual class"),
                *(Column(label=name, kind="number", note="called") for name in found.classes),
                Column(label="Recall", kind="number"),
            ),
            groups=(
                Group(
                    title="",
                    rows=tuple(
                        (
                            Cell(text=name),
                            *(cell(numbers.count(n)) for n in counts),
                            _recall(counts, column),
                        )
                        for column, (name, counts) in enumerate(zip(found.classes, found.counts, strict=True))
                    ),
                ),
            ),
            note=joined(
                rest, left_out(_MOST_MATRICES, len(results.confusions), "models") if place == 0 else ""
            ),
        )


def _recall(counts: Sequence[int], own: int) -> Cell:
    total = sum(counts)
    return cell(numbers.missing("none of it") if not total else numbers.number(counts[own] / total))


def histories(results: Results, limits: Limits) -> Iterator[Table]:
    """The evaluations of model families, date by date; nothing without dates."""
    found = results.offline_history
    if not found:
        return
    kept = found[: limits.rows]
    families = dict.fromkeys((each.family, each.metric) for each in kept)
    yield Table(
        key="offline-history",
        caption="Evaluations over time",
        columns=(
            Column(label="Date"),
            Column(label="Model"),
            Column(label="n", kind="number"),
            Column(label="Value", kind="number"),
            Column(label="Against the one before", kind="number"),
            Column(label="p", kind="number"),
            Column(label="Reading", kind="mark"),
        ),
        groups=tuple(
            Group(
                title=f"{metric} of {family}",
                rows=tuple(_evaluation(e) for e in kept if (e.family, e.metric) == (family, metric)),
            )
            for family, metric in families
        ),
        note=left_out(len(kept), len(found), "evaluations"),
    )


def _evaluation(each: OfflineHistory) -> tuple[Cell, ...]:
    before = joined(each.previous_model, each.previous_date, by=", ")
    return (
        Cell(text=each.date),
        Cell(text=each.model, sub=f"after {before}" if before else ""),
        cell(numbers.count(each.n)),
        cell(numbers.number(each.value)),
        cell(numbers.missing("the first") if each.change is None else numbers.gain(each.change)),
        cell(numbers.p_value(each.p_value)),
        Cell(mark=_FELL) if each.fell else Cell(text=""),
    )


def falls(results: Results) -> tuple[str, ...]:
    """The families whose last evaluation fell, in words."""
    last = {(each.family, each.metric): each for each in results.offline_history}
    return tuple(
        f"{metric} of {family} fell to {words.plain(each.value or 0.0)} on {each.date}."
        for (family, metric), each in last.items()
        if each.fell
    )
