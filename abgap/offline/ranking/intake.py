"""Opens rankings and judgements under their canonical names, and refuses what no metric could be made of.

Ids are text: 7 and '7' are the same document. A query that is ranked but not judged says nothing and is left out, as
trec_eval does; a judged query without a ranking counts as zero. What would be counted twice, or cannot be ordered, is
an error that shows the first case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Columns, Engine, Relation, reading, text_or_none
from abgap.engine.values import mapped_number
from abgap.errors import DataError
from abgap.records.words import have, plural
from abgap.sources.columns import mapped_text, plain_names
from abgap.sources.sql import Sql
from abgap.study.base import Source
from abgap.study.model import Study

RANKINGS, JUDGEMENTS = "offline.rankings", "offline.judgements"
# 2^grade - 1 of larger grades drowns all others, and soon fits into no number.
_LARGEST_EXPONENT = 60.0
# What the columns of TREC's text files are, whatever else the study maps.
_TREC = {
    RANKINGS: {"model": "tag", "query": "query", "item": "document", "score": "score"},
    JUDGEMENTS: {"query": "query", "item": "document", "relevance": "relevance"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grades:
    """The judgements of one label (None when they have none): their rows, and the range of their grades."""

    label: str | None
    rows: int
    smallest: float
    largest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What can be ranked and judged. rows: of every model's ranking; splits: of the models that name one."""

    relations: Mapping[str, Relation]
    models: tuple[str, ...]
    rows: Mapping[str, int]
    splits: Mapping[str, str]
    grades: tuple[Grades, ...]


def open_rankings(engine: Engine, source: Source, directory: Path) -> Relation:
    """Make the view ``rankings``; the larger a score the earlier, and rank 1 before rank 2."""
    source, relation = _opened(engine, RANKINGS, source, directory, ("model", "query", "item", "split"))
    role = "score" if "score" in source.columns else "rank"
    order = mapped_number(engine, source, relation.table, relation.sql, role)
    columns = {
        name: mapped_text(source, relation.table, name) for name in ("model", "query", "item", "split")
    }
    score = order if role == "score" else Sql(f"(-{order})")
    columns |= {
        role: mapped_number(engine, source, relation.table, relation.sql, role)
        for role in ("position", "propensity")
    }
    engine.create_view(
        "rankings", compile_query("rankings", params=None, source=relation.sql, score=score, **columns)
    )
    return relation


def open_judgements(engine: Engine, source: Source, directory: Path) -> Relation:
    """Make the view ``judgements``."""
    source, relation = _opened(engine, JUDGEMENTS, source, directory, ("query", "item", "label"))
    texts = {name: mapped_text(source, relation.table, name) for name in ("query", "item", "label")}
    relevance = mapped_number(engine, source, relation.table, relation.sql, "relevance")
    engine.create_view(
        "judgements",
        compile_query("judgements", params=None, source=relation.sql, relevance=relevance, **texts),
    )
    return relation


def _opened(
    engine: Engine, key: str, source: Source, directory: Path, ids: Sequence[str]
) -> tuple[Source, Relation]:
    """The source with the columns of its format, opened."""
    if source.format == "trec":
        source = source.model_copy(update={"columns": _TREC[key] | source.columns})
    return source, engine.open_source(key, source, directory, text=plain_names(source, *ids))


def read_runs(engine: Engine, study: Study, directory: Path) -> Runs | None:
    """Open and check rankings and judgements; None when the study has none.

    Raises DataError when a document stands twice in a ranking, when a score is no number, ...
    """
    offline = study.offline
    if offline.rankings is None or offline.judgements is None:
        return None
    relations = {
        RANKINGS: open_rankings(engine, offline.rankings, directory),
        JUDGEMENTS: open_judgements(engine, offline.judgements, directory),
    }
    with reading(JUDGEMENTS):
        judged = engine.fetch(compile_query("judgement_intake"))
    grades = _grades(engine, judged)
    with reading(RANKINGS):
        ranked = engine.fetch(compile_query("ranking_intake", unique=offline.rankings.unique == "check"))
    _refuse_rankings(engine, ranked)
    models = tuple(str(model) for model in ranked["model"])
    return Runs(
        relations=relations,
        models=models,
        rows=dict(zip(models, (int(n) for n in ranked["row_count"]), strict=True)),
        splits=_splits(ranked),
        grades=grades,
    )


