"""Where the time goes: the sections of the page that explain a goal that is not reached.

A profiled run of abgap beside one of the hand-written statement: outside of DuckDB by what is imported, inside by
statement and by operator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.report.findings import BASE, Results
from benchmarks.report.markdown import multiple, table

_COMMANDS = {"abgap_moments": "abgap export moments", "abgap_offline": "abgap offline"}
SMALL_SHARE = 0.02
MOST_PACKAGES = 8
TEXT = """## Where the time goes: {workload}

Of a profiled run of `{command}`, {ours:.0%} is outside of DuckDB: imports, compiling queries, statistics,
writing. By hand that is {by_hand:.0%}. Inside, abgap takes {inside} of what the hand-written statements take.

Imports take {more} of those of the hand-written script; each package without what it imports itself:

{imports}

Statements, as multiples of all that run by hand:

{statements}

Operators over all statements, time of all threads, as multiples of the sum by hand:

{operators}"""


def section(results: Results, workload: str) -> str:
    """One workload's profile."""
    profiles = results[workload]["profiles"]
    name = next(name for name in _COMMANDS if name in profiles)
    ours, hand = profiles[name], profiles[BASE[workload]]
    imported, by_hand = (sum(profile["imports"].values()) for profile in (ours, hand))
    return TEXT.format(
        workload=workload,
        command=_COMMANDS[name],
        ours=_outside(ours),
        by_hand=_outside(hand),
        inside=multiple(ours["in_duckdb"] / hand["in_duckdb"]),
        more=multiple(imported / by_hand),
        imports=table(("package", "share of imports"), _packages(ours["imports"])),
        statements=table(("statement makes", "wall"), _large(ours["statements"], hand["in_duckdb"])),
        operators=table(("operator", "abgap", "by hand"), _operators(ours["operators"], hand["operators"])),
    )


def _outside(profile: Mapping[str, Any]) -> float:
    return 1 - float(profile["in_duckdb"]) / float(profile["wall"])


def _packages(seconds: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    for name, spent in list(seconds.items())[:MOST_PACKAGES]:
        yield f"`{name}`", f"{spent / sum(seconds.values()):.0%}"


def _large(seconds: Mapping[str, float], whole: float) -> Iterator[tuple[str, str]]:
    for name, spent in seconds.items():
        if spent > SMALL_SHARE * sum(seconds.values()):
            yield f"`{name}`", multiple(spent / whole)


def _operators(ours: Mapping[str, float], hand: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    whole = sum(hand.values())
    for name, spent in ours.items():
        if spent > SMALL_SHARE * sum(ours.values()):
            yield f"`{name}`", multiple(spent / whole), multiple(hand.get(name, 0.0) / whole)
