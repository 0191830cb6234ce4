"""Every error abgap raises on purpose, and the exit code each one means.

    AbgapError                  (base; never raised itself)
    |-- UsageError      2       the command line asks for something that cannot be
    |-- StudyError      2       the study file is wrong: all its problems at once
    |-- DataError       3       the data the study names cannot be read, or is not what it says
    |   `-- QueryError  3       a query over the data failed, or is not allowed
    |-- EngineError     4       the engine or an optional part is missing or too small
    `-- InternalError   70      a bug of ours

A message says what, where, what was seen and what to do. Health problems of an experiment
(sample-ratio mismatch, units in two variants) are results, not exceptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller."""

    OK = 0
    GATE_FAILED = 1
    USAGE = 2
    DATA = 3
    ENGINE = 4
    # Of sysexits.h ("internal software error"): nobody mistakes a bug for a failed check or for bad data.
    INTERNAL = 70
    INTERRUPTED = 130


class AbgapError(Exception):
    """Base of all errors that are the user's to mend; printed without a traceback."""

    exit_code: ExitCode = ExitCode.USAGE
    code: str = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AbgapError):
    """The command line asks for something that cannot be."""

    exit_code = ExitCode.USAGE
    code = "usage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a study file.

    path: dotted path of the key, e.g. ``metrics.revenue.window_days``.
    message: what is wrong, what was seen. hint: what to do, or None.
    """

    path: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{text}; {self.hint}" if self.hint else text


class StudyError(AbgapError):
    """A study file that cannot be used; carries every problem found in it."""

    exit_code = ExitCode.USAGE
    code = "study"

    def __init__(self, problems: Sequence[Problem], *, file: str | None = None) -> None:
        self.problems = tuple(problems)
        self.file = file
        head = file or "study"
        if len(self.problems) == 1:
            message = f"{head}: {self.problems[0]}"
        else:
            lines = "\n".join(f"  - {problem}" for problem in self.problems)
            message = f"{head}: {len(self.problems)} problems\n{lines}"
        super().__init__(message)


class DataError(AbgapError):
    """Data that cannot be read, or is not what the study says it is."""

    exit_code = ExitCode.DATA
    code = "data"


class QueryError(DataError):
    """A query that failed or that is not allowed."""

    code = "query"


class EngineError(AbgapError):
    """The engine, or an optional part, is missing or too small for the work."""

    exit_code = ExitCode.ENGINE
    code = "engine"


class InternalError(AbgapError):
    """What should not have happened: a bug of abgap, told like any other error."""

    exit_code = ExitCode.INTERNAL
    code = "internal"
