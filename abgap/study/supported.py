"""What the study file may say already, although this version of abgap cannot do it yet.

Such a part is refused in words, with exit code 2. Leaving it out of the numbers in silence would be worse
than having no numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from abgap import __version__
from abgap.study.flaws import Draft, Flaw
from abgap.study.rules.sources import declared_sources
from abgap.study.toml import Loc


def _unsupported(loc: Loc, what: str, *, instead: str = "remove it") -> Flaw:
    return Flaw(loc, f"{what} not supported yet by abgap {__version__}", instead)


def unsupported_parts(draft: Draft) -> Iterator[Flaw]:
    """Every part of the draft that this version would have to ignore."""
    study = draft.study
    if study.gap.latency_elasticity_per_100ms is not None:
        yield _unsupported(("gap", "latency_elasticity_per_100ms"), "the share of latency in the gap is")
    yield from _unsupported_sources(draft)


def _unsupported_sources(draft: Draft) -> Iterator[Flaw]:
    for loc, source in declared_sources(draft):
        if loc[0] == "offline" and loc[1] != "scores":
            instead = "bring ready-made values in [offline.scores]"
            yield _unsupported(loc, f"offline metrics from raw {loc[1]} are", instead=instead)
        elif source.format == "trec":
            yield _unsupported((*loc, "format"), 'format = "trec" is', instead="use parquet, csv or json")
