"""Effects computed elsewhere ([portfolio.effects]): read and checked.

Of offline metrics they are gains in the metric's own units, of online metrics relative lifts as fractions; treatment
minus control, not yet turned by any direction.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Relation, reading, text_or_none
from abgap.engine.values import mapped_number
from abgap.errors import DataError
from abgap.records.moments import FloatArray, ObjectArray
from abgap.records.words import plural
from abgap.sources.columns import mapped_text, plain_names
from abgap.study.model import Source
from abgap.study.times import as_utc

KEY = "portfolio.effects"
# What the treatment arm is called where nobody names it.
ONLY_ARM = "treatment"
_TEXTS = ("experiment", "treatment", "metric", "start", "tag")
_NUMBERS = ("effect", "standard_error")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenEffects:
    """Columns of one length. treatment, start (ISO, UTC) and tag: None where not given; standard_error: NaN."""

    experiment: ObjectArray
    treatment: ObjectArray
    metric: ObjectArray
    effect: FloatArray
    standard_error: FloatArray
    start: ObjectArray
    tag: ObjectArray

    def __len__(self) -> int:
        return len(self.experiment)


def no_effects() -> GivenEffects:
    """Nothing given."""
    none, empty = np.zeros(0, dtype=object), np.zeros(0)
    return GivenEffects(
        experiment=none, treatment=none, metric=none, effect=empty, standard_error=empty, start=none, tag=none
    )


def read_effects(
    engine: Engine, source: Source, directory: Path, *, timezone: str
) -> tuple[GivenEffects, Relation]:
    """Read [portfolio.effects]; rows without an effect are passed over. timezone: of starts that have none.

    Raises DataError when a row lacks a key or stands twice, or a number cannot be what it should be.
    """
    relation = engine.open_source(KEY, source, directory, text=plain_names(source, *_TEXTS))
    values: dict[str, Any] = {role: mapped_text(source, relation.table, role) for role in _TEXTS}
    values |= {role: mapped_number(engine, source, relation.table, relation.sql, role) for role in _NUMBERS}
    with reading(KEY):
        rows = engine.fetch(compile_query("given_effects", source=relation.sql, **values))
    numbers = {role: np.asarray(rows[role], dtype=np.float64) for role in _NUMBERS}
    known = ~np.isnan(numbers["effect"])
    effects = GivenEffects(
        experiment=text_or_none(rows["experiment"])[known],
        treatment=text_or_none(rows["treatment"])[known],
        metric=text_or_none(rows["metric"])[known],
        start=_starts(text_or_none(rows["started"])[known], timezone),
        tag=text_or_none(rows["tag"])[known],
        **{role: column[known] for role, column in numbers.items()},
    )
    _refuse_keys(effects)
    _refuse_numbers(effects)
    return effects, relation


def with_arms(effects: GivenEffects, arms: Mapping[str, Sequence[str]]) -> GivenEffects:
    """The same effects, each with its arm: the only one of its experiment where none is named.

    arms: the treatments of the study's own experiments. Raises DataError when an experiment has several.
    """
    named = effects.treatment.copy()
    for row in np.flatnonzero(effects.treatment == None):  # noqa: E711 - element by element
        known = arms.get(effects.experiment[row], (ONLY_ARM,))
        if len(known) != 1:
            raise DataError(
                f"{KEY}: the effects of {effects.experiment[row]!r} name no treatment, but it has {len(known)}; "
                "map treatment to the column that names the arm"
            )
        named[row] = known[0]
    return replace(effects, treatment=named)


def _starts(column: ObjectArray, timezone: str) -> ObjectArray:
    """Starts in UTC, a date where the time is midnight."""
    found = np.empty(len(column), dtype=object)
    found[:] = [_start(text, timezone) if text else None for text in column]
    return found


def _start(text: str, timezone: str) -> str:
    try:
        at = as_utc(dt.datetime.fromisoformat(text), timezone).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise DataError(
            f"{KEY}: a start is {text!r}; write it as 2026-03-02 or 2026-03-02 10:15:00"
        ) from error
    return at.isoformat().removesuffix("T00:00:00")


def _keys(effects: GivenEffects) -> list[tuple[str | None, ...]]:
    return list(zip(effects.experiment, effects.treatment, effects.metric, strict=True))


def _refuse_keys(effects: GivenEffects) -> None:
    keys = _keys(effects)
    if any(experiment is None or metric is None for experiment, _, metric in keys):
        raise DataError(
            f"{KEY}: a row has no experiment or metric; every row needs both: name them, or take the row out"
        )
    repeated = [key for key, times in Counter(keys).items() if times > 1]
    if repeated:
        raise DataError(
            f"{KEY}: there is more than one effect for {plural(len(repeated), 'key')}, e.g. {_shown(repeated[0])}; "
            "one row is needed per experiment, treatment and metric"
        )


def _refuse_numbers(effects: GivenEffects) -> None:
    """Raise DataError about the first number that cannot be an effect or its error."""
    error = effects.standard_error
    for wrong, name, why in (
        (np.isinf(effects.effect), "effect", "is infinite; mend the data"),
        (np.isinf(error), "standard_error", "is infinite; leave it empty where it is not known"),
        (error <= 0.0, "standard_error", "is not above zero; leave it empty where it is not known"),
    ):
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise DataError(f"{KEY}: {name} of {_shown(_keys(effects)[first])} {why}")


def _shown(key: tuple[str | None, ...]) -> str:
    named = zip(("experiment", "treatment", "metric"), key, strict=True)
    return ", ".join(f"{name} {value!r}" for name, value in named if value is not None)
