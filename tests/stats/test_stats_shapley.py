from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from abgap.stats.shapley import coalitions, shapley

WORTHS = st.integers(1, 5).flatmap(
    lambda n: st.lists(st.floats(-10.0, 10.0), min_size=2**n, max_size=2**n).map(
        lambda worth: (n, np.array([0.0, *worth[1:]]))
    )
)


def by_orders(worth: np.ndarray, players: int) -> np.ndarray:
    """What each adds, averaged over all orders in which they come."""
    shares = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        there = 0
        for player in order:
            shares[player] += worth[there | (1 << player)] - worth[there]
            there |= 1 << player
    return shares / len(orders)


@given(WORTHS)
def test_it_is_the_average_over_all_orders(made: tuple[int, np.ndarray]) -> None:
    players, worth = made
    np.testing.assert_allclose(shapley(worth, players), by_orders(worth, players), rtol=1e-9, atol=1e-12)


@given(WORTHS)
def test_the_shares_add_up_to_the_whole(made: tuple[int, np.ndarray]) -> None:
    players, worth = made
    assert abs(shapley(worth, players).sum() - worth[-1]) < 1e-12


def test_shapleys_own_example_the_glove_game() -> None:
    # One left glove, two right ones; a pair is worth 1: 2/3 for the left, 1/6 for each of the right ones.
    worth = np.array([float(bool(k & 1) and bool(k & 6)) for k in range(8)])
    np.testing.assert_allclose(shapley(worth, 3), [2 / 3, 1 / 6, 1 / 6], rtol=1e-12)


def test_coalitions_are_numbered_by_their_members() -> None:
    assert coalitions(2).tolist() == [[False, False], [True, False], [False, True], [True, True]]
    assert coalitions(0).shape == (1, 0)


def test_nobody_shares_nothing() -> None:
    assert shapley(np.array([0.0]), 0).shape == (0,)
