"""What every tracker has: runs with their metrics, parameters and tags, whatever store they come from."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from abgap.errors import DataError

KEY = "offline.tracker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of an experiment.

    name: what people call it, None where the store does not say. ended: seconds since 1970, None when not known.
    metrics: the last value of each, NaN and infinity included: whoever chooses runs counts them.
    """

    id: str
    name: str | None
    experiment: str | None
    finished: bool
    deleted: bool
    ended: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def broken(place: Path | str, what: str, mend: str) -> DataError:
    """The one sentence about a store that cannot be read: where, what, and what to do."""
    return DataError(f"{KEY}: {place}: {what}; {mend}")


def read_text(path: Path) -> str:
    """The text of a small file of a store."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise broken(path, f"cannot be read ({reason})", "look at the file, or leave its run out") from error


def read_json(path: Path) -> Any:
    """A JSON file of a store; NaN and Infinity, which trackers write, are numbers here."""
    try:
        return json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "too deep"
        mend = "it may be half-written: write it again"
        raise broken(path, f"is no complete JSON ({where})", mend) from error


def as_number(value: object) -> float | None:
    """A number as trackers write it, text such as ``"NaN"`` included; None for what is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float | str):
        try:
            return float(value)
        except (ValueError, OverflowError):
            return None
    return None


def as_text(value: object) -> str:
    """A parameter as text: what is no text already, as JSON has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def as_seconds(value: object) -> float | None:
    """A moment in seconds since 1970: a number of seconds, or ISO 8601 text (UTC unless it says otherwise)."""
    if isinstance(value, str):
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            return as_number(value)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)).timestamp()
    return as_number(value)


def flat(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested values under dotted names; names that begin with an underscore are the tracker's own and left out."""
    found: dict[str, object] = {}
    for name, value in values.items():
        if name.startswith("_"):
            continue
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def numbers_of(values: Mapping[str, object]) -> dict[str, float]:
    """Those of the (nested) values that are numbers."""
    return {name: number for name, value in flat(values).items() if (number := as_number(value)) is not None}


def texts_of(values: Mapping[str, object]) -> dict[str, str]:
    """The (nested) values as text."""
    return {name: as_text(value) for name, value in flat(values).items() if value is not None}
