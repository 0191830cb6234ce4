"""The names of the tables and columns that the stages hand to each other inside the engine.

Column names carry the study's own words, so that a compiled statement can be read; they are always quoted.
"""

from __future__ import annotations

from abgap.sources.sql import Sql, identifier

EXPOSURES = "exposures"
UNITS = "units"
EXPERIMENTS = "experiments"
ARMS = "arms"
ENROLMENTS = "enrolments"
FIRST_EXPOSURES = "first_exposures"
UNIT_OUTCOMES = "unit_outcomes"
CAPS = "caps"
CELLS = "cells"
RESERVED = (EXPOSURES, UNITS, EXPERIMENTS, ARMS, ENROLMENTS, FIRST_EXPOSURES, UNIT_OUTCOMES, CAPS, CELLS)


def unit_parts_table(fact: str) -> str:
    """The table of unit parts made from one fact table."""
    return f"unit parts of {fact}"


def sum_name(left: str, right: str | None = None) -> str:
    """The column of a sum (high part, or all of it) of a value or of a product of two."""
    return f"sum {left}" if right is None else f"sum {left} x {right}"


def low_name(name: str) -> str:
    """The column of the low part of a sum."""
    return f"{name} (low)"


def known_name(column: str) -> str:
    """The column that counts units with a value."""
    return f"known {column}"


def cut_name(column: str) -> str:
    """The column that counts units whose value was cut."""
    return f"cut {column}"


def quoted(name: str) -> Sql:
    """Shorthand for a quoted identifier."""
    return identifier(name)
