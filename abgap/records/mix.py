"""How live traffic divides by what is known of it, to be held against the test set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMix:
    """The live traffic of an experiment by the values of one slice.

    experiment: None for all traffic. counts: by value, None where it is not known. noun: of what is counted, in the
    plural. draws: how many independent ones stand behind the counts (units, where requests of one unit are alike); None
    when each that is counted is one.
    """

    experiment: str | None
    slice_name: str
    counts: Mapping[str | None, int]
    noun: str
    draws: int | None = None
