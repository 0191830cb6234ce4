"""[offline.training]: the series that forecasting models learnt from, for the scale of MASE and for naive forecasts."""

from __future__ import annotations

from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import exact_sum, make_grid
from abgap.engine.protocol import Engine, Relation, reading
from abgap.engine.values import mapped_number, refuse_size
from abgap.errors import DataError
from abgap.records.words import plural
from abgap.sources.columns import as_utc, mapped, mapped_text, plain_names
from abgap.sources.sql import Sql, literal
from abgap.study.model import Study

_KEY = "offline.training"


def open_training(engine: Engine, study: Study, directory: Path) -> Relation | None:
    """Open the training series and make the table ``training_scales``; None when the study has none.

    Raises DataError when rows lack a time or a value, or when a series has two values at one time.
    """
    source = study.offline.training
    if source is None:
        return None
    relation = engine.open_source(_KEY, source, directory, text=plain_names(source, "series"))
    table = relation.table
    at, where = mapped(source.columns["at"], table, role="at"), f"{_KEY}.columns.at"
    kind = engine.type_of(at, relation.sql, where=where)
    statement = compile_query(
        "training",
        source=relation.sql,
        series=mapped_text(source, table, "series"),
        at=_time(at, kind, where, study.study.timezone),
        y=mapped_number(engine, source, table, relation.sql, "y"),
    )
    engine.create_view("training", statement)
    with reading(_KEY):
        rows, largest = _check(engine)
    season = literal(source.season)
    engine.create_table("training_places", compile_query("training_places"))
    grid = make_grid(2.0 * largest, rows, integer=False, parts=3)
    sums = exact_sum("steps", Sql("step"), grid)
    engine.create_table("training_scales", compile_query("training_scales", season=season, sums=sums))
    return relation


def _time(at: Sql, kind: str, where: str, timezone: str) -> Sql:
    return as_utc(at, kind, where=where, timezone=timezone)


def _check(engine: Engine) -> tuple[int, float]:
    """Rows and the largest absolute value."""
    found = engine.fetch_row(compile_query("training_intake"))
    for name, words in (
        ("without_time", "without a time"),
        ("without_value", "without a value"),
        ("not_finite", "with NaN or infinity"),
    ):
        if found[name]:
            raise DataError(
                f"{_KEY}: {plural(int(found[name]), 'row')} {words}; mend them, or take them out: a series is read "
                "step by step"
            )
    rows = int(found["row_count"] or 0)
    if rows != int(found["times"] or 0):
        raise DataError(
            f"{_KEY}: {plural(rows - int(found['times']), 'row')} too many: a series has one value at a time; "
            "map the column that tells series apart: columns = { series = ... }"
        )
    largest = float(found["largest"] or 0.0)
    refuse_size(_KEY, "y", largest)
    return rows, largest
