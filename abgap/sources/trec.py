"""TREC's two text forms, as trec_eval reads them: a run of a system, and judgements (qrels).

Fields stand between any blanks or tabs. Of a run the second field and the rank say nothing; the tag of the run is the
name of the model, and what stands behind it says nothing either. Lines of another number of fields, or whose number is
none, are refused and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """fields: what a line holds, in order; most: of them, or None. number: the field that has to be a number."""

    name: str
    fields: tuple[str, ...]
    number: str
    most: int | None

    @property
    def kept(self) -> tuple[tuple[int, str], ...]:
        """The fields that mean something, with their positions from 1."""
        return tuple((i, name) for i, name in enumerate(self.fields, start=1) if name not in _IGNORED)

    @property
    def shown(self) -> str:
        """The line as its documentation writes it."""
        return " ".join(self.fields)


_IGNORED = ("iteration", "rank")
LAYOUTS: Mapping[str, Layout] = {
    "offline.rankings": Layout(
        name="run",
        fields=("query", "iteration", "document", "rank", "score", "tag"),
        number="score",
        most=None,
    ),
    "offline.judgements": Layout(
        name="qrels", fields=("query", "iteration", "document", "relevance"), number="relevance", most=4
    ),
}
"""By the source of the study."""
