"""The user's own units divided anew at random, many times: A/A tests whose truth is known, made in the engine.

All analysed units of an experiment are put together, whatever arm they were in, and every draw divides them again by a
hash of their ids, as the experiment's split says. Values, caps, covariates and strata are those of the study, so that
what comes back goes through the same statistics as the real comparison, and ought to find nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.hashing import PRIME, drawn_number, make_draws, number_of_unit, put_draws
from abgap.engine.protocol import Engine
from abgap.online import tables
from abgap.online.moments import make_moments
from abgap.online.plan import Plan
from abgap.online.sums import Sums, sum_splits
from abgap.online.wide import Progress, WideTable
from abgap.records import Moments
from abgap.records.moments import ObjectArray
from abgap.sources.sql import Sql, identifier, literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """What is divided anew: an experiment's units, into its control and one treatment.

    metrics: that are added up. strata: slices that some of them need. control_share: of the units.
    """

    experiment: str
    control: str
    treatment: str
    control_share: float
    metrics: tuple[str, ...]
    strata: tuple[str, ...]
    draws: int
    seed: int


def split_units(
    engine: Engine, known: Sums, wide: WideTable, splits: Splits, *, progress: Progress
) -> Moments:
    """The moments of both arms in every draw, the number of the draw in place of the experiment.

    known: the sums of the same units as they were. Units need ids.
    """
    progress("dividing units anew")
    plan = _part_of(known.plan, splits)
    columns = [*map(tables.slice_column, splits.strata), *(identifier(part.name) for part in plan.parts)]
    engine.create_table(
        tables.SPLIT_UNITS,
        compile_query(
            "split_units",
            number=number_of_unit(Sql("o.unit"), splits.seed),
            columns=columns,
            experiment=literal(splits.experiment),
        ),
    )
    put_draws(engine, tables.SPLIT_DRAWS, make_draws(splits.seed, splits.draws, purpose="selftest"))
    engine.create_view(tables.UNIT_SPLITS, _statement(splits, columns))
    sums = sum_splits(engine, plan, wide, _drawn(wide, splits), known, splits.experiment)
    draws: ObjectArray = np.empty(len(sums.rows["draw"]), dtype=object)
    draws[:] = [str(int(draw)) for draw in sums.rows["draw"]]
    by_draw = replace(sums, rows=sums.rows | {"experiment": draws})
    return make_moments(by_draw, dict.fromkeys(draws))


def _part_of(plan: Plan, splits: Splits) -> Plan:
    """What the plan needs for the metrics alone."""
    metrics = tuple(metric for metric in plan.metrics if metric.metric in splits.metrics)
    columns = {column for metric in metrics for column in metric.used()}
    return replace(plan.only(columns), metrics=metrics, funnels=())


def _statement(splits: Splits, columns: Sequence[Sql]) -> Statement:
    return compile_query(
        "unit_splits",
        drawn=drawn_number(Sql("u.drawn_from"), Sql("r.factor"), Sql("r.shift")),
        bound=literal(round(splits.control_share * PRIME)),
        control=literal(splits.control),
        treatment=literal(splits.treatment),
        columns=columns,
    )


def _drawn(wide: WideTable, splits: Splits) -> WideTable:
    """The wide table with the drawn units as what is added up."""
    return replace(
        wide,
        source=tables.UNIT_SPLITS,
        cells=tables.SPLIT_CELLS,
        slices=splits.strata,
        by_day=False,
        only_experiment=None,
        draw=Sql("draw"),
    )
