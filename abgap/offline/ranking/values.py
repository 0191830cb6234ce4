"""Values per query out of rankings and judgements: every run put in order once, every definition out of its places.

Queries, models and labels are small numbers before anything is sorted, and grades are attached before the one window
over all documents. What it leaves (judged documents, ties, the last document of a run) is small, and all metrics, other
definitions and lazy rankers are made of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.protocol import Engine, Given
from abgap.offline.ranking.definitions import Definition
from abgap.offline.ranking.formulas import Limits, formulas, ideals, running_sums
from abgap.offline.ranking.intake import Runs
from abgap.sources.sql import Named, Sql, identifier, literal

PLACES = "ranking_places"
MODELS = "ranking_models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What became of a model's runs. runs: judged queries it ranked; ties: of documents worth something."""

    runs: int
    documents: int
    longest: int
    ties: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Runs put in order. places, models: their tables. grades: columns of the labels, in the labels' order.

    largest: grade of each label, at least 1. price: of an item, the largest. asked: table of the queries that count.
    numbered, graded: tables of all judged queries, and of the grades of documents.
    is_tied: whether a tie could change anything; if not, one order is as good as any other.
    within: places of other runs; of a query no list is longer than the longest of theirs, None without such a bound.
    """

    grades: tuple[Sql, ...]
    queries: int
    judged_longest: int
    largest: tuple[float, ...]
    price: float = 0.0
    asked: str = "ranking_queries"
    numbered: str = "ranking_queries"
    graded: str = "ranking_grades"
    places: str = PLACES
    models: str = MODELS
    within: str | None = None
    shapes: Mapping[str, Shape] = field(default_factory=dict)

    @property
    def is_tied(self) -> bool:
        """Whether a document that is worth something shares its score with another."""
        return any(shape.ties for shape in self.shapes.values())

    @property
    def longest(self) -> int:
        """Most documents of a run."""
        return max((shape.longest for shape in self.shapes.values()), default=0)

    def settled(self, definition: Definition) -> Definition:
        """The definition itself, or the simplest one with the same values."""
        return definition if self.is_tied else replace(definition, ties="docid")


def number_judgements(
    engine: Engine,
    runs: Runs,
    *,
    judgements: str = "judgements",
    numbered: str = "ranking_queries",
    graded: str = "ranking_grades",
) -> Board:
    """Number the judged queries, and put the grades of every label beside their documents; no run is in order yet.

    judgements: their view. numbered, graded: what the tables are called.
    """
    grades = tuple(identifier(f"grade {i}") for i in range(1, len(runs.grades) + 1))
    columns = [Named(name=name, value=_grade(of.label)) for name, of in zip(grades, runs.grades, strict=True)]
    judged, queries, table = identifier(judgements), identifier(numbered), identifier(graded)
    engine.create_table(numbered, compile_query("ranking_queries", judgements=judged))
    engine.create_table(
        graded, compile_query("ranking_grades", judgements=judged, queries=queries, grades=columns)
    )
    sizes = engine.fetch_row(compile_query("ranking_sizes", graded=table))
    return Board(
        grades=grades,
        queries=int(sizes["queries"]),
        judged_longest=int(sizes["longest"]),
        largest=tuple(max(of.largest, 1.0) for of in runs.grades),
        asked=numbered,
        numbered=numbered,
        graded=graded,
    )


def _grade(label: str | None) -> Sql:
    return Sql(
        "j.relevance" if label is None else f"case when j.label = {literal(label)} then j.relevance end"
    )


def put_in_order(engine: Engine, runs: Runs, *, top: int = 0) -> Board:
    """Order every run once. top: up to which place all documents are kept."""
    numbered = number_judgements(engine, runs)
    put_models(engine, MODELS, {model: runs.splits.get(model) for model in runs.models})
    return order_runs(engine, numbered, rankings="rankings", models=MODELS, places=PLACES, top=top)


def order_runs(
    engine: Engine, numbered: Board, *, rankings: str, models: str, places: str, top: int = 0
) -> Board:
    """Order the runs of a table of rankings, over judgements that are numbered already."""
    statement = compile_query(
        "ranking_places",
        params={"queries": numbered.queries + 1},
        rankings=identifier(rankings),
        models=identifier(models),
        queries=identifier(numbered.numbered),
        graded=identifier(numbered.graded),
        grades=numbered.grades,
        top=literal(top),
    )
    engine.create_table(places, statement)
    shape = compile_query(
        "ranking_shape", grades=numbered.grades, places=identifier(places), models=identifier(models)
    )
    found = engine.fetch(shape)
    keys = ("runs", "documents", "longest", "ties")
    shapes = {
        str(model): Shape(**{key: int(found[key][i]) for key in keys})
        for i, model in enumerate(found["model"])
    }
    return replace(numbered, places=places, models=models, shapes=shapes)


def put_models(engine: Engine, table: str, splits: Mapping[str, str | None]) -> None:
    """Number models in the order of ``splits``, which says what each was evaluated on."""
    columns = {
        "model": Given(type="VARCHAR", values=list(splits)),
        "model_id": Given(type="BIGINT", values=list(range(len(splits)))),
        "split": Given(type="VARCHAR", values=list(splits.values())),
    }
    engine.put_table(table, columns)


def make_values(
    engine: Engine,
    made: Board,
    definitions: Sequence[Definition],
    *,
    label: int,
    table: str,
    hits: str | None = None,
) -> dict[Definition, Sql]:
    """Make the table of the values of ``definitions``, all over judgements of one label; the columns they are in.

    hits: a table of them that was made before, with the orders of ties that the definitions ask for.
    """
    settled = list(dict.fromkeys(made.settled(definition) for definition in definitions))
    names = [f"value {i}" for i in range(len(settled))]
    limits = Limits(grade=made.largest[label], hits=max(made.judged_longest, 1), price=made.price)
    grade, ideal = made.grades[label], f"{table}: ideals"
    sums, best = ideals(settled, limits)
    engine.create_table(
        ideal,
        compile_query(
            "ranking_ideals",
            queries=identifier(made.asked),
            graded=identifier(made.graded),
            grade=grade,
            sums=sums,
            ideals=best,
        ),
    )
    if hits is None:
        hits = hits_of(table)
        _find_hits(engine, made, settled, grade, hits)
    found = formulas(settled, names, limits)
    if found.with_mean:
        _put_discounts(engine, made.longest)
    engine.create_table(
        table,
        compile_query(
            "ranking_values",
            hits=identifier(hits),
            ideals=identifier(ideal),
            places=identifier(made.places),
            models=identifier(made.models),
            sums=found.sums,
            firsts=found.firsts,
            values=found.values,
            with_mean=found.with_mean,
        ),
    )
    columns = dict(zip(settled, map(identifier, names), strict=True))
    return {definition: columns[made.settled(definition)] for definition in definitions}


def values_of(label: int) -> str:
    """The table of the values of the declared metrics, by place of their label."""
    return f"ranking_values {label + 1}"


def hits_of(table: str) -> str:
    """The table of the documents that a table of values is made of."""
    return f"{table}: hits"


def _find_hits(
    engine: Engine, made: Board, definitions: Sequence[Definition], grade: Sql, table: str
) -> None:
    statement = compile_query(
        "ranking_hits",
        grade=grade,
        places=identifier(made.places),
        tied=made.is_tied and any(definition.ties != "expected" for definition in definitions),
        within=identifier(made.within) if made.within is not None else None,
        priced=any(definition.kind == "revenue" for definition in definitions),
    )
    engine.create_table(table, statement)


def _put_discounts(engine: Engine, longest: int) -> None:
    sums = running_sums(longest)
    columns = {"place": Given(type="BIGINT", values=list(range(longest + 1)))}
    columns |= {name: Given(type="DOUBLE", values=getattr(sums, name).tolist()) for name in sums._fields}
    engine.put_table("ranking_discounts", columns)


def largest_value(definition: Definition, made: Board, label: int) -> float:
    """What no value of a definition is above."""
    if definition.kind not in {"dcg", "revenue"}:
        return 1.0
    grade = made.largest[label]
    gain = grade if definition.gain == "linear" else 2.0**grade
    return gain * made.judged_longest * (made.price if definition.kind == "revenue" else 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Averages:
    """Of one model: judged queries, those missing from its run, and means.

    empty, gainless: queries without a grade of 1 or more, and without any above 0.
    means, counted: of each column that was asked for (NaN without any value); differing: values that differ between
    two columns.
    """

    queries: int
    missing: int
    empty: int
    gainless: int
    means: tuple[float, ...]
    counted: tuple[int, ...]
    differing: tuple[int, ...]

    def without_worth(self, definition: Definition) -> int:
        """Queries that say nothing by a definition: no document has a gain, or none is relevant."""
        return self.gainless if definition.has_gain else self.empty


def averages(
    engine: Engine,
    table: str,
    columns: Sequence[Sql],
    pairs: Sequence[tuple[Sql, Sql]],
    largest: float,
    queries: int,
) -> dict[str, Averages]:
    """Means of columns by model, and for pairs of columns how many of their values differ.

    largest: what no value is above. Two values differ when they do so by more than rounding.
    """
    asked: list[SumColumn] = []
    grid = make_grid(largest, queries, integer=False)
    for i, column in enumerate(columns):
        asked.append(SumColumn(value=Sql(f"count({column})"), name=identifier(f"count {i}")))
        asked += exact_sum(f"sum {i}", column, grid)
    for i, (one, other) in enumerate(pairs):
        far = f"abs({one} - {other}) > {literal(1e-12 * max(largest, 1.0))}"
        asked.append(
            SumColumn(value=Sql(f"count(case when {far} then 1 end)"), name=identifier(f"differ {i}"))
        )
    found = engine.fetch(compile_query("ranking_counts", table=identifier(table), sums=asked))
    totals = [sum_of(found, f"sum {i}") for i in range(len(columns))]
    made = {}
    for row, model in enumerate(found["model"]):
        counted = tuple(int(found[f"count {i}"][row]) for i in range(len(columns)))
        means = tuple(
            float(total[row] / n) if n else float(np.nan) for total, n in zip(totals, counted, strict=True)
        )
        made[str(model)] = Averages(
            queries=int(found["queries"][row]),
            missing=int(found["missing"][row]),
            empty=int(found["empty"][row]),
            gainless=int(found["gainless"][row]),
            means=means,
            counted=counted,
            differing=tuple(int(found[f"differ {i}"][row]) for i in range(len(pairs))),
        )
    return made


def show_values(engine: Engine, metrics: Sequence[tuple[str, str, Sql]]) -> None:
    """Make the view ``offline_values``. metrics: name, table and column of each."""
    listed = [
        SimpleNamespace(metric=literal(name), table=identifier(table), value=column)
        for name, table, column in metrics
    ]
    engine.create_view("offline_values", compile_query("offline_values", metrics=listed))
