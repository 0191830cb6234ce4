"""Offline rows as report and terminal arrange them: by pair of models, with the words for a pair and for a slice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from abgap.records import OfflineRow

Pair: TypeAlias = tuple[str, str | None]


def by_pair(rows: Iterable[OfflineRow]) -> dict[Pair, list[OfflineRow]]:
    """The rows of every model and its baseline, in the order of the rows.

    A model that is held against none is left out where its values stand beside another model, as the baseline.
    """
    pairs: dict[Pair, list[OfflineRow]] = {}
    for row in rows:
        pairs.setdefault((row.model, row.baseline), []).append(row)
    baselines = {baseline for _, baseline in pairs}
    return {(m, b): found for (m, b), found in pairs.items() if b is not None or m not in baselines}


def pair_title(pair: Pair) -> str:
    """Who is held against whom."""
    model, baseline = pair
    return model if baseline is None else f"{model} against {baseline}"


def slice_title(row: OfflineRow) -> str:
    """The slice of a row; empty for one over all examples."""
    return "" if row.slice_name is None else f"{row.slice_name} = {row.slice_value or 'not known'}"
