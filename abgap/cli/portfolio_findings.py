"""The portfolio in a terminal: verdicts counted, three sentences, what to trust, what launching earned, nine cells.

Tables and numbers are those of the report's page; here is decided only how much of them a terminal shows.
"""

from __future__ import annotations

from rich.text import Text

from abgap.cli.terminal import COLOURS, Column, Terminal, columns
from abgap.records import NineCells, Portfolio
from abgap.report.view.limits import LADDER
from abgap.report.view.model import Cell, Table
from abgap.report.view.portfolio.details import how_robust
from abgap.report.view.portfolio.page import question, remarks, says_something, scope
from abgap.report.view.portfolio.tables import pairs_tables, rules_table, trust_tables


def show_portfolio(portfolio: Portfolio, *, currency: str | None) -> None:
    """What was counted, what follows from it, and what cannot be said."""
    out = Terminal()
    n = portfolio.n_experiments
    out.line((f"{n:,} experiment{'' if n == 1 else 's'}", "bold"))
    for verdict, times in portfolio.verdicts.items():
        if times:
            out.line(f"  {times:>4}  {verdict}")
    if says_something(portfolio):
        _answer(out, portfolio, currency)
    for cells in portfolio.nine_cells:
        _cells(out, cells)
    for remark in remarks(portfolio):
        out.point(("·", "default"), remark)
    out.show()


def _answer(out: Terminal, portfolio: Portfolio, currency: str | None) -> None:
    out.line()
    out.line((question(portfolio), "bold"), f"   {scope(portfolio)}")
    for place, sentence in enumerate(portfolio.sentences, start=1):
        out.point((str(place), "bold"), sentence)
    limits = LADDER[0]
    for table in (
        *trust_tables(portfolio, limits),
        rules_table(portfolio, currency),
        *pairs_tables(portfolio, limits),
    ):
        if table:
            _table(out, table)
    first = portfolio.pairs[0] if portfolio.pairs else None
    told = (how_robust(first), first.over_time_sentence, first.saturation_sentence) if first else ()
    for text in (*told, *(one.sentence for one in portfolio.typical)):
        if text:
            out.point(("·", "dim"), text)


def _table(out: Terminal, table: Table) -> None:
    """A table of the report, without its bars; what is beyond a terminal's room goes from the right."""
    places = [place for place, column in enumerate(table.columns) if column.kind != "bar"]
    head = [
        Column(title=table.columns[place].label, number=table.columns[place].kind == "number", spare=spare)
        for spare, place in enumerate(places)
    ]
    out.line()
    out.line((table.caption, "bold"))
    for group in table.groups:
        if group.title:
            out.line((group.title, "dim"))
        out.table(head, [[_shown(row[place]) for place in places] for row in group.rows])


def _shown(cell: Cell) -> str | Text:
    if cell.mark:
        return Text(f"{cell.mark.sign} {cell.mark.word}", style=COLOURS[cell.mark.tone])
    number = f"{cell.tag}. " if cell.tag else ""
    return f"{number}{' '.join(part for part in (cell.text, cell.range or cell.why) if part)}"


def _cells(out: Terminal, cells: NineCells) -> None:
    out.line()
    out.line((f"{cells.offline_metric} × {cells.business_metric}", "bold"))
    signs = ("offline −", "offline not established", "offline +")
    rows = [[sign, *map(str, row)] for sign, row in zip(signs, cells.counts, strict=True)]
    out.table(columns("", ">business −", ">not established", ">business +"), rows)
