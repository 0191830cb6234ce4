"""The ready-made metrics as a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from abgap.cli.terminal import Terminal, columns
from abgap.records import words
from abgap.study.recipe_terms import wanted_of
from abgap.study.recipes import Recipe

_HEAD = columns(
    "recipe", "what it is", "better", "says to the business", "needs", "kind", "role", ">border",
    spare=("kind", "role", "border", "needs"),
)  # fmt: skip


def show_recipes(recipes: Sequence[Recipe]) -> None:
    """One line per recipe."""
    out = Terminal()
    out.table(_HEAD, [_row(recipe) for recipe in recipes])
    out.line()
    out.line(("abgap init FILES --recipe NAME places one on what the files hold.", "dim"))
    out.show()


def _row(recipe: Recipe) -> list[str]:
    better = "more" if recipe.direction.sign > 0 else "less"
    return [
        recipe.name, recipe.summary, better, recipe.better, needs(recipe), recipe.kind.value, recipe.role.value,
        words.declared_percent(border(recipe)),
    ]  # fmt: skip


def needs(recipe: Recipe) -> str:
    """The ingredients in words."""
    return words.listed([wanted.name for wanted in wanted_of(recipe).values()])


def border(recipe: Recipe) -> float:
    """What a change is held against: the margin of a guardrail, else the smallest worthwhile lift."""
    return recipe.non_inferiority_margin or recipe.smallest_worthwhile_lift or 0.0
