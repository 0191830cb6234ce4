"""Names may be anything: they go through the whole pipeline and come back as they were."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abgap.errors import QueryError, StudyError
from abgap.online.plan import make_plan
from abgap.study.load import check_study

HOSTILE = [
    "<script>alert(1)</script>",
    "'; drop table exposures; --",
    '" or ""="',
    "a\nb\r\nc\td",
    "| a | b |",
    "ünïcödé 漢字 🦆 \u202e",
    "x" * 200,
    "$name {{ braces }} {% if %} {# c #}",
    "a: sum",
    "a",
    "a: numerator",
    "select",
    "-- comment",
    "/* comment",
    "%s ? $1 :p",
    "\\",
    " leading and trailing ",
    "",
]
NAMES = [name for name in HOSTILE if name]


def metrics_called(names: list[str], value: str) -> dict[str, Any]:
    """A mean, a ratio and a covariate under every name in turn."""
    part = {"fact": "events", "value": value}
    kinds = cycle(
        [
            {"kind": "mean"} | part | {"covariate": {"lookback_days": 3}, "cap_percentile": 99.0},
            {"kind": "ratio", "numerator": part, "denominator": {"fact": "events"}},
            {"kind": "proportion", "fact": "events", "where": "amount > 1"},
        ]
    )
    return {name: next(kinds) for name in names}


def logs(bench: Any, *, column: str = "amount", slice_name: str = "plan") -> None:
    """Two variants, experiments and slice values of every name."""
    rng = np.random.default_rng(1)
    units = [f"u{i}" for i in range(4 * len(NAMES))]
    at = pd.Timestamp("2026-03-02")
    bench.parquet(
        "exposures.parquet",
        {
            "exp": [NAMES[i % len(NAMES)] for i in range(len(units))],
            "id": units,
            "arm": [NAMES[(i // len(NAMES)) % 2] for i in range(len(units))],
            "ts": at,
            slice_name: [NAMES[i % len(NAMES)] for i in range(len(units))],
        },
    )
    frame = {"id": units * 2, "ts": at, column: rng.integers(0, 5, 2 * len(units))}
    bench.parquet("events.parquet", frame)


def study(metrics: dict[str, Any], *, fact: str = "events", slice_name: str = "plan") -> dict[str, Any]:
    return {
        "exposures": {
            "path": "exposures.parquet",
            "columns": {"experiment": "exp", "unit": "id", "variant": "arm", "at": "ts"},
            "slices": [slice_name],
        },
        "facts": {fact: {"path": "events.parquet", "columns": {"unit": "id", "at": "ts"}}},
        "metrics": metrics,
        "experiments": {name: {"control": NAMES[0], "treatments": [NAMES[1]]} for name in NAMES},
    }


def test_names_of_metrics_experiments_variants_and_slice_values_come_back(bench: Any) -> None:
    logs(bench)
    moments = bench.moments(study(metrics_called(NAMES, "amount")))
    assert set(moments.metric) == set(NAMES)
    assert set(moments.experiment) == set(NAMES)
    assert set(moments.variant) == set(NAMES[:2])
    assert {value for value in moments.slice_value if value is not None} == set(NAMES)
    assert np.isfinite(moments.mean[moments.n > 0]).all()


def test_metrics_whose_names_are_made_of_each_other_keep_their_own_numbers(bench: Any, row_of: Any) -> None:
    logs(bench)
    part = {"fact": "events", "value": "amount"}
    metrics = {
        "a": {"kind": "ratio", "numerator": part, "denominator": {"fact": "events"}},
        "a: numerator": {"kind": "mean"} | part | {"value": "amount + 100"},
        "a: denominator": {"kind": "mean"} | part | {"value": "amount + 200"},
        "a: sum": {"kind": "mean"} | part | {"value": "amount + 300"},
        "a:: sum": {"kind": "mean"} | part | {"value": "amount + 400"},
        "a: numerator: sum of squares": {"kind": "mean"} | part | {"value": "amount + 500"},
    }
    moments = bench.moments(study(metrics))
    of = {"experiment": NAMES[0], "variant": NAMES[0]}
    plain = row_of(moments, "a", **of)["numerator_mean"]
    for position, name in enumerate(list(metrics)[1:], start=1):
        # Two events per unit.
        assert row_of(moments, name, **of)["mean"] == pytest.approx(plain + 200 * position)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "a"])
def test_names_of_slices_columns_and_facts_come_back(bench: Any, name: str) -> None:
    logs(bench, column=name, slice_name=f"slice {name}")
    part = {"kind": "mean", "fact": name, "value": name}
    moments = bench.moments(study({"m": part}, fact=name, slice_name=f"slice {name}"))
    assert {s for s in moments.slice_name if s is not None} == {f"slice {name}"}
    assert np.nansum(moments.mean) > 0


def test_a_slice_may_be_called_like_a_sum(bench: Any, row_of: Any) -> None:
    logs(bench, slice_name="m: sum")
    moments = bench.moments(study({"m": {"kind": "mean", "fact": "events"}}, slice_name="m: sum"))
    of = {"experiment": NAMES[0], "variant": NAMES[0], "slice_name": "m: sum", "slice_value": NAMES[0]}
    assert row_of(moments, "m", **of)["mean"] == 2.0


def test_a_nul_character_is_refused_before_it_can_cut_a_statement_short(bench: Any) -> None:
    logs(bench)
    with pytest.raises(QueryError, match="NUL"):
        bench.moments(study({"m\0; drop": {"kind": "mean", "fact": "events"}}))
    with pytest.raises(QueryError, match="NUL"):
        bench.moments(study({"m": {"kind": "mean", "fact": "events", "where": "amount > 1 \0 or true"}}))


@pytest.mark.parametrize(
    "where",
    [
        "amount > 0; drop table exposures",
        "amount > 0) from events --",
        "1 in (select 1)",
        "exists (select * from read_text('/etc/passwd'))",
        "getenv('HOME') is not null",
        "sum(amount) > 1",
        "row_number() over () = 1",
        "$1 = 1",
        "count(*) > 0",
    ],
)
def test_an_expression_stays_an_expression(bench: Any, where: str) -> None:
    logs(bench)
    with pytest.raises(StudyError, match=r"metrics\.m\.where"):
        bench.moments(study({"m": {"kind": "mean", "fact": "events", "where": where}}))


def test_parts_of_all_metrics_have_names_of_their_own() -> None:
    names = [
        *NAMES,
        *(f"{name}: numerator" for name in NAMES),
        *(f"{name}: before exposure" for name in NAMES),
    ]
    plan = make_plan(check_study(study(metrics_called(names, "amount"))))
    columns = [part.name.casefold() for part in plan.parts]
    assert len(columns) == len(set(columns))
