"""Numbers drawn for units: from a hash of their ids, so that they are the same on every engine and in every run.

The first 32 bits of the MD5 of a text are as good as random, and known to all engines. A unit's permanent fold comes
from its id alone; what a study draws comes from its seed and the id.
"""

from __future__ import annotations

from abgap.sources.sql import Sql

FOLDS = 10
"""How many permanent folds there are."""


def hash_of(text: Sql) -> Sql:
    """A whole number from 0 to 2^32 - 1 out of a text; null of null. Engines have the form in words of their own."""
    return Sql(f"cast('0x' || substring(md5({text}), 1, 8) as bigint)")


def fold_of(unit: Sql) -> Sql:
    """The permanent fold of a unit, 0 to 9, out of its id as text."""
    return Sql(f"{hash_of(unit)} % {FOLDS}")
