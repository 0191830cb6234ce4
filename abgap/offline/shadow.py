"""Reads [offline.shadow]: two models on the same requests, one of them unseen by users.

Only requests that both answered are compared; those that only one answered are counted. Everything statistics need is
asked of the engine: counts, sums, and the latencies at a few ranks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.protocol import Columns, Engine, Relation, reading
from abgap.engine.values import mapped_number, refuse_size
from abgap.errors import DataError
from abgap.records.words import plural
from abgap.sources.columns import mapped_text, plain_names
from abgap.sources.sql import Sql, comma_list, identifier, literal
from abgap.study.base import Source

KEY = "offline.shadow"
FRACTIONS = (0.5, 0.95)
_COSTS = ("candidate", "production")


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyPoints:
    """The latencies of a run at the ranks of one quantile. candidate, production: rank -> milliseconds.

    both: requests on which both models are at most as slow as their own quantile.
    """

    candidate: Mapping[int, float]
    production: Mapping[int, float]
    both: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostSums:
    """Costs of the requests where both are known: sums, and sums of squares and of the product."""

    requests: int
    candidate: float
    production: float
    candidate_squared: float
    production_squared: float
    product: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCounts:
    """Requests of which both models tell whether they failed, and which did."""

    requests: int
    both: int
    candidate_alone: int
    production_alone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRun:
    """A shadow run of two models. models: all that are in the log; requests: both answered. relation: of the source.

    latency: by quantile; empty when no request was answered by both.
    """

    relation: Relation
    models: tuple[str, ...]
    requests: int = 0
    only_candidate: int = 0
    only_production: int = 0
    latency: Mapping[float, LatencyPoints] = field(default_factory=dict)
    costs: CostSums | None = None
    errors: ErrorCounts | None = None


def shadowed_models(engine: Engine, source: Source, directory: Path) -> tuple[str, ...]:
    """The models of a run, which is checked. Raises DataError as ``read_shadow`` does."""
    return tuple(_open(engine, source, directory)[1]["model"])


def _open(engine: Engine, source: Source, directory: Path) -> tuple[Relation, Columns]:
    """The run under its canonical name, and what it holds by model."""
    relation = engine.open_source(KEY, source, directory, text=plain_names(source, "request", "model"))
    ids = {role: mapped_text(source, relation.table, role) for role in ("request", "model")}
    numbers = {
        role: mapped_number(engine, source, relation.table, relation.sql, role)
        for role in ("latency_ms", "cost", "error")
    }
    context = {"source": relation.sql, **ids, **numbers}
    engine.create_view("shadow_requests", compile_query("shadow_requests", params=None, **context))
    with reading(KEY):
        intake = engine.fetch(compile_query("shadow_intake"))
    _refuse_unusable(intake)
    return relation, intake


def _refuse_unusable(intake: Columns) -> None:
    if not all(isinstance(model, str) for model in intake["model"]):
        raise DataError(f"{KEY}: a row has no model; every row needs one: name it, or take the row out")
    for i, model in enumerate(intake["model"]):
        where = f"{KEY}: model {model!r} has"
        if intake["unnamed"][i]:
            raise DataError(f"{where} {plural(intake['unnamed'][i], 'row')} without a request; name them")
        if intake["not_usable"][i]:
            raise DataError(
                f"{where} {int(intake['not_usable'][i]):,} rows whose latency or cost is below zero or not finite; "
                "mend them, or leave them empty"
            )
        if intake["row_count"][i] > intake["requests"][i]:
            raise DataError(
                f"{where} {int(intake['row_count'][i]):,} rows for {int(intake['requests'][i]):,} requests; "
                "one row per model and request is needed"
            )


def read_shadow(
    engine: Engine, source: Source, directory: Path, *, candidate: str, production: str
) -> ShadowRun:
    """Read the run and compare the two models; a run that lacks one of them has no requests.

    Raises DataError when a row has no model or request, repeats one, or a latency or cost cannot be.
    """
    relation, intake = _open(engine, source, directory)
    models = tuple(intake["model"])
    if not {candidate, production} <= set(models):
        return ShadowRun(relation=relation, models=models)
    pair = {"candidate": candidate, "production": production}
    engine.create_table("shadow_pairs", compile_query("shadow_pairs", params=pair))
    largest = float(np.max(intake["largest"], initial=0.0, where=~np.isnan(intake["largest"])))
    refuse_size(f"{KEY}.columns.cost", "cost", largest)
    rows = engine.fetch(compile_query("shadow_sums", sums=_sums(largest, int(np.sum(intake["requests"])))))
    count = {name: int(column[0]) for name, column in rows.items() if not name.startswith("sum ")}
    engine.create_table("shadow_ranks", compile_query("shadow_ranks"))
    return ShadowRun(
        relation=relation,
        models=models,
        requests=count["timed"],
        only_candidate=count["only_candidate"],
        only_production=count["only_production"],
        latency={f: _points(engine, count["timed"], f) for f in FRACTIONS if count["timed"]},
        costs=_costs(rows, count["costed"]) if count["costed"] else None,
        errors=_errors(count) if count["told"] else None,
    )


def _sums(largest: float, requests: int) -> list[SumColumn]:
    known = "candidate_cost is not null and production_cost is not null"
    candidate, production = (f"case when {known} then {identifier(name + '_cost')} end" for name in _COSTS)
    terms = {
        "candidate": (candidate, largest),
        "production": (production, largest),
        "candidate squared": (f"({candidate} * {candidate})", largest**2),
        "production squared": (f"({production} * {production})", largest**2),
        "product": (f"({candidate} * {production})", largest**2),
    }
    return [
        column
        for name, (value, size) in terms.items()
        for column in exact_sum(
            f"sum {name}", Sql(f"({value})"), make_grid(size, requests, integer=False, parts=3)
        )
    ]


def _costs(rows: Columns, requests: int) -> CostSums:
    names = ("candidate", "production", "candidate squared", "production squared", "product")
    found = {name.replace(" ", "_"): float(sum_of(rows, f"sum {name}")[0]) for name in names}
    return CostSums(requests=requests, **found)


def _errors(count: Mapping[str, int]) -> ErrorCounts:
    return ErrorCounts(
        requests=count["told"],
        both=count["failed_both"],
        candidate_alone=count["failed_candidate"],
        production_alone=count["failed_production"],
    )


def _points(engine: Engine, n: int, fraction: float) -> LatencyPoints:
    from abgap.stats.paired_latency import quantile_places  # noqa: PLC0415 - brings scipy, which kept runs do not need

    places = quantile_places(n, fraction)
    rows = engine.fetch(compile_query("shadow_points", ranks=comma_list(map(literal, places.ranks))))
    found: dict[bool, dict[int, float]] = {True: {}, False: {}}
    for of_candidate, place, latency in zip(
        rows["of_candidate"], rows["place"], rows["latency"], strict=True
    ):
        found[bool(of_candidate)][int(place)] = float(latency)
    values = {
        name: float(
            places.at.value(*(np.asarray(points[int(rank)]) for rank in (places.at.low, places.at.high)))
        )
        for name, points in (("candidate", found[True]), ("production", found[False]))
    }
    joint = engine.fetch_row(compile_query("shadow_joint", params=values))
    return LatencyPoints(candidate=found[True], production=found[False], both=int(joint["both"]))
