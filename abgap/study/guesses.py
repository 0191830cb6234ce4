"""What the tables given to ``abgap init`` are, guessed from names, types and counts.

Every guess here ends up in the first study file marked as one. The control is not guessed: only a variant
with a telling name is taken for it, and only when there is exactly one.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from abgap.errors import UsageError
from abgap.study.guessed_offline import offline_kind
from abgap.study.profiles import ColumnProfile, TableProfile, find, words_of
from abgap.study.toml import quoted


class Use(StrEnum):
    """What a table is for."""

    VARIANTS = "variants"
    FACT = "fact"
    UNITS = "units"
    SCORES = "scores"
    RANKINGS = "rankings"
    JUDGEMENTS = "judgements"
    PREDICTIONS = "predictions"
    UNKNOWN = "unknown"


OFFLINE = (Use.SCORES, Use.RANKINGS, Use.JUDGEMENTS, Use.PREDICTIONS)

_UNIT = (
    "unit", "unitid", "userid", "user", "uid", "userpseudoid", "anonymousid", "visitorid", "visitor",
    "customerid", "customer", "clientid", "client", "memberid", "playerid", "subscriberid", "subjectid",
    "personid", "accountid", "householdid", "companyid", "deviceid", "cookieid", "sessionid", "id",
)  # fmt: skip
_VARIANT = (
    "variant", "variantid", "variantname", "variation", "variationid", "variationname", "arm", "armname",
    "testgroup", "abgroup", "abtestgroup", "experimentgroup", "treatmentgroup", "group", "groupid",
    "groupname", "bucket", "treatment", "treated", "cohort", "condition", "version", "segment", "test",
)  # fmt: skip
_EXPERIMENT = (
    "experiment", "experimentid", "experimentname", "experimentkey", "abtest", "test", "testid", "testname",
    "flagkey",
)  # fmt: skip
_AT = (
    "at", "ts", "exposedat", "exposuretime", "occurredat", "eventtime", "eventtimestamp", "timestamp", "time",
    "datetime", "receivedat", "createdat", "date", "eventdate", "day",
)  # fmt: skip
_EVENT = ("event", "eventname", "eventtype", "action", "activity", "type", "name")
_METRIC = ("metric", "metricname", "metricid", "measure")

_MOST_VARIANTS = 50
_MOST_SLICE_VALUES = 20
_MOST_EVENTS = 50
_TELLING = frozenset(
    {"a", "base", "baseline", "control", "ctrl", "default", "holdout", "off", "old", "original", "placebo",
     "production", "statusquo"}
)  # fmt: skip
_TELLING_WORDS = frozenset({"control", "ctrl", "baseline"})
_IDENTIFYING = frozenset({"id", "uuid", "guid", "index", "idx", "key", "zip", "phone"})
_NEWNESS = frozenset({"newuser", "isnew", "isnewuser", "newvisitor", "newcustomer", "returning"})
_BEFORE = frozenset({"pre", "prior", "previous", "prev", "past", "before", "hist", "historic"})


def _few(column: ColumnProfile, most: int) -> bool:
    return column.distinct is None or 1 <= column.distinct <= most


@dataclass(frozen=True, slots=True, kw_only=True)
class TableGuess:
    """A table, what it is for, and which column plays which role."""

    table: TableProfile
    use: Use
    roles: dict[str, ColumnProfile]

    @property
    def others(self) -> tuple[ColumnProfile, ...]:
        """The columns without a role."""
        taken = {column.name for column in self.roles.values()}
        return tuple(column for column in self.table.columns if column.name and column.name not in taken)

    @property
    def units_repeat(self) -> bool:
        """Whether a unit has more than one row."""
        unit = self.roles.get("unit")
        return unit is not None and unit.distinct is not None and unit.distinct < self.table.rows

    @property
    def outcomes(self) -> tuple[ColumnProfile, ...]:
        """Columns that may be outcomes: numbers and yes/no columns that vary and identify nothing."""
        return tuple(
            column
            for column in self.others
            if (column.is_number or column.type == "boolean")
            and column.distinct != 1
            and column not in self.slices
            and not _identifies(column, self.table.rows)
            and pre_period_name(column) is None
        )

    @property
    def slices(self) -> tuple[ColumnProfile, ...]:
        """Columns that results may be broken down by."""
        return tuple(column for column in self.others if _slices(column))


def _identifies(column: ColumnProfile, rows: int) -> bool:
    """Whether a number is a label rather than an amount."""
    words = column.words
    if not words or words[0] == "unnamed" or words[-1] in _IDENTIFYING:
        return True
    return column.type == "integer" and rows > 20 and column.distinct == rows


def _slices(column: ColumnProfile) -> bool:
    if column.type == "boolean" or column.is_binary:
        return "".join(column.words) in _NEWNESS
    return column.type == "text" and 2 <= (column.distinct or 0) <= _MOST_SLICE_VALUES


def pre_period_name(column: ColumnProfile) -> str | None:
    """What a pre-period column is the twin of: ``revenue`` for ``pre_revenue``, None for other columns."""
    words = column.words
    if not column.is_number or len(words) < 2:
        return None
    if words[0] in _BEFORE:
        return "".join(words[1:])
    return "".join(words[:-1]) if words[-1] in _BEFORE else None


def guess(table: TableProfile) -> TableGuess:
    """What a table is for."""
    columns = [column for column in table.columns if column.name]
    variant = find(
        columns, _VARIANT, lambda c: c.type not in {"timestamp", "number"} and _few(c, _MOST_VARIANTS)
    )
    offline = offline_kind(table)
    if offline is not None and (variant is None or "model" in offline[1]):
        kind, offline_roles = offline
        return TableGuess(table=table, use=Use(kind), roles=dict(offline_roles))
    found: dict[str, ColumnProfile | None] = {
        "experiment": find(columns, _EXPERIMENT, lambda c: c.type in {"text", "integer"} and c != variant),
        "unit": find(columns, _UNIT, lambda c: c.type in {"text", "integer"} and c != variant),
        "variant": variant,
        "at": _time(columns),
        "event": find(columns, _EVENT, lambda c: c.type == "text" and _few(c, _MOST_EVENTS)),
    }
    roles = {role: column for role, column in found.items() if column is not None}
    if variant is not None and find(columns, _METRIC, lambda c: c.type == "text") is None:
        return _variants_guess(table, roles)
    kept = {role: column for role, column in roles.items() if role in {"unit", "at", "event"}}
    if "unit" not in kept or variant is not None:
        return TableGuess(table=table, use=Use.UNKNOWN, roles={})
    fact = TableGuess(table=table, use=Use.FACT, roles=kept)
    is_fact = "event" in kept or fact.units_repeat or ("at" in kept and bool(fact.outcomes))
    return fact if is_fact else replace(fact, use=Use.UNITS)


def _variants_guess(table: TableProfile, roles: dict[str, ColumnProfile]) -> TableGuess:
    """A table with variants; its events only count when its rows are events, many of one unit."""
    found = TableGuess(table=table, use=Use.VARIANTS, roles=roles)
    if found.units_repeat and "experiment" not in roles:
        return found
    return replace(found, roles={role: column for role, column in roles.items() if role != "event"})


def _time(columns: Sequence[ColumnProfile]) -> ColumnProfile | None:
    """The column that says when: one with a usual name, or the only timestamp there is."""
    named = find(columns, _AT, _holds_times)
    timestamps = [column for column in columns if column.type == "timestamp"]
    return named or (timestamps[0] if len(timestamps) == 1 else None)


def _holds_times(column: ColumnProfile) -> bool:
    """Whether a column is of timestamps, or of text that reads as one."""
    if column.type != "text" or not column.examples:
        return column.type == "timestamp"
    try:
        dt.datetime.fromisoformat(column.examples[0])
    except ValueError:
        return False
    return True


def choose_control(variant: ColumnProfile, control: str | None) -> str:
    """The control: the one named, or the only variant with a telling name; raises UsageError otherwise."""
    complete = variant.distinct is not None and variant.distinct <= len(variant.examples)
    seen = ", ".join(quoted(name) for name in variant.examples[:20]) + ("" if complete else ", ...")
    if complete and len(variant.examples) < 2:
        raise UsageError(
            f"the variant column {quoted(variant.name)} holds one value only ({seen})",
            hint="give the file in which the other variants are, too",
        )
    if control is not None:
        if not control or (complete and control not in variant.examples):
            raise UsageError(f"there is no variant {quoted(control)}; seen are {seen}")
        return control
    telling = [name for name in variant.examples if _is_telling(name)]
    if len(telling) != 1:
        raise UsageError(
            f"which variant of {quoted(variant.name)} is the control? Seen are {seen}",
            hint="name it with --control; abgap does not guess it",
        )
    return telling[0]


def _is_telling(name: str) -> bool:
    words = words_of(name)
    return "".join(words) in _TELLING or bool(set(words) & _TELLING_WORDS)


def slug(text: str, taken: Collection[str], *, fallback: str) -> str:
    """A short plain name made of ``text`` that is not taken yet."""
    plain = "_".join(words_of(text))[:40].strip("_") or fallback
    numbered = (f"{plain}_{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([plain], numbered) if name not in taken)
