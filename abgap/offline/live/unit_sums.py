"""Sums by unit, and of their products, out of a table with one row per example and one column per term.

Whatever is measured (decisions, losses, orders of scores, lists) goes through the same three statements; only sums over
units leave the engine. All sums are exact, so that no order of rows changes a digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from typing import NamedTuple

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import Grid, SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.protocol import Columns, Engine, text_or_none
from abgap.sources.sql import Named, Sql, identifier
from abgap.stats.clustered import ClusterSums

UNITS = "live_units"
_OTHER = "other "


class Place(NamedTuple):
    """Where sums are of: an arm (or a model), and the value of what it is broken down by."""

    place: int
    part: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What one row adds. value: its SQL. largest: in size. integer: whether it is always a whole number."""

    name: str
    value: Sql
    largest: float = 1.0
    integer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much there is to add up: rows of one unit at most, and units."""

    most: int
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSums:
    """What is added up. blocks: names of terms whose products are wanted, one with another and with itself."""

    terms: Sequence[Term]
    blocks: Sequence[Sequence[str]]
    sizes: Sizes

    def add_up(self, engine: Engine, table: str) -> dict[Place, ClusterSums]:
        """The sums of every place. table: of the terms, one row per example."""
        summed = [
            column for term in self.terms for column in exact_sum(term.name, _name(term), self._grid(term))
        ]
        engine.create_table(UNITS, compile_query(UNITS, terms=identifier(table), sums=summed))
        found = engine.fetch(compile_query("live_sums", totals=self._totals(""), sums=self._sums()))
        return {
            place: ClusterSums(
                clusters=int(found["units"][i]),
                totals={t.name: float(sum_of(found, f"sum of {t.name}")[i]) for t in self.terms},
                products={pair: float(sum_of(found, _product(*pair))[i]) for pair in self._pairs()},
            )
            for i, place in enumerate(_places(found))
        }

    def across_days(self, engine: Engine) -> dict[tuple[int, str, str], Mapping[tuple[str, str], float]]:
        """Sums of products of a unit's sums on two days, the first day's name first; after ``add_up`` by day."""
        pairs = self._ordered_pairs()
        sums = [
            column
            for one, other in pairs
            for column in exact_sum(
                _product(one.name, other.name),
                Sql(f"({_name(one)} * {identifier(_OTHER + other.name)})"),
                self._product_grid(one, other),
            )
        ]
        found = engine.fetch(
            compile_query(
                "live_day_sums",
                left=self._totals("l."),
                right=[Named(name=_other(t.name), value=t.value) for t in self._totals("r.")],
                sums=sums,
            )
        )
        others = text_or_none(found["other"])
        return {
            (place.place, str(place.part), str(others[i])): {
                (one.name, other.name): float(sum_of(found, _product(one.name, other.name))[i])
                for one, other in pairs
            }
            for i, place in enumerate(_places(found))
        }

    def _grid(self, term: Term) -> Grid:
        return make_grid(term.largest, self.sizes.most, integer=term.integer)

    def _totals(self, prefix: str) -> list[Named]:
        """The sums of one unit, put together from their parts; 0 where nothing was added."""
        found = []
        for term in self.terms:
            parts = [c.name for c in exact_sum(term.name, _name(term), self._grid(term))]
            value = " + ".join(f"{prefix}{part}" for part in reversed(parts))
            found.append(Named(name=_name(term), value=Sql(f"coalesce({value}, 0e0)")))
        return found

    def _sums(self) -> list[SumColumn]:
        by_name = {term.name: term for term in self.terms}
        found = []
        for term in self.terms:
            grid = make_grid(term.largest * self.sizes.most, self.sizes.units, integer=term.integer)
            found += exact_sum(f"sum of {term.name}", _name(term), grid)
        for left, right in self._pairs():
            value = Sql(f"({identifier(left)} * {identifier(right)})")
            found += exact_sum(
                _product(left, right), value, self._product_grid(by_name[left], by_name[right])
            )
        return found

    def _product_grid(self, one: Term, other: Term) -> Grid:
        largest = one.largest * other.largest * float(self.sizes.most) ** 2
        return make_grid(largest, self.sizes.units, integer=one.integer and other.integer, parts=3)

    def _pairs(self) -> list[tuple[str, str]]:
        found = (pair for block in self.blocks for pair in combinations_with_replacement(block, 2))
        return list(dict.fromkeys(found))

    def _ordered_pairs(self) -> list[tuple[Term, Term]]:
        by_name = {term.name: term for term in self.terms}
        names = dict.fromkeys(pair for block in self.blocks for pair in product(block, repeat=2))
        return [(by_name[one], by_name[other]) for one, other in names]


def _name(term: Term) -> Sql:
    return identifier(term.name)


def _other(name: Sql) -> Sql:
    return identifier(_OTHER + str(name)[1:-1].replace('""', '"'))


def _product(one: str, other: str) -> str:
    return f"product of {one} and {other}"


def _places(found: Columns) -> Iterable[Place]:
    parts = text_or_none(found["part"])
    return [Place(int(place), part) for place, part in zip(found["place"], parts, strict=True)]
