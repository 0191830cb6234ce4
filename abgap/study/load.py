"""Reading a study file: from its text to a valid ``Study``, or to all of its problems at once.

Broken parts are set aside one by one, so that the rules that tie keys together still run over the rest; a key
that is surely misspelt is read as the one that is meant. A reader mends a file in one go, not error by error.
"""

from __future__ import annotations

import copy
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from abgap.errors import Problem, StudyError, UsageError
from abgap.study.flaws import Draft, Flaw, nearest
from abgap.study.messages import SURE_LIKENESS, flaw_of
from abgap.study.model import Study
from abgap.study.rules import broken_rules
from abgap.study.toml import Loc
from abgap.study.walk import known_keys

STUDY_FILE = "abgap.toml"

# Every pass takes something away or corrects a key; nesting is shallow, so few are needed.
_MOST_PASSES = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedStudy:
    """A study with the file it came from.

    file: where it was read. directory: what its paths are relative to. text_sha256: hex digest of its bytes.
    """

    study: Study
    file: Path
    directory: Path
    text_sha256: str


def find_study(start: Path) -> Path:
    """The nearest ``abgap.toml`` in ``start`` or above it; raises UsageError when there is none."""
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / STUDY_FILE).is_file():
            return folder / STUDY_FILE
    raise UsageError(
        f"no {STUDY_FILE} in {start} or in any folder above it",
        hint="name one with --study, or write a first one with `abgap init FILES`",
    )


def load_study(path: Path) -> LoadedStudy:
    """Read, validate and check a study file.

    Raises UsageError when it cannot be read, StudyError with every problem found in it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise UsageError(
            f"the study file {path} cannot be read: {reason}",
            hint="name it with --study, or write a first one with `abgap init FILES`",
        ) from error
    return LoadedStudy(
        study=check_study(_parse(content, file=str(path)), file=str(path)),
        file=path,
        directory=path.resolve().parent,
        text_sha256=hashlib.sha256(content).hexdigest(),
    )


def check_study(data: Mapping[str, Any], *, file: str | None = None) -> Study:
    """The study that parsed TOML stands for; raises StudyError with every problem found in it."""
    draft, flaws, set_aside = _understand(data)
    found = list(flaws)
    found += [
        flaw for flaw in broken_rules(draft) if not any(_within(flaw.loc, broken) for broken in set_aside)
    ]
    if found:
        ordered = sorted(found, key=lambda flaw: _position(flaw.loc, data, draft.declared))
        raise StudyError([flaw.problem() for flaw in ordered], file=file)
    return draft.study


def _parse(content: bytes, *, file: str) -> dict[str, Any]:
    """Parsed TOML; raises StudyError with the line where it stops being TOML."""
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = Problem(path="", message=f"is not UTF-8 text (line {line})", hint="save it as UTF-8")
    except RecursionError:
        problem = Problem(path="", message="is nested too deeply to be read")
    except ValueError as error:  # a TOMLDecodeError, or a number of thousands of digits
        problem = Problem(path="", message=f"is not valid TOML: {str(error).rstrip('.')}")
    raise StudyError([problem], file=file)


@dataclass(slots=True, kw_only=True)
class _Mending:
    """A file on its way to a draft: what was found wrong, and what was done about it.

    declared: the data, misspelt keys corrected. valid: the same without what is broken. set_aside: places
    that were taken out of it. renamed: places whose key was corrected.
    """

    declared: dict[str, Any]
    valid: dict[str, Any]
    flaws: dict[Loc, Flaw] = field(default_factory=dict)
    set_aside: list[Loc] = field(default_factory=list)
    renamed: list[Loc] = field(default_factory=list)

    def take(self, error: ErrorDetails, *, first_pass: bool) -> None:
        """Note an error and take it out of the way; later passes only count below corrected keys."""
        flaw = flaw_of(error)
        if flaw.loc in self.renamed and error["type"] == "missing":
            return
        if first_pass or any(_within(flaw.loc, place) for place in self.renamed):
            self.flaws.setdefault(flaw.loc, flaw)
        meant = _meant_key(error, self.valid)
        if meant is None:
            whole_table = error["type"] == "missing"
            self.set_aside.append(_set_aside(self.valid, flaw.loc, whole_table=whole_table))
            return
        self.renamed.append((*flaw.loc[:-1], meant))
        for data in (self.declared, self.valid):
            _rename(data, flaw.loc, meant)


def _understand(data: Mapping[str, Any]) -> tuple[Draft, list[Flaw], list[Loc]]:
    """What can be understood of the data, what is wrong in it, and the places that were set aside."""
    mending = _Mending(declared=copy.deepcopy(dict(data)), valid=copy.deepcopy(dict(data)))
    study = Study()
    for attempt in range(_MOST_PASSES):
        try:
            study = Study.model_validate(mending.valid)
            break
        except ValidationError as failure:
            # Misspelt keys first: what is missing may then be there under its right name.
            errors = sorted(failure.errors(include_url=False), key=lambda error: error["type"] == "missing")
            for error in errors:
                mending.take(error, first_pass=attempt == 0)
    draft = Draft(study=study, declared=mending.declared)
    return draft, list(mending.flaws.values()), mending.set_aside


def _within(loc: Loc, place: Loc) -> bool:
    return loc[: len(place)] == place


def _position(loc: Loc, *versions: object) -> tuple[int, ...]:
    """Where in the file a place stands, for sorting; what is in no version of it comes last in its table."""
    position = []
    for part in loc:
        tables = [version for version in versions if isinstance(version, Mapping)]
        orders = [list(table) for table in tables]
        last = max(map(len, orders), default=0)
        index = next((order.index(part) for order in orders if part in order), last)
        position.append(part if isinstance(part, int) else index)
        versions = tuple(table[part] for table in tables if part in table)
    return tuple(position)


def _meant_key(error: ErrorDetails, data: dict[str, Any]) -> str | None:
    """The key an unknown one surely stands for, when that is not given too."""
    if error["type"] != "extra_forbidden":
        return None
    *place, key = error["loc"]
    meant = nearest(str(key), known_keys(place), cutoff=SURE_LIKENESS)
    table = _at(data, tuple(place))
    return meant if isinstance(table, dict) and key in table and meant not in table else None


def _at(data: Any, loc: Loc) -> Any:
    """The value at a place, None when it is gone."""
    for part in loc:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _rename(data: dict[str, Any], loc: Loc, meant: str) -> None:
    """Give a key another name in the same place of its table."""
    table = _at(data, loc[:-1])
    entries = [(meant if key == loc[-1] else key, value) for key, value in table.items()]
    table.clear()
    table.update(entries)


def _set_aside(data: dict[str, Any], loc: Loc, *, whole_table: bool) -> Loc:
    """Take what is broken out of the data; the place that was taken out.

    A table that lacks a required key goes as a whole, and so does a list with a broken entry.
    """
    place = loc[:-1] if whole_table else loc
    while place and isinstance(place[-1], int):
        place = place[:-1]
    table = _at(data, place[:-1])
    if isinstance(table, dict) and place:
        table.pop(place[-1], None)
    return place
