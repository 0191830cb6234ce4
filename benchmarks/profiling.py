"""Where the time of a run goes: what each statement and each operator took, by DuckDB's own count.

Runs a module as its own process would, with every connection watched. The count costs a little, so it is a run
of its own and never one of those that are timed.

python -m benchmarks.profiling OUT.json MODULE ARGUMENTS...
"""

from __future__ import annotations

import atexit
import json
import re
import runpy
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import duckdb

_NAME = r"(?:\"(?P<quoted>[^\"]+)\"|(?P<plain>[a-z_][a-z_0-9]*))"
_CREATES = re.compile(rf"\bcreate\s+(?:or\s+replace\s+)?(?:temp\s+)?(?:table|view)\s+{_NAME}", re.IGNORECASE)
_READS = re.compile(rf"\bfrom\s+{_NAME}", re.IGNORECASE)


class Watched:
    """A connection that takes down the profile of every statement before the next one runs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, profiles: list[dict[str, Any]]) -> None:
        self._connection = connection
        self._profiles = profiles
        self._pending = False
        connection.execute("pragma enable_profiling = 'no_output'")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, *arguments: Any, **named: Any) -> Watched:
        """Run a statement."""
        self.collect()
        self._connection.execute(*arguments, **named)
        self._pending = True
        return self

    def collect(self) -> None:
        """Take down the profile of the statement that ran last."""
        if self._pending:
            self._profiles.append(json.loads(self._connection.get_profiling_information("json")))
            self._pending = False

    def close(self) -> None:
        """End the connection."""
        self.collect()
        self._connection.close()


def summary(profiles: list[dict[str, Any]], wall: float) -> dict[str, Any]:
    """Statements by the time they took (wall seconds), operators by the time of all threads."""
    statements: Counter[str] = Counter()
    operators: Counter[str] = Counter()
    for profile in profiles:
        if "query" not in profile:  # a setting
            continue
        statements[label(profile["query"]["sql"])] += profile["query"]["total_time"]
        for operator in profile.get("operator") or ():
            operators.update(dict(_times(operator)))
    return {
        "wall": wall,
        "in_duckdb": sum(statements.values()),
        "statements": dict(statements.most_common()),
        "operators": dict(operators.most_common()),
    }


def label(sql: str) -> str:
    """What a statement makes, or else what it reads."""
    made, read = _CREATES.search(sql), _READS.search(sql)
    if made:
        return made["quoted"] or made["plain"]
    return f"select from {read['quoted'] or read['plain']}" if read else sql.split(maxsplit=1)[0].lower()


def _times(operator: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    found: Counter[str] = Counter()
    waiting = [operator]
    while waiting:
        one = waiting.pop()
        found[one["type"]] += one["timing"]
        waiting.extend(one.get("children", ()))
    yield from found.items()


def main() -> None:
    out, module, *arguments = sys.argv[1:]
    profiles: list[dict[str, Any]] = []
    watched: list[Watched] = []
    connect = duckdb.connect

    def watching(*given: Any, **named: Any) -> Watched:
        watched.append(Watched(connect(*given, **named), profiles))
        return watched[-1]

    duckdb.connect = watching  # type: ignore[assignment]
    sys.argv = [module, *arguments]
    began = time.perf_counter()

    def write() -> None:
        wall = time.perf_counter() - began
        for connection in watched:
            connection.collect()
        Path(out).write_text(json.dumps(summary(profiles, wall)), encoding="utf-8")

    # At the end of the process, however the module ends it.
    atexit.register(write)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