def _refuse_rankings(engine: Engine, found: Columns) -> None:
    if len(found["model"]) == 0:
        raise DataError(f"{RANKINGS}: there are no rows; every model needs the documents it returned")
    for model, row_count, documents, nameless, not_finite in zip(
        text_or_none(found["model"]),
        *(found[name] for name in ("row_count", "documents", "nameless", "not_finite")),
        strict=True,
    ):
        if model is None:
            raise DataError(
                f"{RANKINGS}: {plural(row_count, 'row')} {have(row_count)} no model; "
                "every row needs one: name it, or take the row out"
            )
        where = f"{RANKINGS}: model {model!r}"
        if nameless:
            raise DataError(
                f"{where} has {plural(nameless, 'row')} without a query or an item; name them, or take them out"
            )
        if not_finite:
            raise DataError(
                f"{where} has {plural(not_finite, 'row')} whose score or rank is NaN, infinite or missing; documents "
                "without one cannot be ordered: mend them, or take them out"
            )
        if documents < row_count:
            _refuse_repeated(engine, "rankings", "model", RANKINGS)


def _grades(engine: Engine, found: Columns) -> tuple[Grades, ...]:
    if len(found["label"]) == 0:
        raise DataError(f"{JUDGEMENTS}: there are no rows; judgements say which documents are relevant")
    made = []
    for label, row_count, documents, nameless, not_finite, smallest, largest in zip(
        text_or_none(found["label"]),
        *(found[n] for n in ("row_count", "documents", "nameless", "not_finite", "smallest", "largest")),
        strict=True,
    ):
        if nameless:
            raise DataError(
                f"{JUDGEMENTS}: {plural(nameless, 'row')} {have(nameless)} no query or no item; "
                "name them, or take them out"
            )
        if not_finite:
            raise DataError(
                f"{JUDGEMENTS}: the relevance of {plural(not_finite, 'row')} is NaN, infinite or missing; a judgement "
                "needs a number: mend it, or take the row out"
            )
        if documents < row_count:
            _refuse_repeated(engine, "judgements", "label", JUDGEMENTS)
        made.append(
            Grades(label=label, rows=int(row_count), smallest=float(smallest), largest=float(largest))
        )
    if len(made) > 1 and any(grades.label is None for grades in made):
        raise DataError(f"{JUDGEMENTS}: some rows have a label and some have none; give all of them one")
    return tuple(made)


def _refuse_repeated(engine: Engine, table: str, within: str, where: str) -> None:
    """Raise DataError that shows the first document that stands twice (hashes may be alike where none does)."""
    keys = f"{within}, query, item"
    first = engine.rows(
        f"SELECT {keys}, count(*) AS n FROM {table} GROUP BY {keys} HAVING count(*) > 1 ORDER BY {keys} LIMIT 1"
    )
    for name, query, item, times in first:
        of = f" of {within} {name!r}" if name is not None else ""
        raise DataError(
            f"{where}: item {item!r} stands {times} times under query {query!r}{of}; it may stand there once: "
            "keep one of its rows"
        )


def _splits(found: Columns) -> dict[str, str]:
    """The split of every model that names one. Raises DataError when a model names several."""
    splits = {}
    for model, count, split in zip(
        found["model"], found["splits"], text_or_none(found["split"]), strict=True
    ):
        if count > 1:
            raise DataError(
                f"{RANKINGS}: model {model!r} has rankings of {int(count)} splits; one evaluation is over one split: "
                "choose it with a query"
            )
        if split is not None:
            splits[str(model)] = split
    return splits


def refuse_grades(grades: Grades, *, is_exponential: bool) -> None:
    """Raise DataError when exponential gain cannot be made of the grades."""
    if is_exponential and grades.smallest < 0:
        raise DataError(
            f"{JUDGEMENTS}: the smallest relevance is {grades.smallest:g}, and exponential gain (2^grade - 1) has no "
            'meaning below zero; take gain = "linear", under which it counts as not relevant, or mend the grades'
        )
    if is_exponential and grades.largest > _LARGEST_EXPONENT:
        raise DataError(
            f"{JUDGEMENTS}: the largest relevance is {grades.largest:g}, too large for exponential gain "
            f'(2^grade - 1), which takes grades up to {_LARGEST_EXPONENT:g}; take gain = "linear", or other grades'
        )


def grades_of(runs: Runs, label: str | None, *, metrics: Iterable[str]) -> int:
    """The position among the judgements' labels of the one that a metric asks for. Raises DataError when none fits."""
    labels = [grades.label for grades in runs.grades]
    if label in labels:
        return labels.index(label)
    if label is None and len(labels) == 1:
        return 0
    shown, wanting = ", ".join(repr(known) for known in labels if known), ", ".join(map(repr, metrics))
    if label is None:
        raise DataError(
            f"{JUDGEMENTS}: the judgements have the labels {shown}; say which counts in {wanting}: label = ..."
        )
    has = f"have the labels {shown}" if shown else "have no label mapped: columns = { label = ... }"
    raise DataError(
        f"{JUDGEMENTS}: {wanting} counts judgements of the label {label!r}, but the judgements {has}"
    )
