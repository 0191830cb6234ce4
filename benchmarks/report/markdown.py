"""Numbers and tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def multiple(value: float | None, unit: str = "x") -> str:
    """A ratio with two digits, or that there is none."""
    return "not measured" if value is None else f"{value:.2f}{unit}"


def megabytes(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are our own words, which hold no pipes."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (titles, ["---"] * len(titles), *rows))
