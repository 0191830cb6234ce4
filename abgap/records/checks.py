"""How data checks are put into words: one builder of records and one way to list names, for every floor."""

from __future__ import annotations

from collections.abc import Sequence

from abgap.records.results import Check
from abgap.records.vocabulary import Status

MOST_NAMES = 8


def make_check(
    name: str,
    experiment: str | None,
    status: Status,
    sentence: str,
    *,
    value: float | None = None,
    threshold: float | None = None,
    sql: str | None = None,
    blocking: bool = False,
) -> Check:
    """A check record; what a check does not have is None."""
    return Check(
        name=name,
        experiment=experiment,
        status=status,
        value=value,
        threshold=threshold,
        sentence=sentence,
        sql=sql,
        blocking=blocking,
    )


def quoted_names(names: Sequence[str]) -> str:
    """Names out of the data, quoted and joined; of very many the first."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(repr(name) for name in names[:MOST_NAMES]) + more
