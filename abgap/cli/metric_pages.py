"""The catalogue of metrics as a table, and one metric in full, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from abgap.cli.terminal import Terminal, columns
from abgap.offline.catalogue import MetricEntry
from abgap.offline.catalogue.page import TITLES, better_text, facts, lazy_text, range_text
from abgap.offline.contracts import Contract

_NOT_SAID = "not said"
_HEAD = columns(
    "metric", "better", "range", "use when", "business", "lazy score", "misleads", "formula",
    spare=("formula", "misleads", "lazy score", "business", "range"),
)  # fmt: skip


def show_catalogue(entries: Sequence[MetricEntry], declared: Sequence[Contract], *, by_task: bool) -> None:
    """One line per metric, task by task, then what the study declares. by_task: with a heading per task."""
    out = Terminal()
    for task in dict.fromkeys(entry.tasks[0] for entry in entries) if by_task else [None]:
        if task is not None:
            out.line((TITLES[task], "bold"))
        out.table(_HEAD, [_row(entry) for entry in entries if task is None or entry.tasks[0] is task])
        out.line()
    out.line(("abgap metrics NAME shows one in full; abgap metrics choose picks a set.", "dim"))
    _declared(out, declared)
    out.show()


def show_metric(entry: MetricEntry | None, declared: Sequence[Contract]) -> None:
    """Everything about one metric; entry: None for a metric of the study that the catalogue does not know."""
    out = Terminal()
    if entry is not None:
        out.line((entry.name, "bold"), f"   {entry.title}")
        width = max(len(label) for label, _ in facts(entry))
        for label, text in facts(entry):
            out.point((f"{label:<{width}}", "bold"), text)
    _declared(out, declared)
    out.show()


def _row(entry: MetricEntry) -> list[str]:
    return [
        entry.name, better_text(entry), range_text(entry), entry.use_when, entry.business, lazy_text(entry),
        entry.misleads, entry.formula,
    ]  # fmt: skip


def _declared(out: Terminal, declared: Sequence[Contract]) -> None:
    if not declared:
        return
    out.line()
    out.line(("Declared in the study", "bold"))
    head = columns(
        "metric", "declared in", "is", "better", "owner", "review by", "why", spare=("is", "declared in")
    )
    rows = [
        [
            contract.name,
            contract.part,
            contract.known_as or "",
            "higher" if contract.direction.sign > 0 else "lower",
            contract.owner or _NOT_SAID,
            _NOT_SAID if contract.review_by is None else contract.review_by.isoformat(),
            contract.why or _NOT_SAID,
        ]
        for contract in declared
    ]
    out.table(head, rows)
