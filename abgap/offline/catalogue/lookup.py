"""Finds a metric by any of its names: of this catalogue, of other tools, with a cut-off, with a split in front.

What a name does not tell is not made up: a name that nobody knows has no entry and no best value. Only the direction
of such a name is guessed, from its last word.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import NamedTuple

from abgap.offline.catalogue import (
    binary,
    clustering,
    generation,
    multiclass,
    online,
    ranking,
    regression,
    serving,
    vision,
)
from abgap.offline.catalogue.entry import Cutoff, MetricEntry, Task
from abgap.records.vocabulary import Direction

_MODULES = (ranking, binary, multiclass, regression, clustering, generation, vision, online, serving)
_CUTOFF = re.compile(r"(?P<base>.+?)(?:@|_at_)(?P<k>\d+)\Z|(?P<trec>.+?)_(?P<depth>\d+)\Z")
_SPLIT = re.compile(r"(?:train|training|val|valid|validation|test|testing|eval|dev|holdout)[/_.: -]+(?=.)")
_SEPARATORS = r"[/_.: -]"
_LESS_IS_BETTER = frozenset(
    ("loss", "error", "errors", "cost", "costs", "perplexity", "latency", "fpr", "fnr", "wer", "cer")
)
# At which threshold decisions were made is no part of what the metric is.
_THRESHOLD = re.compile(r"@(?:cost-optimal|0?\.\d+)\Z")


class ParsedMetric(NamedTuple):
    """A metric's name apart: base, as the catalogue has it where it is known, and cut-off."""

    base: str
    k: int | None


def all_metrics() -> tuple[MetricEntry, ...]:
    """Every entry, task by task."""
    return tuple(entry for module in _MODULES for entry in module.ENTRIES)


def metrics_of_task(task: Task | str) -> tuple[MetricEntry, ...]:
    """The entries of a task, in the order of the catalogue."""
    return tuple(entry for entry in all_metrics() if Task(task) in entry.tasks)


def find_metric(name: str) -> MetricEntry | None:
    """The entry that a name means, None when there is none: ``nDCG@10``, ``P_5``, ``val_auc``, ``recip_rank``."""
    found = _read(name)
    return None if found is None else found[0]


def parse_metric(name: str) -> ParsedMetric:
    """Base and cut-off of a name: ``ndcg@10`` is ``("ndcg", 10)``, ``P_5`` is ``("precision", 5)``.

    Of a name that the catalogue does not know, what stands before ``@`` is the base: ``freshness@10``.
    """
    found = _read(name)
    if found is not None:
        return ParsedMetric(found[0].base, found[1])
    base, at, k = name.rpartition("@")
    known = at and base and k.isascii() and k.isdigit() and int(k) > 0
    return ParsedMetric(base, int(k)) if known else ParsedMetric(name, None)


def direction_of(name: str) -> Direction:
    """Which way is better: of the catalogue's entry, also behind a prefix (``purchase_ndcg@10``).

    Of a name that is not known: down when its last word is a loss, an error or a cost, up otherwise.
    """
    entry = _entry_behind_prefix(name)
    if entry is not None:
        return entry.direction
    last = re.split(_SEPARATORS, _folded(name).partition("@")[0])[-1]
    return Direction.DOWN if last in _LESS_IS_BETTER else Direction.UP


def best_value(name: str) -> float | None:
    """The best value that a metric can have; None when it has none, or is not known."""
    entry = _entry_behind_prefix(name)
    return None if entry is None else entry.best


def worst_value(name: str) -> float | None:
    """The worst value that a metric can have; None when it has no end there, two of them, or is not known."""
    entry = _entry_behind_prefix(name)
    if entry is None or entry.two_sided:
        return None
    return entry.low if entry.direction is Direction.UP else entry.high


def is_two_sided(name: str) -> bool:
    """Whether a metric is the better the nearer it is to its best value, from either side."""
    entry = _entry_behind_prefix(name)
    return entry is not None and entry.two_sided


def nearest_names(name: str, n: int = 3) -> list[str]:
    """Names of the catalogue that look like ``name``, nearest first."""
    folded = _folded(name)
    close = difflib.get_close_matches(folded, _names(), n=3 * n, cutoff=0.6)
    return list(dict.fromkeys(_names()[key].name for key in close))[:n]


def _folded(name: str) -> str:
    return name.strip().casefold().replace(" ", "_")


@cache
def _names() -> dict[str, MetricEntry]:
    """Names and aliases as they are looked up; those that only hold with a cut-off end in ``@k``."""
    known: dict[str, MetricEntry] = {}
    for entry in all_metrics():
        for written in (entry.name, *entry.aliases):
            name = _folded(written)
            bare = name.removesuffix("@k")
            if entry.cutoff is not Cutoff.NONE:
                known.setdefault(f"{bare}@k", entry)
            if bare == name or (entry.cutoff is Cutoff.OPTIONAL and written == entry.name):
                known.setdefault(bare, entry)
    return known


@cache
def _read(name: str) -> tuple[MetricEntry, int | None] | None:
    folded = _folded(name)
    plain = _SPLIT.sub("", folded, count=1)
    for candidate in dict.fromkeys((folded, plain, _THRESHOLD.sub("", plain))):
        if candidate in _names():
            return _names()[candidate], None
        found = _CUTOFF.match(candidate)
        if found is not None:
            base, k = (found["base"], found["k"]) if found["base"] else (found["trec"], found["depth"])
            entry = _names().get(f"{base}@k")
            if entry is not None and int(k) > 0:
                return entry, int(k)
    return None


def _entry_behind_prefix(name: str) -> MetricEntry | None:
    """The entry of a name, or of its end behind an underscore, a slash or a dot: ``shop/purchase_ndcg@10``."""
    rest = name
    while rest:
        entry = find_metric(rest)
        if entry is not None:
            return entry
        parts = re.split(_SEPARATORS, rest, maxsplit=1)
        rest = parts[1] if len(parts) == 2 else ""
    return None
