"""Which events and columns of the tables given to ``abgap init`` are the ingredients of a recipe.

A log of events is searched for names of events, then any log for yes/no columns (one row per request, as prediction
logs are); one row per unit is searched for columns. Names are compared word by word, so that other words around them do
no harm; what is found is a guess, and marked as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from abgap.study.guessed_metrics import sql_identifier, sql_literal
from abgap.study.guesses import TableGuess
from abgap.study.profiles import ColumnProfile, words_of
from abgap.study.recipes import Ingredient, Recipe, Shape

_LONG_STEM = 6
_PAYING = (Shape.AMOUNT, Shape.TIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """An ingredient as it was found.

    fact: its table, None where columns are finished values of units. where: the rows that count, None for all of them.
    value: a column. seen: what it was read off. is_id: whether different values are counted, not rows.
    """

    fact: str | None
    where: str | None = None
    value: str | None = None
    seen: str
    is_id: bool = False


Terms = Mapping[str, Term]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Where ingredients are looked for: one row per unit, or else fact tables. timed: whether exposures have a time."""

    facts: Mapping[str, TableGuess]
    units: TableGuess | None
    timed: bool

    def has_times(self, facts: Sequence[str]) -> bool:
        """Whether exposures and the rows of these tables say when."""
        return self.timed and bool(facts) and all("at" in self.facts[name].roles for name in facts)


def wanted_of(recipe: Recipe) -> dict[str, Ingredient]:
    """What a recipe cannot do without, by its part; the days of a log are all that a retention needs."""
    parts = {"counted": recipe.counted, "amount": recipe.amount, "over": recipe.over}
    if recipe.shape in _PAYING:
        parts.pop("counted")
    return {part: wanted for part, wanted in parts.items() if wanted is not None}


def terms_of(recipe: Recipe, tables: Tables) -> dict[str, Term]:
    """The ingredients that are there, by their part."""
    if tables.units is not None:
        return _unit_columns(recipe, tables.units)
    if recipe.shape is Shape.RETENTION:
        timed = [name for name in tables.facts if tables.has_times([name])]
        return {"counted": Term(fact=timed[0], seen=timed[0])} if timed else {}
    found: dict[str, Term] = {}
    if recipe.counted is not None and (term := _in_logs("counted", recipe.counted, tables.facts, None)):
        found["counted"] = term
    for part, wanted in wanted_of(recipe).items():
        before = found.get("counted")
        if part not in found and (term := _in_logs(part, wanted, tables.facts, before)):
            found[part] = term
    if recipe.shape in _PAYING and (amount := found.get("amount")):
        found["counted"] = _paying(found.get("counted"), amount)
    return found


def _paying(counted: Term | None, amount: Term) -> Term:
    """The rows whose amounts are added up: those of the event, all rows where it stands in another table."""
    if counted is not None and counted.fact == amount.fact:
        return counted
    return Term(fact=amount.fact, seen=amount.seen)


def _unit_columns(recipe: Recipe, units: TableGuess) -> dict[str, Term]:
    """Finished columns: numbers, or yes and no where units are counted."""
    yes_no = recipe.shape in {Shape.UNITS, Shape.RETENTION}
    fitting = [c for c in units.outcomes if (c.is_binary if yes_no else c.is_number and not c.is_binary)]
    found = {}
    for part, wanted in wanted_of(recipe).items():
        name = best_name(wanted, {column.name: column.words for column in fitting})
        if name is not None:
            found[part] = Term(fact=None, value=sql_identifier(name), seen=name)
    return found


def _in_logs(
    part: str, wanted: Ingredient, facts: Mapping[str, TableGuess], before: Term | None
) -> Term | None:
    """The ingredient in the first table that has it; the table of what was found before comes first."""
    order = sorted(facts, key=lambda name: before is not None and name != before.fact)
    found = (_in_fact(part, wanted, name, facts[name], before) for name in order)
    return next((term for term in found if term is not None), None)


def _in_fact(part: str, wanted: Ingredient, name: str, fact: TableGuess, before: Term | None) -> Term | None:
    columns = [column for column in fact.table.columns if column.name]
    if part == "amount":
        return _column(wanted, name, [c for c in columns if c.is_number and not c.is_binary])
    if wanted.is_id and (term := _column(wanted, name, [c for c in columns if _may_be_id(c)])):
        return replace(term, is_id=True)
    event = fact.roles.get("event")
    if event is not None and (term := _event(wanted, name, event, before)):
        return term
    if part == "over" and event is None and before is not None and before.fact == name and before.where:
        return Term(fact=name, seen=name)
    flag = best_name(wanted, {c.name: c.words for c in columns if c.is_binary})
    if part == "counted" and flag is not None:
        return Term(fact=name, where=_yes(next(c for c in columns if c.name == flag)), seen=flag)
    named = best_name(wanted, {name: words_of(name)})
    return Term(fact=name, seen=name) if named and event is None else None


def _may_be_id(column: ColumnProfile) -> bool:
    return column.type in {"text", "integer"} and not column.is_binary


def _yes(column: ColumnProfile) -> str:
    return sql_identifier(column.name) + ("" if column.type == "boolean" else " = 1")


def _column(wanted: Ingredient, fact: str, columns: Sequence[ColumnProfile]) -> Term | None:
    name = best_name(wanted, {column.name: column.words for column in columns})
    return None if name is None else Term(fact=fact, value=sql_identifier(name), seen=name)


def _event(wanted: Ingredient, fact: str, event: ColumnProfile, before: Term | None) -> Term | None:
    """The kind of event with a fitting name; of several the one most like what was found before."""
    values = {value: words_of(value) for value in event.examples if before is None or value != before.seen}
    name = best_name(wanted, values, like=() if before is None else words_of(before.seen))
    if name is None:
        return None
    return Term(fact=fact, where=f"{sql_identifier(event.name)} = {sql_literal(name)}", seen=name)


def best_name(
    wanted: Ingredient, names: Mapping[str, tuple[str, ...]], *, like: Sequence[str] = ()
) -> str | None:
    """The name that fits best: most words in common with ``like``, then the surest stem, then the order given."""
    fitting = [
        (-len(set(parts) & set(like)), place, name)
        for name, parts in names.items()
        for place, stem in enumerate(wanted.stems)
        if _has(parts, stem) and not any(_has(parts, other) for other in wanted.unless)
    ]
    return min(fitting, key=lambda one: one[:2])[2] if fitting else None


def _has(parts: Sequence[str], stem: str) -> bool:
    """Whether a word begins with the stem; a long stem may also stand inside of words that are written together."""
    within = len(stem) >= _LONG_STEM and stem in "".join(parts)
    return within or any(part.startswith(stem) for part in parts)
