"""Live rows joined with what came of them, and with the units and arms of the experiments they were served in.

A request belongs to an experiment from the first exposure of its unit to the end, and counts for the arm whose model it
names; requests of the arm's units that name another model are counted apart, because they say that something else was
live. A request that is too young for its outcome to be in the data says nothing yet, and is counted too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Columns, Engine, Given, reading, text_or_none
from abgap.engine.values import condition_of
from abgap.offline.live.intake import LiveLog
from abgap.offline.live.unit_sums import Sizes
from abgap.offline.matching import ServedModels
from abgap.sources.columns import Table, local_day, text_of
from abgap.sources.sql import Sql, identifier
from abgap.study.model import Study

SERVED, LIST_SERVED, OUTCOMES = "live_served", "live_lists_served", "live_outcomes"
_SECONDS_PER_DAY = 86_400.0


class Arm(NamedTuple):
    """An arm of an experiment with the model that it is declared to have run."""

    experiment: str
    variant: str
    model: str


class Met(NamedTuple):
    """A model that requests of an arm's units name."""

    experiment: str
    variant: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Requests of one arm's own model (or of another one), old enough to be judged (or not)."""

    units: int
    requests: int
    most: int
    happened: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What was served in the experiments.

    table: of it. arms: by place. counts: of requests of the arms' own models that are old enough. young: of those that
    are not. others: requests that name another model than the arm's. outside: requests of units in no experiment.
    mix: by slice, requests by arm and value. days: by day, the counts of arms.
    """

    table: str
    arms: tuple[Arm, ...]
    counts: Mapping[Arm, Count]
    young: Mapping[Arm, int]
    others: Mapping[Met, int]
    requests: int
    outside: int
    mix: Mapping[str, Mapping[Arm, Mapping[str | None, int]]]
    days: Mapping[Arm, Mapping[str, Count]]

    @property
    def sizes(self) -> Sizes:
        """Of the largest arm."""
        return Sizes(
            most=max((c.most for c in self.counts.values()), default=1),
            units=max((c.units for c in self.counts.values()), default=1),
        )


def arms_of(served: Sequence[ServedModels]) -> tuple[Arm, ...]:
    """The arms whose model is declared, control first."""
    return tuple(
        Arm(each.experiment, variant, each.models[variant])
        for each in served
        for variant in each.variants
        if variant in each.models
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The events that tell what came of a request: what a statement has to know of them."""

    fact: Sql
    timed: bool
    within: Sql
    where: Sql | None
    request: Sql | None
    item: Sql | None


def telling_of(engine: Engine, study: Study, log: LiveLog) -> Telling:
    """The outcome of a live source. Raises DataError when the fact table lacks what it names."""
    outcome, where = log.outcome, f"{log.key}.outcome"
    fact = identifier(outcome.fact)
    table = Table(key=f"facts.{outcome.fact}", columns=engine.describe(fact))
    condition = outcome.where and condition_of(engine, outcome.where, table, fact, where=f"{where}.where")

    def column(role: str, name: str | None) -> Sql | None:
        return None if name is None else text_of(table.find(name, where=f"{where}.{role}"), table)

    return Telling(
        fact=fact,
        timed="at" in study.facts[outcome.fact].columns,
        within=Sql(f"interval '{max(round(outcome.within_days * _SECONDS_PER_DAY), 1)}' second"),
        where=condition or None,
        request=column("key", outcome.key),
        item=column("item", outcome.item) if log.is_lists else None,
    )


def serve(engine: Engine, study: Study, log: LiveLog, arms: Sequence[Arm]) -> Served:
    """Make the table of what was served; the units of the experiments have to be enrolled."""
    telling = telling_of(engine, study, log)
    _put_arms(engine, arms)
    with reading(f"facts.{log.outcome.fact}"):
        engine.create_table(
            OUTCOMES,
            compile_query(
                OUTCOMES,
                log=identifier(log.view),
                fact=telling.fact,
                timed=telling.timed,
                within=telling.within,
                where=telling.where,
                request=telling.request,
                item=telling.item,
            ),
        )
    requests, table = identifier(log.view), SERVED
    slices = [s.column for s in log.slices]
    if log.is_lists:
        engine.create_table("live_requests", compile_query("live_requests", slices=slices))
        requests, table = identifier("live_requests"), LIST_SERVED
    with reading(log.key):
        engine.create_table(
            table,
            compile_query(
                "live_served",
                log=requests,
                outcomes=None if log.is_lists else identifier(OUTCOMES),
                fact=telling.fact,
                timed=telling.timed,
                within=telling.within,
                exposures_timed=study.exposures is not None and "at" in study.exposures.columns,
                day=local_day(Sql("l.at"), study.study.timezone),
                slices=slices,
            ),
        )
    return _counted(engine, log, table, requests, arms)


def _put_arms(engine: Engine, arms: Sequence[Arm]) -> None:
    columns = {"place": Given(type="BIGINT", values=list(range(len(arms))))}
    columns |= {
        name: Given(type="VARCHAR", values=[getattr(arm, name) for arm in arms]) for name in Arm._fields
    }
    engine.put_table("live_arms", columns)


def _counted(engine: Engine, log: LiveLog, table: str, requests: Sql, arms: Sequence[Arm]) -> Served:
    def by(part: Sql) -> _Counts:
        statement = compile_query(
            "live_counts",
            served=identifier(table),
            part=part,
            happened=Sql("0" if log.is_lists else "sum(y_true)"),
        )
        return _Counts(engine.fetch(statement))

    whole = by(Sql("cast(null as varchar)"))
    outside = engine.fetch_row(compile_query("live_outside", log=requests))
    return Served(
        table=table,
        arms=tuple(arms),
        counts={arm: found[None] for arm, found in whole.own(is_old=True).items()},
        young={arm: found[None].requests for arm, found in whole.own(is_old=False).items()},
        others=whole.others(),
        requests=int(outside["requests"]),
        outside=int(outside["outside"]),
        mix={
            s.name: {
                arm: {value: n.requests for value, n in found.items()}
                for arm, found in by(s.column).own(is_old=True).items()
            }
            for s in log.slices
        },
        days={
            arm: {str(day): n for day, n in found.items()}
            for arm, found in by(Sql("day")).own(is_old=True).items()
        },
    )


class _Counts:
    """The rows of ``live_counts``."""

    def __init__(self, found: Columns) -> None:
        self._found = found
        names = (text_or_none(found[name]) for name in ("experiment", "variant", "model", "part"))
        self._keys = list(zip(*names, strict=True))

    def own(self, *, is_old: bool) -> dict[Arm, dict[str | None, Count]]:
        """By arm and part: of the arms' own models."""
        found: dict[Arm, dict[str | None, Count]] = {}
        for i, (experiment, variant, model, part) in enumerate(self._keys):
            if self._found["is_own"][i] == 1 and (self._found["is_old"][i] == 1) == is_old:
                found.setdefault(Arm(experiment, variant, model), {})[part] = self._count(i)
        return found

    def others(self) -> dict[Met, int]:
        """Requests that name another model than their arm's, by that model."""
        found: dict[Met, int] = {}
        for i, (experiment, variant, model, _) in enumerate(self._keys):
            if self._found["is_own"][i] != 1:
                met = Met(experiment, variant, model)
                found[met] = found.get(met, 0) + int(self._found["requests"][i])
        return found

    def _count(self, i: int) -> Count:
        return Count(
            **{name: int(np.nan_to_num(self._found[name][i])) for name in Count.__dataclass_fields__}
        )
