"""Rows of the moments table that say how metrics of the same units go together: what they are called, and read back.

The ``metric`` of such a row is a JSON list of entries: the name of a metric, or the name of a metric and a number for
its covariate at this place, counted from 1: ``["revenue", ["revenue", 1], "ctr"]``. ``stage_means`` has the mean of
every entry (of a ratio its value), ``stage_covariances`` the covariances of the units' values (of a ratio
``(y - r x) / mean x``), row by row: divided by ``n`` they are the covariances of the means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from abgap.online.codes import is_null, is_whole
from abgap.records import Moments
from abgap.stats.moments import Joint

# A metric, or one of its covariates by its place from 1 on.
Entry: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossMoments:
    """Arms that have the same entries. joint: their moments, arms first. where: row by experiment and variant."""

    entries: tuple[Entry, ...]
    joint: Joint
    where: Mapping[tuple[str, str], int]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics among the entries."""
        return tuple(name for name, place in self.entries if place == 0)


def entries_name(entries: Sequence[Entry]) -> str:
    """What the row of these entries is called, in the column ``metric``."""
    return json.dumps([[name, place] if place else name for name, place in entries], ensure_ascii=False)


def named_entries(name: object) -> tuple[Entry, ...] | None:
    """The entries that a row holds, of which there are no two alike; None when its name is no list of entries."""
    if not isinstance(name, str) or not name.startswith("["):
        return None
    try:
        found = json.loads(name)
    except ValueError:
        return None
    entries = [_entry(item) for item in found] if isinstance(found, list) else []
    known = tuple(entry for entry in entries if entry is not None)
    return known if known and len(set(known)) == len(entries) else None


def _entry(item: object) -> Entry | None:
    match item:
        case str():
            return item, 0
        case [str(name), int(place)] if place > 0:
            return name, place
        case _:
            return None


def read_cross_moments(moments: Moments) -> tuple[CrossMoments, ...]:
    """The rows of whole arms by what they hold, those with the most entries first."""
    groups: dict[tuple[Entry, ...], list[int]] = {}
    entries: dict[str, tuple[Entry, ...] | None] = {}
    told = ~is_null(moments.stage_means) & ~is_null(moments.stage_covariances) & is_whole(moments)
    for row in np.flatnonzero(told).tolist():
        means, name = moments.stage_means[row], moments.metric[row]
        found = entries.setdefault(name, named_entries(name))
        if found is not None and len(means) == len(found):
            groups.setdefault(found, []).append(row)
    ordered = sorted(groups.items(), key=lambda group: -len(group[0]))
    return tuple(_grouped(moments, found, rows) for found, rows in ordered)


def _grouped(moments: Moments, entries: tuple[Entry, ...], rows: Sequence[int]) -> CrossMoments:
    size = len(entries)
    square = np.array([moments.stage_covariances[row] for row in rows], dtype=np.float64)
    return CrossMoments(
        entries=entries,
        joint=Joint(
            n=np.array([moments.n[row] for row in rows], dtype=np.float64),
            means=np.array([moments.stage_means[row] for row in rows], dtype=np.float64),
            covariances=square.reshape(len(rows), size, size),
        ),
        where={(moments.experiment[row], moments.variant[row]): at for at, row in enumerate(rows)},
    )
