"""The order in which names are listed: as a reader counts, so that arm 10 comes after arm 9."""

from __future__ import annotations

import re

_DIGITS = re.compile("[0-9]+")


def natural_order(name: str) -> tuple[list[tuple[str, int, str]], str]:
    """A sort key that reads runs of digits as numbers; names that count the same are told apart by their text."""
    words = _DIGITS.split(name)
    numbers = [digits.lstrip("0") for digits in _DIGITS.findall(name)]
    return [(word, len(n), n) for word, n in zip(words, [*numbers, ""], strict=True)], name
