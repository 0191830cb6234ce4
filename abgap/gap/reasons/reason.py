"""What a reason is: a name, a test, and, where it needs rows of its own, a query.

Adding one is a module here, a query in ``queries/``, a test with planted truth, and a line in the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from abgap.gap.reasons.case import Case
from abgap.records import Finding, Side
from abgap.study.model import Study

if TYPE_CHECKING:
    from abgap.engine.protocol import Engine, Relation
    from abgap.offline.ranking.evaluate import Ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reason's own query may read.

    pairs: (model, baseline) that the study compares. open_rankings: puts the values per query of computed ranking
    metrics into the engine and says where; call it before reading them.
    """

    engine: Engine
    study: Study
    directory: Path
    pairs: tuple[tuple[str, str], ...]
    open_rankings: Callable[[], Ranked | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason. judge: pure, from records to a finding. side: for the budget.

    read: runs its own query and gives a record that the cache can keep (its classes are listed in
    ``pipeline/plain.py``), None when there is nothing to read. sources: keys of the sources that ``read`` opens, parts:
    of the study that it depends on. relations: the sources that were opened in it, by key.
    """

    name: str
    title: str
    judge: Callable[[Case], Finding]
    side: Side = Side.ONLINE
    read: Callable[[Reading], object] | None = None
    sources: tuple[str, ...] = ()
    parts: tuple[str, ...] = ("study", "offline", "offline_metrics", "gap", "experiments")
    relations: Callable[[object], Mapping[str, Relation]] = field(default=lambda _: {})
