"""What units add to gains: test queries are asked by somebody, who may be a unit of an experiment as well.

A gain is the mean of differences over queries. What a unit adds to its error is the sum, over the queries it asked, of
the difference less the gain, over the number of queries.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import exact_sum, make_grid
from abgap.engine.protocol import Engine, Given, reading
from abgap.errors import DataError
from abgap.offline.gain_pairs import MOST_ROWS, GainErrors
from abgap.offline.queries import open_queries
from abgap.records.words import have, plural
from abgap.sources.sql import Sql, identifier
from abgap.study.model import Study

UNIT_GAINS = "offline_unit_gains"
# No metric and no slice can be called like this.
CONTEST, INFLUENCE = "gain: contest", "gain: influence"
_KEY = "offline.queries"


def open_query_units(engine: Engine, study: Study, directory: Path) -> None:
    """Put into the engine who asked which query. Raises DataError when a query was asked by several units."""
    open_queries(engine, study, directory)
    with reading(_KEY):
        found = engine.fetch_row(compile_query("offline_query_units"))
    several = int(found["several"])
    if several:
        raise DataError(
            f"{_KEY}.columns.unit: {plural(several, 'query')} {have(several)} several units, the first is "
            f"{found['example']!r}; a query is asked by one unit: give every one its own name, or take `unit` out"
        )


def make_unit_gains(engine: Engine, values: str, errors: GainErrors, places: Collection[int]) -> None:
    """Make the table of what every unit adds to the gains of contests, by their places.

    values: the table of the values per query that these contests are made of.
    """
    named = {place: key for key, place in errors.places.items() if place in places}
    columns: dict[str, Given] = {"contest": Given(type="BIGINT", values=list(named))}
    for at, side in enumerate(("model", "baseline", "metric")):
        columns[side] = Given(type="VARCHAR", values=[key[at] for key in named.values()])
    columns["gain"] = Given(type="DOUBLE", values=[errors.gains[place] for place in named])
    contests = f"contests of {UNIT_GAINS}"
    engine.put_table(contests, columns)
    with reading(_KEY):
        ((largest, rows),) = engine.rows(
            f"SELECT coalesce(max(abs(value)), 0.0) AS largest, count(*) AS n FROM {identifier(values)}"
        )
    grid = make_grid(4.0 * float(largest), int(rows), integer=False, parts=3)
    parts = exact_sum(INFLUENCE, Sql("(m.value - b.value - c.gain)"), grid)
    statement = compile_query(
        "offline_unit_gains",
        values=identifier(values),
        contests=identifier(contests),
        contest=identifier(CONTEST),
        added=Sql(" + ".join(str(part.value) for part in reversed(parts))),
        influence=identifier(INFLUENCE),
    )
    with reading(_KEY):
        engine.create_table(UNIT_GAINS, statement)


def contests_by_source(
    errors: GainErrors, wanted: Collection[tuple[str, str]], metrics: Collection[str]
) -> list[list[int]]:
    """Places of the contests of some (model, baseline) in some metrics that have a gain, source by source.

    None at all where they have too many queries together.
    """
    ran = set(wanted)
    chosen = [
        place
        for (model, baseline, metric), place in errors.places.items()
        if (model, baseline) in ran and metric in metrics and errors.shared[place] > 0
    ]
    if sum(errors.shared[place] for place in chosen) > MOST_ROWS:
        return []
    bounds = [*errors.sources, len(errors.gains)]
    return [[place for place in chosen if first <= place < last] for first, last in pairwise(bounds)]
