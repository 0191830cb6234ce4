"""The formulas of ranking metrics as SQL: what is added up over the documents of a run, and the value made of it.

Documents of grade zero add nothing, so that sums run over the others (``ranking_hits``). A tie is broken by document
id, or in the best or the worst order; the mean over all orders has a closed form in the places that the tied documents
share (McSherry and Najork, "Computing information retrieval performance measures efficiently in the presence of tied
scores", ECIR 2008). Sums of fractions are exact, so that no order of rows changes a digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from abgap.engine.exact import exact_sum, make_grid
from abgap.offline.ranking.definitions import Definition, Ties
from abgap.records.moments import FloatArray
from abgap.sources.sql import Named, Sql, identifier, literal

# log2(place + 1), the discount of NDCG: 1 for the first place.
_DISCOUNT = "(0.6931471805599453e0 / ln({} + 1))"
_PLACE: dict[Ties, tuple[str, str]] = {
    "docid": ("h.place", "h.found"),
    "best": ("h.best_place", "h.best_found"),
    "worst": ("h.worst_place", "h.worst_found"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds the sums over one run. grade: the largest; hits: most documents of a run with a grade above zero."""

    grade: float
    hits: int
    price: float = 0.0

    def gain(self, definition: Definition) -> float:
        """The largest gain of a document."""
        gain = self.grade if definition.gain == "linear" else 2.0**self.grade - 1.0
        return gain * self.price if definition.kind == "revenue" else gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Columns of sums, each once whoever asks for it."""

    limits: Limits
    columns: dict[str, list[Named]]

    def exact(self, name: str, value: str, largest: float) -> str:
        """The exact sum of fractions up to ``largest``: SQL that reads it, zero where there is nothing to add."""
        if name not in self.columns:
            grid = make_grid(largest, self.limits.hits, integer=False)
            self.columns[name] = [
                Named(name=c.name, value=c.value) for c in exact_sum(name, Sql(value), grid)
            ]
        return " + ".join(f"coalesce({{0}}.{c.name}, 0)" for c in reversed(self.columns[name]))

    def plain(self, name: str, aggregate: str) -> str:
        """An aggregate of whole numbers: SQL that reads it."""
        self.columns.setdefault(name, [Named(name=identifier(name), value=Sql(aggregate))])
        return f"{{0}}.{identifier(name)}"

    @property
    def listed(self) -> list[Named]:
        """All columns."""
        return [column for columns in self.columns.values() for column in columns]


def gain_of(definition: Definition, grade: str) -> str:
    """The gain of a grade; of money, what the document costs as often as it is wanted."""
    gain = grade if definition.gain == "linear" else f"(pow(2e0, {grade}) - 1)"
    return f"({gain} * h.price)" if definition.kind == "revenue" else gain


def ideal_name(definition: Definition) -> str:
    """The column of the ideal gains of a definition."""
    return f"ideal {definition.gain} {definition.cut or 'all'}"


def ideals(definitions: Iterable[Definition], limits: Limits) -> tuple[list[Named], list[Named]]:
    """Sums over the documents of a query in their ideal order, and the ideals made of them."""
    sums, made = Sums(limits=limits, columns={}), {}
    for definition in definitions:
        if definition.has_ideal:
            name = ideal_name(definition)
            gain = f"{gain_of(definition, 'grade')} * {_DISCOUNT.format('place')}"
            total = sums.exact(name, _within(definition.cut, "place", gain), limits.gain(definition))
            made[name] = Named(name=identifier(name), value=Sql(total.format("s")))
    return sums.listed, list(made.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Formulas:
    """Everything that the statement of the values needs. with_mean: some definition takes the mean over orders."""

    sums: list[Named]
    firsts: list[Named]
    values: list[Named]
    with_mean: bool


def formulas(definitions: Sequence[Definition], names: Sequence[str], limits: Limits) -> Formulas:
    """The SQL of the definitions, whose values go to the columns ``names``."""
    sums = Sums(limits=limits, columns={})
    firsts = Sums(limits=limits, columns={})
    values = [
        Named(name=identifier(name), value=Sql(_value(definition, sums, firsts)))
        for definition, name in zip(definitions, names, strict=True)
    ]
    return Formulas(
        sums=sums.listed,
        firsts=firsts.listed,
        values=values,
        with_mean=any(definition.ties == "expected" for definition in definitions),
    )


def _summed(definition: Definition) -> str:
    """What the sum of discounted gains is called; a share of the ideal is made of the same."""
    return f"{'revenue' if definition.kind == 'revenue' else 'dcg'} {definition.gain}"


def _value(definition: Definition, sums: Sums, firsts: Sums) -> str:
    """The value of a query; of one without relevant documents (of gains: without any gain) none, or zero."""
    value = (
        _mean_order(definition, sums, firsts)
        if definition.ties == "expected"
        else _one_order(definition, sums)
    )
    worth = "q.graded" if definition.has_gain else "q.relevant"
    if definition.has_ideal:
        worth = f"q.{identifier(ideal_name(definition))}"
    empty = "0e0" if definition.empty == "zero" else "null"
    return f"case when {worth} > 0 then {_scaled(definition, value)} else {empty} end"


def _scaled(definition: Definition, value: str) -> str:
    """What was added up, over what it is a share of."""
    if definition.kind == "ndcg":
        return f"({value}) / q.{identifier(ideal_name(definition))}"
    if definition.kind in {"recall", "rprec"}:
        return f"({value}) / cast(q.relevant as double)"
    if definition.kind == "precision":
        return f"({value}) / {literal(float(definition.cut or 1))}"
    if definition.kind == "ap":
        cut = None if definition.denominator == "relevant" else definition.cut
        relevant = (
            "q.relevant" if cut is None else f"case when q.relevant < {cut} then q.relevant else {cut} end"
        )
        return f"({value}) / cast({relevant} as double)"
    return value


def _within(cut: int | str | None, place: str, value: str) -> str:
    """The value of documents up to a place."""
    return f"({value})" if cut is None else f"(case when {place} <= {cut} then {value} else 0 end)"


def _one_order(definition: Definition, sums: Sums) -> str:
    place, found = _PLACE[definition.ties]
    cut: int | str | None = "q.relevant" if definition.kind == "rprec" else definition.cut
    name = f"{definition.ties} {cut or 'all'}"
    if definition.has_gain:
        gain = f"{gain_of(definition, 'h.grade')} * {_DISCOUNT.format(place)}"
        largest = sums.limits.gain(definition)
        return sums.exact(f"{_summed(definition)} {name}", _within(cut, place, gain), largest).format("s")
    if definition.kind == "ap":
        share = f"cast({found} as double) / {place}"
        share = f"case when h.relevant = 1 then {share} else 0 end"
        return sums.exact(f"ap {name}", _within(cut, place, share), 1.0).format("s")
    if definition.kind == "rr":
        first = sums.plain(
            f"first {definition.ties}", f"min(case when h.relevant = 1 then {place} end)"
        ).format("s")
        return f"coalesce({_within(cut, first, f'1e0 / {first}')}, 0e0)"
    counted = sums.plain(f"relevant {name}", f"sum({_within(cut, place, 'h.relevant')})").format("s")
    if definition.kind == "hit":
        return f"case when coalesce({counted}, 0) > 0 then 1e0 else 0e0 end"
    return f"cast(coalesce({counted}, 0) as double)"


def _mean_order(definition: Definition, sums: Sums, firsts: Sums) -> str:
    """The mean over all orders of documents with equal scores."""
    cut: int | str | None = "q.relevant" if definition.kind == "rprec" else definition.cut
    name = f"mean {cut or 'all'}"
    if definition.kind in {"rr", "hit"}:
        chance = "chance" if definition.kind == "hit" else "chance / place"
        return firsts.exact(f"{definition.kind} {name}", _within(cut, "place", chance), 1.0).format("f")
    if definition.has_gain:
        gain = f"{gain_of(definition, 'h.grade')} * {_share('discounts', definition.cut)} / h.size"
        largest = sums.limits.gain(definition)
        return sums.exact(f"{_summed(definition)} {name}", gain, largest).format("s")
    slots = _slots(cut)
    if definition.kind == "ap":
        harmonic = _share("harmonic", definition.cut)
        alike = "(h.alike - 1) / cast(case when h.size > 1 then h.size - 1 else 1 end as double)"
        mean = f"((h.before + 1) * {harmonic} + {alike} * ({slots} - h.first_place * {harmonic})) / h.size"
        return sums.exact(f"ap {name}", f"(case when h.relevant = 1 then {mean} else 0 end)", 1.0).format("s")
    return sums.exact(f"relevant {name}", f"(h.relevant * {slots} / cast(h.size as double))", 1.0).format("s")


def _slots(cut: int | str | None) -> str:
    """How many of the places that tied documents share are in the list, and within the cut-off."""
    if cut is None:
        return "(h.last_place - h.first_place + 1)"
    return (
        f"(case when h.last_place <= {cut} then h.last_place - h.first_place + 1 when h.first_place <= {cut} "
        f"then {cut} - h.first_place + 1 else 0 end)"
    )


def _share(column: str, cut: int | None) -> str:
    """What the places that tied documents share add to a running sum over places, up to the cut-off."""
    if cut is None:
        return f"(t.{column} - b.{column})"
    at_cut = literal(float(getattr(running_sums(cut), column)[cut]))
    return (
        f"(case when h.last_place <= {cut} then t.{column} - b.{column} when h.first_place <= {cut} "
        f"then {at_cut} - b.{column} else 0e0 end)"
    )


class RunningSums(NamedTuple):
    """By place, from 0 on: sums up to there of 1 / log2(place + 1) and of 1 / place, and the factorial's logarithm."""

    discounts: FloatArray
    harmonic: FloatArray
    log_factorial: FloatArray


def running_sums(places: int) -> RunningSums:
    """What the places up to ``places`` add up to."""
    place = np.arange(1.0, places + 1.0)
    return RunningSums(
        discounts=np.concatenate([[0.0], np.cumsum(1.0 / np.log2(place + 1.0))]),
        harmonic=np.concatenate([[0.0], np.cumsum(1.0 / place)]),
        log_factorial=np.array([math.lgamma(n + 1.0) for n in range(places + 1)]),
    )
