"""Words and tables for a terminal; in a pipe the same without colours, and with one line for each row.

A table that is too wide for the terminal gives up its less important columns and says which; numbers are
never cut.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from abgap.cli.output import is_terminal, one_line, put

_ENDLESS = 100_000
COLOURS = {
    "good": "green",
    "part": "yellow",
    "flat": "cyan",
    "bad": "red",
    "bonus": "blue",
    "unsure": "yellow",
    "void": "magenta",
    "blocked": "dim",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table. number: set to the right. spare: the higher, the sooner it is left out; 0 never."""

    title: str
    number: bool = False
    spare: int = 0


def columns(*titles: str, spare: Sequence[str] = ()) -> list[Column]:
    """Columns by their titles; one that begins with ``>`` holds numbers.

    spare: titles in the order in which columns may be left out.
    """
    plain = [title.removeprefix(">") for title in titles]
    return [
        Column(
            title=name,
            number=title.startswith(">"),
            spare=len(spare) - spare.index(name) if name in spare else 0,
        )
        for name, title in zip(plain, titles, strict=True)
    ]


class Terminal:
    """Collects what to show, and shows it at once."""

    def __init__(self) -> None:
        width = None if is_terminal(sys.stdout) else _ENDLESS
        self._console = Console(width=width, highlight=False, emoji=False, markup=False)
        self._shown: list[RenderableType] = []

    def line(self, *parts: str | tuple[str, str]) -> None:
        """A line of text, or of pieces with their styles."""
        self._shown.append(_text(parts))

    def point(self, mark: tuple[str, str], *parts: str | tuple[str, str]) -> None:
        """A line behind a mark (a sign and its style); what wraps stays to the right of the mark."""
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        sign, style = mark
        grid.add_row(Text(f"  {sign}", style=style), _text(parts))
        self._shown.append(grid)

    def table(self, head: Sequence[Column], rows: Sequence[Sequence[str | Text]]) -> None:
        """A table, with as many of its columns as the terminal has room for."""
        left_out: list[str] = []
        keep = list(range(len(head)))
        table = _table(head, rows, keep)
        while self._width_of(table) > self._console.width:
            spare = max(keep, key=lambda i: head[i].spare)
            if not head[spare].spare:
                break
            keep.remove(spare)
            left_out.append(head[spare].title)
            table = _table(head, rows, keep)
        self._shown.append(table)
        if left_out:
            self.line((f"(no room for: {', '.join(reversed(left_out))})", "dim"))

    def text(self) -> str:
        """Everything there is to show, as it is written to stdout."""
        with self._console.capture() as captured:
            for item in self._shown:
                self._console.print(item)
        self._shown.clear()
        return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())

    def show(self) -> None:
        """Write everything to stdout."""
        put(self.text())

    def _width_of(self, table: Table) -> int:
        endless = self._console.options.update(width=_ENDLESS)
        return Measurement.get(self._console, endless, table).maximum


def _text(parts: Sequence[str | tuple[str, str]]) -> Text:
    pieces = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((one_line(text), style) for text, style in pieces))


def _table(head: Sequence[Column], rows: Sequence[Sequence[str | Text]], keep: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for i in keep:
        right = head[i].number
        table.add_column(
            Text(one_line(head[i].title)),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(cell if isinstance(cell := row[i], Text) else Text(one_line(cell)) for i in keep))
    return table
