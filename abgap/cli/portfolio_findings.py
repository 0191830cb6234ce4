"""The portfolio in a terminal: verdicts counted, three sentences, what to trust, what launching earned, nine cells.

Tables and numbers are those of the report's page; here is decided only how much of them a terminal shows.
"""

from __future__ import annotations

from rich.text import Text

from abgap.cli.terminal import COLOURS, Column, Terminal, columns
from abgap.records import NineCells, Portfolio, words
from abgap.report.view.comparison import sides_of
from abgap.report.view.limits import LADDER
from abgap.report.view.model import Cell, Table
from abgap.report.view.portfolio.details import how_robust
from abgap.report.view.portfolio.page import question, remarks, says_something, scope
from abgap.report.view.portfolio.tables import pairs_tables, rules_table, trust_tables

_STEP = "for "
"""How a cell begins its small print when it says for which gain its lift is."""


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
        _cells(out, cells, sides_of(cells, portfolio))
    for remark in remarks(portfolio):
        out.point(("·", "default"), remark)
    out.show()


def _answer(out: Terminal, portfolio: Portfolio, currency: str | None) -> None:
    out.line()
    out.line((question(portfolio), "bold"), f"   {scope(portfolio)}")
    for place, sentence in enumerate(portfolio.sentences, start=1):
        out.point((str(place), "bold"), sentence)
    limits = LADDER[0]
    trust = trust_tables(portfolio, limits)
    for table in (*trust[:1], rules_table(portfolio, currency)):
        if table:
            _table(out, table)
            out.line((table.note, "dim"))
    for table in (*trust[1:], *pairs_tables(portfolio, limits)):
        _table(out, table)
    first = portfolio.pairs[0] if portfolio.pairs else None
    told = (how_robust(first), first.over_time_sentence, first.saturation_sentence) if first else ()
    blends = (row.sentence for row in portfolio.metric_trust if row.weights)
    for text in (*blends, *told, *(one.sentence for one in portfolio.typical)):
        if text:
            out.point(("·", "dim"), text)


def _table(out: Terminal, table: Table) -> None:
    """A table of the report, without its bars; what is beyond a terminal's room goes from the right."""
    places = [place for place, column in enumerate(table.columns) if column.kind != "bar"]
    head = [
        Column(
            title=", ".join(text for text in (table.columns[place].label, table.columns[place].note) if text),
            number=table.columns[place].kind == "number",
            spare=spare,
        )
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
    step = cell.sub if cell.sub.startswith(_STEP) else ""
    return f"{number}{' '.join(part for part in (cell.text, cell.range or cell.why, step) if part)}"


def _cells(out: Terminal, cells: NineCells, sides: tuple[str, str]) -> None:
    """Losses, what is not established, and gains; gains above, as in the report."""
    row, column = sides
    out.line()
    names = f"{words.label(cells.offline_metric)} against {words.label(cells.business_metric)}"
    out.line((f"{names}, results in each cell", "bold"))
    signs = (f"{row} gain", f"{row} not established", f"{row} loss")
    counts = [[sign, *map(str, found)] for sign, found in zip(signs, reversed(cells.counts), strict=True)]
    out.table(columns("", f">{column} loss", f">{column} not established", f">{column} gain"), counts)
