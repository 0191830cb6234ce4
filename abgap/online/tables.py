"""The names of the tables and columns that the stages hand to each other inside the engine.

Column names carry the study's own words, so that a compiled statement can be read; they are always quoted. What
is made of a column has its name, a colon and a word: ``revenue: sum``. Colons of the study's own words
are doubled, so that no two names can meet, whatever a metric or a slice is called.
"""

from __future__ import annotations

from abgap.sources.sql import Sql, identifier

EXPOSURES = "exposures"
UNITS = "units"
EXPERIMENTS = "experiments"
ARMS = "arms"
ENROLMENTS = "enrolments"
FIRST_EXPOSURES = "first_exposures"
# With those of units in two variants.
ALL_EXPOSURES = "all_first_exposures"
UNIT_OUTCOMES = "unit_outcomes"
# The same by unit, where it is by cluster.
MEMBER_OUTCOMES = "member_outcomes"
CAPS = "caps"
CENTRES = "centres"
CELLS = "cells"
# The wide table with the fold of every unit, and its cells.
UNIT_FOLDS = "unit_folds"
FOLD_CELLS = "fold_cells"
# Cells of the pass that multiplies metrics of the same units.
CROSS_CELLS = "cross_cells"
# Units that asked test queries, once per contest, and the cells of the pass that multiplies both.
UNITS_BESIDE_GAINS = "units_beside_gains"
GAIN_CELLS = "gain_cells"
# The wide table of how the values of units change with the days since exposure, and its cells.
TREND_OUTCOMES = "trend_outcomes"
TREND_CELLS = "trend_cells"
# Of the one metric and level at hand: its values, the cells they are in, and the values in order; then, by cell, places
# of the order, points, and bounds that the values are held against.
QUANTILE_VALUES = "quantile_values"
QUANTILE_EVENTS = "quantile_events"
QUANTILE_CELLS = "quantile_cells"
QUANTILE_RANKS = "quantile_ranks"
QUANTILE_PLACES = "quantile_places"
QUANTILE_POINTS = "quantile_points"
QUANTILE_BOUNDS = "quantile_bounds"
# Units with their numbers, the draws, units as drawn into two arms, and their cells by draw.
SPLIT_UNITS = "split_units"
SPLIT_DRAWS = "split_draws"
UNIT_SPLITS = "unit_splits"
SPLIT_CELLS = "split_cells"
# Units with their numbers, the draws, and weighted sums by cell and draw.
RESAMPLE_UNITS = "resample_units"
RESAMPLE_DRAWS = "resample_draws"
RESAMPLE_CELLS = "resample_cells"


def unit_parts_table(fact: str) -> str:
    """The table of unit parts made from one fact table."""
    return f"unit parts of {fact}"


def unit_partials_table(fact: str) -> str:
    """The view of what the events of one fact table add up to, by unit."""
    return f"unit partials of {fact}"


def part_values_table(fact: str) -> str:
    """The view of the events of one fact table with the values that metric parts take from them."""
    return f"part values of {fact}"


def cluster_column() -> Sql:
    """The column that says which cluster a unit is of, quoted. No metric and no slice is called "unit"."""
    return identifier(derived_name("unit", "cluster"))


def column_name(word: str) -> str:
    """The column that is named by a word of the study: a metric, a funnel or a slice."""
    return word.replace(":", "::")


def derived_name(name: str, what: str) -> str:
    """The column that is made of another one."""
    return f"{name}: {what}"


def slice_column(name: str) -> Sql:
    """The column of a slice, quoted."""
    return identifier(column_name(name))


def sum_name(left: str, right: str | None = None) -> str:
    """The column of the sum of a value, or of a product of two."""
    if right is None:
        return derived_name(left, "sum")
    return derived_name(left, "sum of squares" if left == right else f"sum of products with {right}")


def known_name(column: str) -> str:
    """The column that counts units with a value."""
    return derived_name(column, "known")


def cut_name(column: str) -> str:
    """The column that counts units whose value was cut."""
    return derived_name(column, "cut")
