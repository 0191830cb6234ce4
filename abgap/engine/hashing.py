"""Numbers drawn for units: from a hash of their ids, so that they are the same on every engine and in every run.

The first 32 bits of the MD5 of a text are as good as random, and known to all engines. A unit's permanent fold comes
from its id alone; what a study draws comes from its seed and the id.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.engine.protocol import Engine, Given
from abgap.sources.sql import Sql, literal
from abgap.stats.streams import named_stream

FOLDS = 10
"""How many permanent folds there are."""

PRIME = 2**31 - 1
"""Units and draws are numbers below this prime: products of two of them are exact in 64 bits."""


def hash_of(text: Sql) -> Sql:
    """A whole number from 0 to 2^32 - 1 out of a text; null of null. Engines have the form in words of their own."""
    return Sql(f"cast('0x' || substring(md5({text}), 1, 8) as bigint)")


def number_of_unit(unit: Sql, seed: int) -> Sql:
    """A number below ``PRIME`` out of the seed and a unit's id as text: what all its draws are made from."""
    prefix = literal(f"{seed}:")
    return Sql(f"{hash_of(Sql(f'{prefix} || {unit}'))} % {PRIME}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Maps of the numbers of units: draw b of unit h is ``(factor_b h + shift_b) mod PRIME``, uniform below it.

    Over the draws every two units are independent of each other, so that variances of sums over units are
    exact; over units of random numbers a draw is as good as one of independent numbers (Carter and Wegman 1979).
    """

    factor: npt.NDArray[np.int64]
    shift: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.factor)

    def take(self, first: int, last: int) -> Draws:
        """Draws ``first`` to before ``last``."""
        return Draws(factor=self.factor[first:last], shift=self.shift[first:last])


def make_draws(seed: int, count: int, *, purpose: str) -> Draws:
    """The draws of a study. purpose: what they are for; other purposes get other draws.

    Raw output of PCG64, which stays the same in all versions of numpy.
    """
    raw = named_stream(seed, purpose).random_raw(2 * count).astype(np.uint64)
    factor = raw[:count] % np.uint64(PRIME - 1) + np.uint64(1)
    return Draws(factor=factor.astype(np.int64), shift=(raw[count:] % np.uint64(PRIME)).astype(np.int64))


def drawn_number(unit: Sql, factor: Sql, shift: Sql) -> Sql:
    """The draw of a unit's number, uniform below ``PRIME``."""
    return Sql(f"({factor} * {unit} + {shift}) % {PRIME}")


def put_draws(engine: Engine, name: str, draws: Draws, *, first: int = 0) -> None:
    """Make a table of draws, which are counted from ``first`` on."""
    columns = {
        "draw": range(first, first + len(draws)),
        "factor": draws.factor.tolist(),
        "shift": draws.shift.tolist(),
    }
    engine.put_table(name, {c: Given(type="BIGINT", values=list(values)) for c, values in columns.items()})


def fold_of(unit: Sql) -> Sql:
    """The permanent fold of a unit, 0 to 9, out of its id as text."""
    return Sql(f"{hash_of(unit)} % {FOLDS}")
