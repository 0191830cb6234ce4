"""The experiments a study declares, in itself or in a file of thousands, and their tables in the engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Given, text_or_none
from abgap.errors import DataError
from abgap.online import tables
from abgap.sources.columns import mapped_text, plain_names
from abgap.study.model import Experiment, ExperimentsFile, Moment, Study
from abgap.study.times import as_utc

# Per declared experiment the variants that count, None for all that are seen.
Variants: TypeAlias = Mapping[str, Sequence[str] | None]

_ROLES = ("experiment", "control", "split", "start", "end")
_NEVER_BEFORE = dt.datetime(1, 1, 1)
_NEVER_AFTER = dt.datetime(9999, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredExperiment:
    """An experiment as declared. variants: control first, None when any variant seen counts.

    starts_at, ends_at: naive UTC, None when open. weights: the planned split, ``equal`` or None.
    """

    name: str
    control: str
    variants: tuple[str, ...] | None
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None
    weights: Mapping[str, float] | str | None


def is_analysed(variants: Variants, experiment: object, variant: object) -> bool:
    """Whether rows of this arm are analysed: its experiment is declared, and its variant is not ruled out.

    Null belongs to no arm.
    """
    if not isinstance(variant, str) or experiment not in variants:
        return False
    known = variants[str(experiment)]
    return known is None or variant in known


def register_experiments(engine: Engine, declared: Sequence[DeclaredExperiment]) -> None:
    """Make the tables ``experiments`` and ``arms`` that the queries join."""
    engine.put_table(
        tables.EXPERIMENTS,
        {
            "experiment": Given(type="VARCHAR", values=[e.name for e in declared]),
            "control": Given(type="VARCHAR", values=[e.control for e in declared]),
            "starts_at": Given(type="TIMESTAMP", values=[e.starts_at or _NEVER_BEFORE for e in declared]),
            "ends_at": Given(type="TIMESTAMP", values=[e.ends_at or _NEVER_AFTER for e in declared]),
            "closed": Given(type="BOOLEAN", values=[e.variants is not None for e in declared]),
        },
    )
    arms = [(e.name, variant) for e in declared for variant in e.variants or ()]
    engine.put_table(
        tables.ARMS,
        {
            "experiment": Given(type="VARCHAR", values=[name for name, _ in arms]),
            "variant": Given(type="VARCHAR", values=[variant for _, variant in arms]),
        },
    )


def declared_experiments(engine: Engine, study: Study, directory: Path) -> dict[str, DeclaredExperiment]:
    """All experiments by name, in the order of the study or sorted by name when they come from a file."""
    if isinstance(study.experiments, ExperimentsFile):
        return _from_file(engine, study.experiments, study.study.timezone, directory)
    return {
        name: _declared(name, experiment, study.study.timezone)
        for name, experiment in study.experiments.items()
    }


def _declared(name: str, experiment: Experiment, timezone: str) -> DeclaredExperiment:
    variants = None
    if experiment.treatments is not None:
        variants = (experiment.control, *experiment.treatments)
    elif isinstance(experiment.split, dict):
        variants = (experiment.control, *(v for v in experiment.split if v != experiment.control))
    return DeclaredExperiment(
        name=name,
        control=experiment.control,
        variants=variants,
        starts_at=_naive_utc(experiment.start, timezone),
        ends_at=_naive_utc(experiment.end, timezone),
        weights=experiment.split,
    )


def _naive_utc(moment: Moment | None, timezone: str) -> dt.datetime | None:
    """The moment as the engine keeps time: in UTC, without a zone."""
    return None if moment is None else as_utc(moment, timezone).replace(tzinfo=None)


def _from_file(
    engine: Engine, source: ExperimentsFile, timezone: str, directory: Path
) -> dict[str, DeclaredExperiment]:
    relation = engine.open_source("experiments", source, directory, text=plain_names(source, *_ROLES))
    mapping = {role: mapped_text(source, relation.table, role) for role in _ROLES}
    rows = engine.fetch(compile_query("declared_experiments", params=None, source=relation.sql, **mapping))
    names = ("experiment", "control", "split", "starts_at", "ends_at")
    found: dict[str, DeclaredExperiment] = {}
    for name, *rest in zip(*(text_or_none(rows[column]) for column in names), strict=True):
        declared = _from_row(name, *rest, timezone=timezone)
        if declared.name in found:
            raise DataError(
                f"experiments: experiment {name!r} stands in more than one row; one row per experiment is needed"
            )
        found[declared.name] = declared
    return found


def _from_row(
    name: str | None,
    control: str | None,
    split: str | None,
    start: str | None,
    end: str | None,
    *,
    timezone: str,
) -> DeclaredExperiment:
    if not name or not control:
        raise DataError(
            "experiments: a row has no experiment or no control; both are needed in every row: "
            "name them, or take the row out"
        )
    if split not in {None, "equal"}:
        raise DataError(f"experiments: the split of {name!r} is {split!r}; in a file it can only be 'equal'")
    try:
        starts_at, ends_at = (_naive_utc(_moment(text, name), timezone) for text in (start, end))
    except OverflowError as error:
        raise DataError(f"experiments: start or end of {name!r} is outside the years 1 to 9999") from error
    if starts_at is not None and ends_at is not None and starts_at >= ends_at:
        raise DataError(
            f"experiments: {name!r} ends at {end}, which is not after its start at {start}; the end is exclusive"
        )
    return DeclaredExperiment(
        name=name, control=control, variants=None, starts_at=starts_at, ends_at=ends_at, weights=split
    )


def _moment(text: str | None, name: str) -> dt.datetime | None:
    if not text:
        return None
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(
            f"experiments: {text!r} of {name!r} is no date; write it as 2026-03-02 or 2026-03-02 10:15:00"
        ) from error
