"""The hand-written DuckDB statements as whole processes: connect, run, closed forms, print.

python -m benchmarks.peers.by_hand units_stable units=FILE
python -m benchmarks.peers.by_hand logs_cells exposures=FILE events=GLOB
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.peers.answers import (
    ARMS,
    NORMAL_975,
    Arm,
    Cell,
    Pair,
    adjusted,
    arm_of_sums,
    estimate,
    pair_of_sums,
    proportion,
    ratio,
    show,
)

SQL = Path(__file__).resolve().parents[1] / "sql"
SLICES = ("device", "country", "new_user")

Row = Sequence[Any]
# The arms of one row: by metric, and apart the pair of a metric with a covariate.
Read = Callable[[Row], tuple[dict[str, Arm], Pair | None]]


def units_stable(row: Row) -> tuple[dict[str, Arm], Pair | None]:
    n, r, rv, k, c, s, cv, sv, cs, y, yv, x, xv, yx = row
    spend = Pair(Arm(n, y, yv), Arm(n, x, xv), yx)
    clicks = ratio(Pair(Arm(n, c, cv), Arm(n, s, sv), cs))
    arms = {"revenue": Arm(n, r, rv), "conversion": proportion(n, k), "clicks_per_session": clicks}
    return arms | {"spend": spend.y}, spend


def units_plain(row: Row) -> tuple[dict[str, Arm], Pair | None]:
    n, r, rr, k, c, s, cc, ss, cs, y, yy, x, xx, yx = map(float, row)
    units = int(n)
    spend = pair_of_sums(units, (y, yy), (x, xx), yx)
    clicks = ratio(pair_of_sums(units, (c, cc), (s, ss), cs))
    arms = {"revenue": arm_of_sums(units, r, rr), "conversion": proportion(units, k / n)}
    return arms | {"clicks_per_session": clicks, "spend": spend.y}, spend


def logs_cells(row: Row) -> tuple[dict[str, Arm], Pair | None]:
    n, r, rr, k, c, i, cc, ii, ci, s, ss, rs = (float(total or 0.0) for total in row)
    units = int(n)
    arms = {
        "conversion": proportion(units, k / n),
        "revenue_per_user": arm_of_sums(units, r, rr),
        "ctr": ratio(pair_of_sums(units, (c, cc), (i, ii), ci)),
        "revenue_per_session": ratio(pair_of_sums(units, (r, rr), (s, ss), rs)),
    }
    return arms, None


def logs_plain(row: Row) -> tuple[dict[str, Arm], Pair | None]:
    n, r, rv, k, c, i, cv, iv, ci, s, sv, rs = row
    revenue = Arm(n, r, rv)
    arms = {
        "conversion": proportion(n, k),
        "revenue_per_user": revenue,
        "ctr": ratio(Pair(Arm(n, c, cv), Arm(n, i, iv), ci)),
        "revenue_per_session": ratio(Pair(revenue, Arm(n, s, sv), rs)),
    }
    return arms, None


FORMS: dict[str, Read] = {
    "units_stable": units_stable,
    "units_plain": units_plain,
    "logs_cells": logs_cells,
    "logs_plain": logs_plain,
}


def run(form: str, variables: dict[str, str]) -> list[Row]:
    """All rows of the statement."""
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false")
    for name, value in variables.items():
        connection.execute(f"set variable {name} = $value", {"value": value})
    for statement in connection.extract_statements((SQL / f"{form}.sql").read_text(encoding="utf-8")):
        connection.execute(statement)
    return [*connection.fetchall()]


def place(form: str, row: Row) -> tuple[str, str | None, str | None, str | None, Row]:
    """Variant, slice name, slice value and period of a row, and the numbers in it."""
    if form.startswith("units"):
        return row[0], None, None, None, row[1:]
    variant, day, *values = row[:5]
    name = next((s for s, v in zip(SLICES, values, strict=True) if v is not None), None)
    return variant, name, next((v for v in values if v is not None), None), day, row[5:]


def cells_of(form: str, rows: Sequence[Row]) -> Iterator[Cell]:
    for row in rows:
        variant, name, value, day, numbers = place(form, row)
        for metric, arm in FORMS[form](numbers)[0].items():
            yield Cell(variant, metric, name, value, day, arm)


def estimates_of(form: str, rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """The comparison of the arms as a whole."""
    whole = {}
    for row in rows:
        variant, name, _, day, numbers = place(form, row)
        if name is None and day is None:
            whole[variant] = FORMS[form](numbers)
    (control, control_pair), (treatment, treatment_pair) = (whole[arm] for arm in ARMS)
    pairs = {metric: (control[metric], treatment[metric]) for metric in control}
    if control_pair is not None and treatment_pair is not None:
        pairs["spend"] = adjusted(control_pair, treatment_pair)
    return {metric: estimate(*arms, lambda _: NORMAL_975) for metric, arms in pairs.items()}


def main() -> None:
    form, *pairs = sys.argv[1:]
    rows = run(form, dict(pair.split("=", 1) for pair in pairs))
    show(estimates_of(form, rows), cells_of(form, rows))


if __name__ == "__main__":
    main()
