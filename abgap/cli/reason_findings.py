"""Why a gain got lost, in a terminal: supported reasons by size, the others in a line each kind, and the gap budget."""

from __future__ import annotations

from rich.text import Text

from abgap.cli.terminal import Terminal, columns
from abgap.records import Finding, Gap, Interval
from abgap.report import numbers, reasons


def show_why(out: Terminal, gap: Gap, currency: str | None, *, in_full: bool) -> None:
    """The diagnosis of one pair. in_full: every reason and the budget, not the sentence alone."""
    if not gap.diagnosis:
        return
    out.line(("Why: ", "bold"), gap.diagnosis)
    if basis := reasons.basis(gap):
        out.point(("·", "dim"), (basis, "dim"))
    if not in_full:
        return
    for place, found in enumerate(reasons.supported(gap), start=1):
        _reason(out, place, found, currency)
    for text in reasons.others(gap):
        out.point(("·", "dim"), (text, "dim"))
    _budget(out, gap)


def _reason(out: Terminal, place: int, found: Finding, currency: str | None) -> None:
    amount, share = numbers.lift(found.lift), reasons.share_of_gap(found)
    known = isinstance(found.lift, Interval)
    explains = f" explains {amount.text} {amount.range}{f', {share}' if share else ''}" if known else ""
    out.point((str(place), "bold"), (found.title, "bold"), f"{explains}. {reasons.sentence(found)}")
    if found.evidence:
        rows = [(row.name, reasons.shown(row, currency)) for row in found.evidence]
        said = "; ".join(" ".join(part for part in (name, n.text, n.range) if part) for name, n in rows)
        out.point((" ", ""), (said, "dim"))
    if found.next_action:
        out.point((" ", ""), ("Next: ", "bold"), found.next_action)
    if found.sql:
        out.point((" ", ""), (f"SQL: abgap sql --show {found.sql}", "dim"))


def _budget(out: Terminal, gap: Gap) -> None:
    if not reasons.has_budget(gap):
        return
    parts = reasons.budget_parts(gap)
    texts = numbers.lifts([amount for _, _, amount in parts])
    rows: list[list[str | Text]] = [
        [label, text.text, text.range] for (_, label, _), text in zip(parts, texts, strict=True)
    ]
    out.table(columns("gap budget", f">lift in {gap.business_metric}", ">interval"), rows)
