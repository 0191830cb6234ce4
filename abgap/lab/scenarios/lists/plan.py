"""What one experiment of the world "lists" is planned to be: healthy as it stands, with one thing changed.

Every query of the test set has one item that was clicked and one that was bought; in half of the queries they are the
same. The live model puts them anywhere, so that every place is equally likely; the new model takes the list of the live
one and swaps the clicked or the bought item with the first of the list (or, where it is worse, with the last). What
that is worth in NDCG follows from the chances of a swap, exactly, and the chances from what it shall be worth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

LENGTH = 5
NDCG, HIT = "ndcg@5", "hit@10"
WORTH = tuple(1.0 / math.log2(1.0 + place) for place in range(1, LENGTH + 1))
"""NDCG of a list whose one relevant item has this place."""
BROWSED = 0.5
"""Share of queries in which another item is bought than is clicked."""
DEEP, SEEN, LOOKED_AT = 12, 10, 5
"""Of the plan of deep lists: length, the cut-off of its metric, and how far down customers really look."""
EXAMINED = (1.0, 0.6, 0.4, 0.3, 0.22, 0.2, 0.18, 0.16, 0.15, 0.14, 0.13, 0.12)
"""Chance that an item is looked at where it was shown when clicks were collected."""
TOP = 2
"""So many positions of these are the top."""
EXPECTED, FLAT = 0.084, 0.08
"""The lift that the claimed gain should bring; and the gain that would bring it where none is claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """Gains in NDCG. same: where one item is clicked and bought; clicked, bought: of either where they differ."""

    same: float
    clicked: float
    bought: float

    @property
    def of_clicks(self) -> float:
        """By the labels of clicks."""
        return (1.0 - BROWSED) * self.same + BROWSED * self.clicked

    @property
    def of_purchases(self) -> float:
        """By the labels of purchases."""
        return (1.0 - BROWSED) * self.same + BROWSED * self.bought


def even(gain: float) -> Gains:
    """The same gain whatever is clicked or bought."""
    return Gains(same=gain, clicked=gain, bought=gain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """Of swaps in one query. up: whether with the first item of the list, else with the last."""

    clicked: float
    bought: float
    up: bool


def chances_of(gains: Gains, *, same: bool) -> Chances:
    """The chances of swaps that are worth these gains. Gains of both items have one sign, or a bought one nearly 0.

    A swap of one item moves the other in one list out of five, namely where that stands at the other end.
    """
    up = gains.same >= 0.0 if same else gains.clicked >= 0.0
    step = sum(WORTH[0] - w for w in WORTH[1:]) if up else sum(w - WORTH[-1] for w in WORTH[:-1])
    own, other = step / LENGTH, step / (LENGTH - 1) / LENGTH
    if same:
        return Chances(clicked=abs(gains.same) / own, bought=0.0, up=up)
    clicked, bought = (gain if up else -gain for gain in (gains.clicked, gains.bought))
    size = own * own - other * other
    return Chances(
        clicked=(own * clicked + other * bought) / size, bought=(own * bought + other * clicked) / size, up=up
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One experiment. top, low: gains where the clicked item was shown high up, or low, when clicks were collected.

    served: the share of swaps that the service makes too. logged: whether live lists are logged. reason: the planted
    one, if any. deep: None, or of lists of ``DEEP`` items judged by ``HIT``, the share of what comes into the first
    ``SEEN`` places that does not come into the first ``LOOKED_AT``.
    """

    top: Gains = field(default_factory=lambda: even(0.05))
    low: Gains = field(default_factory=lambda: even(0.05))
    served: float = 1.0
    logged: bool = False
    deep: float | None = None
    reason: str | None = None
    users: int = 3_000
    queries: int = 1_200
    requests: int = 2_000

    @property
    def metric(self) -> str:
        """That the gain is claimed in."""
        return NDCG if self.deep is None else HIT

    @property
    def length(self) -> int:
        """Items of a list."""
        return LENGTH if self.deep is None else DEEP

    def _groups(self, *, seen: bool) -> Iterator[tuple[float, Gains]]:
        """Gains with their shares. seen: among collected clicks, and not among all relevant items."""
        chances = EXAMINED[: self.length] if seen else (1.0,) * self.length
        share = sum(chances[:TOP]) / sum(chances)
        yield share, self.top
        yield 1.0 - share, self.low

    @property
    def claimed_gain(self) -> float:
        """By the clicks that were collected."""
        return sum(share * gains.of_clicks for share, gains in self._groups(seen=True))

    @property
    def weighted_gain(self) -> float:
        """By clicks as they would be if everything was looked at."""
        return sum(share * gains.of_clicks for share, gains in self._groups(seen=False))

    @property
    def purchase_gain(self) -> float:
        """By the purchases of the test set."""
        return sum(share * gains.of_purchases for share, gains in self._groups(seen=True))

    @property
    def rate(self) -> float:
        """Lift of revenue per unit of gain, declared and true: every gain should bring the same."""
        return EXPECTED / (self.claimed_gain or FLAT)

    @property
    def expected(self) -> float:
        """What the claimed gain should bring."""
        return self.rate * self.claimed_gain

    @property
    def true_lift(self) -> float:
        """What the treatment brings."""
        left = {
            "position_bias": self.weighted_gain,
            "proxy_label": self.purchase_gain,
            "train_serve_skew": self.served * self.claimed_gain,
            "definition": (1.0 - (self.deep or 0.0)) * self.claimed_gain,
        }
        return self.rate * left.get(self.reason or "", self.claimed_gain)

    @property
    def amounts(self) -> dict[str, float | None]:
        """The lift that the planted reason takes away."""
        return {} if self.reason is None else {self.reason: self.expected - self.true_lift}
