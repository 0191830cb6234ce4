"""How much a report shows at most, so that thousands of experiments still make one readable file.

The rungs are tried from the top; the first whose HTML fits into ``MOST_BYTES`` is the report. What is left out
is said, and stands in results.json.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_BYTES = 2_000_000
ELSEWHERE = "results.json has all of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is shown at most.

    sections: experiments with a section of their own. models: comparisons of two models with a panel. rows: of any
    other table. sql_chars: of all queries.
    """

    sections: int
    rows: int
    scorecard_rows: int
    slice_rows: int
    offline_slices: int
    points: int
    sql_chars: int
    models: int


LADDER = (
    Limits(
        sections=30,
        rows=200,
        scorecard_rows=60,
        slice_rows=12,
        offline_slices=36,
        points=150,
        sql_chars=36_000,
        models=30,
    ),
    Limits(
        sections=20,
        rows=150,
        scorecard_rows=30,
        slice_rows=14,
        offline_slices=36,
        points=150,
        sql_chars=36_000,
        models=20,
    ),
    Limits(
        sections=8,
        rows=100,
        scorecard_rows=15,
        slice_rows=10,
        offline_slices=24,
        points=100,
        sql_chars=40_000,
        models=10,
    ),
    Limits(
        sections=0,
        rows=40,
        scorecard_rows=0,
        slice_rows=0,
        offline_slices=10,
        points=40,
        sql_chars=0,
        models=3,
    ),
)


def left_out(shown: int, total: int, what: str) -> str:
    """Say how many are not shown, or nothing when all are. what: in the plural."""
    rest = total - shown
    if rest <= 0:
        return ""
    said = f"1 more {_one_of(what)} is" if rest == 1 else f"{rest:,} more {what} are"
    return f"{said} not shown here; {ELSEWHERE}."


def _one_of(what: str) -> str:
    """``models in arms`` becomes ``model in arms``, ``queries`` becomes ``query``."""
    noun, *rest = what.split(" ")
    single = f"{noun[:-3]}y" if noun.endswith("ies") else noun.removesuffix("s")
    return " ".join([single, *rest])
