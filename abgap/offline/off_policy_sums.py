"""Adds up what target policies would have earned: one statement for all policies of a table.

The sums are exact, so that neither the order of rows nor threads can be seen in them. How large a term can be is known
before it is computed: a weight is at most the largest probability over the least propensity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.protocol import Columns, Engine
from abgap.engine.values import refuse_size
from abgap.offline.logged import KEY, LoggedDecisions
from abgap.offline.policies import Policies
from abgap.records.moments import FloatArray
from abgap.sources.sql import Sql, identifier
from abgap.stats.off_policy import COLUMNS, OffPolicySums

_TOLD = ("squared_weight", "unsupported")
_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnitColumn:
    """A column of a unit, and the parts of the sum over its decisions that it is put together from."""

    name: Sql
    parts: Sequence[Sql]


def sum_policies(
    engine: Engine,
    log: LoggedDecisions,
    policies: Policies,
    *,
    decisions: Sql,
    least_propensity: float,
    clip: float,
) -> dict[str, OffPolicySums]:
    """The sums of every policy of a table that says something of the log, by its name.

    decisions: the view of the log whose propensities count; least_propensity: the smallest of them.
    """
    expected = _in_grid("expected", log.largest_reward, 1_000_000)
    unsupported = _in_grid("unsupported", 1.0, 1_000_000)
    statement = compile_query(
        "policy_expected", policies=policies.table, keys=policies.keys, sums=[*expected, *unsupported]
    )
    engine.create_table("policy_expected", statement)
    sizes = _sizes(log, policies.largest / least_propensity, clip)
    rows = engine.fetch(
        compile_query(
            "counterfactual_sums",
            params={"clip": clip},
            decisions=decisions,
            policies=policies.table,
            keys=policies.keys,
            expected=[part.name for part in expected],
            unsupported=[part.name for part in unsupported],
            by_request=log.by_request,
            units=identifier("unit_sums" if log.by_request else "weighed"),
            **_over_units(log, sizes),
        )
    )
    return {name: _sums_at(rows, i, by_request=log.by_request) for i, name in enumerate(rows["policy"])}


def _in_grid(name: str, size: float, count: int) -> list[SumColumn]:
    return exact_sum(name, identifier(name), make_grid(size, count, integer=False))


def _sizes(log: LoggedDecisions, weight: float, clip: float) -> dict[str, float]:
    """The largest absolute value that each column of a decision can have."""
    reward = log.largest_reward
    refuse_size(f"{KEY}.columns.reward", "reward over propensity", max(weight, 1.0) * reward)
    return {
        "decisions": 1.0,
        "reward": reward,
        "weight": weight,
        "weighted": weight * reward,
        "clipped": min(weight, clip) * reward,
        "doubly": (1.0 + 2.0 * weight) * reward,
        "squared_weight": weight * weight,
        "unsupported": 1.0,
    }


def _over_units(log: LoggedDecisions, sizes: Mapping[str, float]) -> dict[str, object]:
    """The sums over units; where these are requests, those over their decisions before them."""
    columns = [name for name in (*COLUMNS, *_TOLD) if name != "decisions"]
    inner: list[SumColumn] = []
    units: list[_UnitColumn] = []
    if log.by_request:
        for name in columns:
            parts = exact_sum(
                name, identifier(name), make_grid(sizes[name], log.most, integer=False, parts=_PARTS)
            )
            inner += parts
            units.append(_UnitColumn(name=identifier(name), parts=[part.name for part in parts]))
    most = float(log.most)
    grids = {
        name: make_grid(sizes[name] * most, log.decisions, integer=False, parts=_PARTS) for name in columns
    }
    sums = [column for name in columns for column in exact_sum(f"sum {name}", identifier(name), grids[name])]
    for left, right in _products(by_request=log.by_request):
        value = Sql(f"({identifier(left)} * {identifier(right)})")
        size = sizes[left] * sizes[right] * most * most
        sums += exact_sum(
            _product_name(left, right), value, make_grid(size, log.decisions, integer=False, parts=_PARTS)
        )
    return {"inner": inner, "columns": units, "sums": sums}


def _products(*, by_request: bool) -> list[tuple[str, str]]:
    """Pairs of columns to multiply; a decision that stands alone is one, and products with it are sums."""
    return list(combinations_with_replacement(COLUMNS if by_request else COLUMNS[1:], 2))


def _product_name(left: str, right: str) -> str:
    return f"sum {left} x {right}"


def _sums_at(rows: Columns, i: int, *, by_request: bool) -> OffPolicySums:
    units, decisions = float(rows["units"][i]), float(rows["decisions"][i])
    total = np.array([decisions, *(sum_of(rows, f"sum {name}")[i] for name in COLUMNS[1:])])
    product: FloatArray = np.empty((len(COLUMNS), len(COLUMNS)))
    product[0], product[:, 0] = total, total
    for left, right in _products(by_request=by_request):
        at = COLUMNS.index(left), COLUMNS.index(right)
        product[at] = product[at[::-1]] = sum_of(rows, _product_name(left, right))[i]
    squared_weight, unsupported = (sum_of(rows, f"sum {name}")[i] for name in _TOLD)
    return OffPolicySums(
        units=np.asarray(units),
        total=total,
        product=product,
        squared_weight=np.asarray(squared_weight),
        largest_weight=np.asarray(float(rows["largest_weight"][i])),
        cut=np.asarray(float(rows["cut"][i])),
        unsupported=np.asarray(unsupported),
    )
