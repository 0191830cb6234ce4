"""Recipes as metrics of a first study: on the events and columns that were found, else as comments to be filled in.

An ingredient that is not there is named; the metric then stands in the study with the names such things usually have,
commented out: a metric on the wrong event would be worse than none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from abgap.records import words
from abgap.records.vocabulary import Kind, Role
from abgap.study.guessed_metrics import sql_literal
from abgap.study.guesses import slug
from abgap.study.recipe_terms import Tables, Term, Terms, terms_of, wanted_of
from abgap.study.recipes import Ingredient, Recipe, Shape
from abgap.study.toml import quoted, toml_comment, toml_key, toml_string

_USUAL_FACT = "events"


@dataclass(slots=True, kw_only=True)
class PlacedRecipe:
    """A recipe as a metric of the study. missing: what was not found; then it is only a comment."""

    name: str
    recipe: Recipe
    keys: dict[str, str]
    seen: tuple[str, ...]
    missing: str = ""
    covariate: str | None = None

    @property
    def money(self) -> bool:
        """Whether it is counted in money."""
        return self.recipe.money and not self.missing

    @property
    def measures(self) -> str:
        """No column has the name of a recipe, so nothing is its pre-period twin."""
        return ""

    @property
    def decides(self) -> bool:
        """Whether it may be the primary metric."""
        return not self.missing and self.recipe.role is not Role.GUARDRAIL

    def computes(self, keys: Mapping[str, str]) -> bool:
        """Whether a guess with these keys is the same metric."""
        return {key: toml_string(value) for key, value in keys.items()}.items() <= self.keys.items()

    def lines(self, *, primary: bool) -> list[str]:
        """The metric as a table of the study file."""
        keys = [f"{key} = {text}" for key, text in self.keys.items()]
        lines = [*keys, *self._contract(primary=primary)]
        head = f"[metrics.{toml_key(self.name)}]"
        if self.missing:
            return [toml_comment(f"# {self.missing}"), *(f"# {line}" for line in (head, *lines))]
        seen = words.listed([quoted(name) for name in dict.fromkeys(self.seen)])
        return [f"{head}   # recipe; guess, from {toml_comment(seen)}", *lines]

    def _contract(self, *, primary: bool) -> Iterator[str]:
        recipe = self.recipe
        role = Role.PRIMARY if primary else recipe.role
        if recipe.money:
            yield "money = true"
        if recipe.direction.sign < 0:
            yield 'direction = "down"'
        if role is not Role.SECONDARY:
            yield f'role = "{role.value}"'
        for key in ("smallest_worthwhile_lift", "non_inferiority_margin"):
            border = getattr(recipe, key)
            if border is not None:
                yield f"{key} = {border:g}   # of the recipe: set your own"
        yield f"business = {toml_string(recipe.better)}"
        yield f"business_if_worse = {toml_string(recipe.worse)}"
        yield f"why = {toml_string(recipe.why)}"


def placed(recipe: Recipe, tables: Tables, taken: set[str]) -> PlacedRecipe:
    """The recipe on these tables; its name is added to ``taken``."""
    name = slug(recipe.name, taken, fallback="metric")
    taken.add(name)
    found = terms_of(recipe, tables)
    missing = _missing(recipe, found, tables)
    if missing:
        return PlacedRecipe(
            name=name, recipe=recipe, keys=_usual_keys(recipe, found, tables), seen=(), missing=missing
        )
    facts = [term.fact for term in found.values() if term.fact is not None]
    window = recipe.window_days if tables.has_times(facts) else None
    keys = _keys(recipe, found) | ({} if window is None else {"window_days": str(window)})
    return PlacedRecipe(name=name, recipe=recipe, keys=keys, seen=tuple(term.seen for term in found.values()))


def _missing(recipe: Recipe, found: Terms, tables: Tables) -> str:
    """What was looked for and is not there, in a sentence; nothing when all is."""
    needs = f"The recipe {recipe.name} needs"
    if recipe.shape is Shape.RETENTION and not found and tables.units is None:
        return f"{needs} the time of every exposure and event: give logs that have one, or map it as `at`."
    absent = [wanted for part, wanted in wanted_of(recipe).items() if part not in found]
    if absent:
        kind = "a column" if tables.units is not None else "an event or column"
        names = words.listed([f"{one.name} ({kind} such as {one.such_as})" for one in absent])
        return f"{needs} {names}, not found here: fill in what it is called."
    if recipe.shape is Shape.AVOIDED and len({term.fact for term in found.values()}) > 1:
        tables_found = words.listed([quoted(str(term.fact)) for term in found.values()])
        return f"{needs} both of its events in one table; they are in {tables_found}."
    return ""


def _usual_keys(recipe: Recipe, found: Terms, tables: Tables) -> dict[str, str]:
    """The keys with usual names in place of what was not found."""
    known = next((term.fact for term in found.values() if term.fact is not None), None)
    fact = None if tables.units is not None else known or next(iter(tables.facts), _USUAL_FACT)
    wanted = {"counted": recipe.counted, **wanted_of(recipe)}
    terms = {
        part: found.get(part) or _usual(part, ingredient, fact)
        for part, ingredient in wanted.items()
        if ingredient is not None
    }
    in_one = recipe.shape is Shape.AVOIDED
    keys = _keys(recipe, {part: replace(t, fact=fact) if in_one else t for part, t in terms.items()})
    timed = recipe.window_days is not None and tables.units is None
    return keys | ({"window_days": str(recipe.window_days)} if timed else {})


def _usual(part: str, wanted: Ingredient, fact: str | None) -> Term:
    """An ingredient under the name that it usually has."""
    if fact is None or part == "amount" or wanted.is_id:
        return Term(fact=fact, value=wanted.such_as, seen=wanted.such_as, is_id=wanted.is_id)
    return Term(fact=fact, where=f"event = {sql_literal(wanted.such_as)}", seen=wanted.such_as)


def _keys(recipe: Recipe, found: Terms) -> dict[str, str]:
    """What is computed, as TOML."""
    fact = next(iter(found.values())).fact
    if fact is None:
        return _unit_keys(recipe, found)
    if recipe.shape is Shape.RETENTION:
        return {"kind": _kind(Kind.RETENTION), "fact": toml_string(fact), "from_day": "1", "to_day": "2"}
    if recipe.shape is Shape.UNITS:
        where = found["counted"].where
        condition = {} if where is None else {"where": toml_string(where)}
        return {"kind": _kind(Kind.PROPORTION), "fact": toml_string(fact)} | condition
    top, bottom = _sides(recipe, found)
    return {"kind": _kind(Kind.RATIO), "numerator": _part(top), "denominator": _part(bottom)}


def _kind(kind: Kind) -> str:
    return toml_string(kind.value)


def _sides(recipe: Recipe, found: Terms) -> tuple[Term, Term]:
    """Numerator and denominator over logs."""
    counted = found["counted"]
    if recipe.shape is Shape.TIME:
        known = f"{found['amount'].value} IS NOT NULL"
        rows = replace(counted, where=known if counted.where is None else f"{counted.where} AND {known}")
        return replace(rows, value=found["amount"].value), rows
    over = found["over"]
    if recipe.shape is Shape.AMOUNT:
        return replace(counted, value=found["amount"].value), over
    return (_avoided(counted, over) if recipe.shape is Shape.AVOIDED else counted), over


def _avoided(counted: Term, over: Term) -> Term:
    """What had no ticket: the requests that say so themselves, or all of them less the tickets."""
    if over.where is None:
        return replace(over, where=f"NOT ({counted.where})")
    both = f"{over.where} OR {counted.where}"
    return replace(over, where=both, value=f"CASE WHEN {counted.where} THEN -1 ELSE 1 END")


def _part(term: Term) -> str:
    """One side of a ratio, as an inline table."""
    keys = {"fact": toml_string(term.fact or "")}
    if term.where is not None:
        keys["where"] = toml_string(term.where)
    if term.value is not None:
        keys["value"] = toml_string(term.value)
    keys["aggregate"] = toml_string(
        "count" if term.value is None else "count_distinct" if term.is_id else "sum"
    )
    return "{ " + ", ".join(f"{key} = {text}" for key, text in keys.items()) + " }"


def _unit_keys(recipe: Recipe, found: Terms) -> dict[str, str]:
    """The same over one row per unit."""
    value = {part: term.value or "" for part, term in found.items()}
    if recipe.shape in {Shape.UNITS, Shape.RETENTION}:
        return {"kind": _kind(Kind.PROPORTION), "value": toml_string(value["counted"])}
    if recipe.shape is Shape.TIME:
        return {"kind": _kind(Kind.MEAN), "value": toml_string(value["amount"])}
    top = value["amount"] if recipe.shape is Shape.AMOUNT else value["counted"]
    sides = {
        "numerator": f"{value['over']} - {top}" if recipe.shape is Shape.AVOIDED else top,
        "denominator": value["over"],
    }
    return {"kind": _kind(Kind.RATIO)} | {
        side: f"{{ value = {toml_string(text)} }}" for side, text in sides.items()
    }
