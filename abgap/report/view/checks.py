"""Data checks: in a line, in a table with the problems first, and the problems of all experiments together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from abgap.records import Check, Status, words
from abgap.report import numbers
from abgap.report.marks import STATUS_ORDER, status_mark
from abgap.report.view.cells import cell
from abgap.report.view.index import Index
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Group, Table

_HOW_MANY = {
    Status.FAIL: "failed",
    Status.WARN: "with a warning",
    Status.NOT_TESTABLE: "not testable",
    Status.PASS: "passed",
}
_PROBLEMS = (Status.FAIL, Status.WARN)


def checks_in_words(checks: Sequence[Check]) -> str:
    """How the checks came out: ``1 failed, 9 passed``."""
    counts = Counter(check.status for check in checks)
    said = [f"{words.count(counts[status])} {_HOW_MANY[status]}" for status in STATUS_ORDER if counts[status]]
    return ", ".join(said) or "none made"


def trust_of(checks: Sequence[Check]) -> Cell:
    """All checks of the study in a sentence, marked with the worst of them that could be made."""
    made = {check.status for check in checks}
    order = (*_PROBLEMS, Status.PASS, Status.NOT_TESTABLE)
    worst = next((status for status in order if status in made), Status.NOT_TESTABLE)
    return Cell(text=f"Data checks: {checks_in_words(checks)}.", mark=status_mark(worst))


def checks_table(
    checks: Sequence[Check], key: str, caption: str, limits: Limits, query_anchors: dict[str, str]
) -> Table | None:
    """Checks as a table, the problems first; None when there is none."""
    if not checks:
        return None
    kept = checks[: limits.rows]
    return Table(
        key=key,
        caption=caption,
        columns=(
            Column(label="Check"),
            Column(label="Outcome", kind="mark"),
            Column(label="Measured", kind="number"),
            Column(label="Matters from", kind="number"),
            Column(label="What it says"),
            Column(label="SQL", kind="code"),
        ),
        groups=(Group(title="", rows=tuple(_check(check, query_anchors) for check in kept)),),
        note=left_out(len(kept), len(checks), "checks"),
    )


def _check(check: Check, query_anchors: dict[str, str]) -> tuple[Cell, ...]:
    return (
        Cell(text=check.name.replace("_", " ")),
        Cell(mark=status_mark(check.status)),
        cell(numbers.measured(check.value)),
        cell(numbers.measured(check.threshold)),
        Cell(text=check.sentence),
        Cell(text=check.sql or "", link=query_anchors.get(check.sql or "", "")),
    )


def passed_in_words(checks: Sequence[Check]) -> str:
    """The checks that passed, by name with what they measured; empty when none did."""
    passed = [_passed(check) for check in checks if check.status is Status.PASS]
    return f"Passed: {', '.join(passed)}." if passed else ""


def _passed(check: Check) -> str:
    name = check.name.replace("_", " ")
    return name if check.value is None else f"{name} ({numbers.measured(check.value).text})"


def problems_table(index: Index, limits: Limits) -> Table | None:
    """The failed checks and warnings of all experiments, the failed first; None when there is none."""
    found = [
        check
        for status in _PROBLEMS
        for experiment in index.ranked
        for check in index.checks[experiment.name]
        if check.status is status
    ]
    if not found:
        return None
    kept = found[: limits.rows]
    return Table(
        key="problems",
        caption="Failed checks and warnings of the experiments",
        columns=(
            Column(label="Experiment"),
            Column(label="Outcome", kind="mark"),
            Column(label="What it says"),
        ),
        groups=(Group(title="", rows=tuple(_problem(index, check, limits) for check in kept)),),
        note=left_out(len(kept), len(found), "of them"),
    )


def _problem(index: Index, check: Check, limits: Limits) -> tuple[Cell, ...]:
    name = check.experiment or ""
    return (
        Cell(text=name, link=index.anchor(name, limits.sections)),
        Cell(mark=status_mark(check.status), sub="blocks the verdict" if check.blocking else ""),
        Cell(text=check.sentence),
    )
