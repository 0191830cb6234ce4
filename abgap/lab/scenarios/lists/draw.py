"""Queries of one experiment of the world "lists": who stands where in either model's list, and what was clicked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abgap.lab.scenarios.lists.plan import (
    BROWSED,
    DEEP,
    EXAMINED,
    LENGTH,
    LOOKED_AT,
    SEEN,
    TOP,
    Gains,
    Plan,
    chances_of,
)
from abgap.lab.scenarios.visits import Floats, Ints, Mask

CLICKED, BOUGHT = 0, 1
"""Numbers of these items in every query; where they are the same item, it is the first."""
SHUFFLED = 0.25
"""Share of queries, out of those without a swap, in which the new model orders items in a way of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """Queries, each with as many items. same: whether the clicked item is bought.

    shown: position of every item when clicks were collected, (n, items), from 1.
    """

    same: Mask
    shown: Ints

    def __len__(self) -> int:
        return len(self.same)

    @property
    def length(self) -> int:
        """Items of a query."""
        return int(self.shown.shape[1])

    @property
    def bought(self) -> Ints:
        """The number of the item that is bought."""
        return np.where(self.same, CLICKED, BOUGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """Places of the items in the lists of either model, (n, items), from 1. served: as the service makes new ones."""

    live: Ints
    new: Ints
    served: Ints


def draw_queries(rng: np.random.Generator, plan: Plan, n: int, *, seen: bool) -> Queries:
    """seen: whether queries are in the test set, because their relevant item was looked at and clicked.

    Shares are met exactly, so that models that are judged by the same queries do not share any luck with them.
    """
    browsed = 0.0 if plan.deep is not None else BROWSED
    chances = np.array(EXAMINED[: plan.length]) if seen else np.ones(plan.length)
    ends = np.round(np.cumsum(chances) / chances.sum() * n)
    of_clicked = rng.permutation(1 + np.searchsorted(ends, np.arange(n), side="right"))
    return Queries(
        same=np.asarray(rng.permutation(n) >= round(browsed * n)),
        shown=_swapped(_places(rng, n, plan.length), np.full(n, CLICKED), of_clicked),
    )


def draw_lists(rng: np.random.Generator, plan: Plan, queries: Queries) -> Lists:
    """The lists of both models of one experiment."""
    live = _places(rng, len(queries), queries.length)
    if plan.deep is not None:
        return _deep(rng, plan, plan.deep, live)
    item, up = _swaps(rng, plan, queries)
    ends = np.where(up, 1, LENGTH)
    new = _swapped(live, item, ends)
    own = (item < 0) & (rng.random(len(queries)) < SHUFFLED)
    new[own] = _places(rng, int(own.sum()), LENGTH)
    kept = np.where(rng.random(len(queries)) < plan.served, item, -1)
    served = _swapped(live, kept, ends)
    served[own] = new[own]
    return Lists(live=live, new=new, served=served)


def _deep(rng: np.random.Generator, plan: Plan, deep: float, live: Ints) -> Lists:
    """Long lists, where the new model brings what was clicked from the very end into the places that count."""
    n = len(live)
    moved = (live[:, CLICKED] > SEEN) & (rng.random(n) < plan.claimed_gain * DEEP / (DEEP - SEEN))
    far = rng.random(n) < deep
    to = np.where(far, rng.integers(LOOKED_AT + 1, SEEN + 1, n), rng.integers(1, LOOKED_AT + 1, n))
    new = _swapped(live, np.where(moved, CLICKED, -1), to)
    return Lists(live=live, new=new, served=new)


def scores_of(rng: np.random.Generator, places: Ints) -> Floats:
    """Scores (n, items) that put items in these places."""
    return np.asarray(np.round(places.shape[1] - places + rng.uniform(0.0, 0.9, places.shape), 4))


def _places(rng: np.random.Generator, n: int, length: int) -> Ints:
    return np.asarray(rng.permuted(np.tile(np.arange(1, length + 1), (n, 1)), axis=1))


def _swaps(rng: np.random.Generator, plan: Plan, queries: Queries) -> tuple[Ints, Mask]:
    """The item that the new model swaps in every query (-1 for none), and whether with the first of the list."""
    same, top = queries.same, queries.shown[:, CLICKED] <= TOP
    item, up = np.full(len(same), -1), np.ones(len(same), dtype=np.bool_)
    chance = rng.random(len(same))
    for in_top, gains in ((True, plan.top), (False, plan.low)):
        for is_same in (True, False):
            rows = (top == in_top) & (same == is_same)
            found = _chosen(chance[rows], gains, is_same=is_same)
            item[rows], up[rows] = found
    return item, up


def _chosen(chance: Floats, gains: Gains, *, is_same: bool) -> tuple[Ints, bool]:
    of = chances_of(gains, same=is_same)
    item = np.where(chance < of.clicked, CLICKED, np.where(chance < of.clicked + of.bought, BOUGHT, -1))
    return item, of.up


def _swapped(places: Ints, item: Ints, end: Ints) -> Ints:
    """Places with an item of every query in the place ``end``, and what was there in its own; -1 leaves them."""
    changed = places.copy()
    rows = np.flatnonzero(item >= 0)
    own, other = item[rows], np.argmax(places[rows] == end[rows][:, None], axis=1)
    changed[rows, other] = places[rows, own]
    changed[rows, own] = end[rows]
    return changed
