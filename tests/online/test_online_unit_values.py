"""A table with one row per unit: its columns become the values of the metrics, whatever their type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abgap.errors import DataError
from abgap.records import Moments

Columns = {"experiment": {"value": "e"}, "variant": "arm"}


def study(metrics: Mapping[str, Any], *, path: str = "units.parquet", **more: Any) -> dict[str, Any]:
    source = {"path": path, "columns": more.pop("columns", Columns)} | more.pop("source", {})
    return {"unit_values": source, "metrics": metrics} | more


SPEND = {"spend": {"kind": "mean", "value": "spend"}}


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.array([1, 2, 3, 4, 5, 6], dtype=np.int8), id="int8"),
        pytest.param(np.array([1, 2, 3, 4, 5, 2**40], dtype=np.int64), id="int64"),
        pytest.param(np.array([1.5, 2.5, 3.5, 4.25, 5.125, -6.0]), id="double"),
        pytest.param(np.array([1.5, 2.5, 3.5, 4.25, 5.125, -6.0], dtype=np.float32), id="float"),
        pytest.param([*map(Decimal, ("1.10", "2.20")), None, *map(Decimal, ("4.40", "-5.55", "0.01"))], id="decimal"),
        pytest.param(np.array([True, False, True, True, False, True]), id="boolean"),
        pytest.param(np.array([2**62, 2**62 + 512, 2**62 - 512, 5, 6, 7], dtype=np.int64), id="beyond 2^53"),
        pytest.param(np.array([2**63, 1, 2, 3, 4, 5], dtype=np.uint64), id="uint64"),
    ],
)  # fmt: skip
def test_a_value_may_have_any_type_of_number(bench: Any, row_of: Any, exact: Any, values: Any) -> None:
    arms = np.array(["A", "A", "A", "B", "B", "B"])
    bench.parquet("units.parquet", {"arm": arms, "spend": pd.Series(values)})
    moments = bench.moments(study(SPEND))
    numbers = np.array([np.nan if v is None else float(v) for v in values])
    for arm in ("A", "B"):
        mine = numbers[(arms == arm) & ~np.isnan(numbers)]
        row = row_of(moments, "spend", arm)
        mean, variance = exact(mine)
        assert row["n"] == len(mine)
        assert row["mean"] == pytest.approx(mean, rel=1e-15)
        assert row["variance"] == pytest.approx(variance, rel=1e-12)


def test_a_huge_integer_keeps_its_digits(bench: Any, row_of: Any) -> None:
    source = {
        "query": "SELECT * FROM (VALUES ('A', 1::HUGEINT), ('A', 2), ('A', 9), ('B', 10), ('B', 20)) AS t(arm, spend)",
        "columns": Columns,
    }
    moments = bench.moments({"unit_values": source, "metrics": SPEND})
    assert row_of(moments, "spend")["mean"] == 4.0
    assert row_of(moments, "spend")["variance"] == 19.0
    assert row_of(moments, "spend", "B")["mean"] == 15.0


def test_units_without_a_value_are_not_counted_as_zero(bench: Any, row_of: Any) -> None:
    bench.parquet("units.parquet", {"arm": ["A", "A", "A", "B"], "spend": [1.0, None, 3.0, 4.0]})
    moments = bench.moments(study(SPEND))
    assert row_of(moments, "spend")["n"] == 2
    assert row_of(moments, "spend")["mean"] == 2.0


@pytest.mark.parametrize("path", ["units.parquet", "units.csv"])
def test_a_column_without_any_value_is_no_error_and_no_zero(bench: Any, row_of: Any, path: str) -> None:
    if path.endswith("csv"):
        bench.text(path, "arm,spend\nA,\nB,\n")
    else:
        bench.parquet(path, {"arm": ["A", "B"], "spend": pd.Series([None, None], dtype="float64")})
    row = row_of(bench.moments(study(SPEND, path=path)), "spend")
    assert row["n"] == 0
    assert np.isnan(row["mean"])
    assert np.isnan(row["variance"])


def test_a_table_without_rows_gives_no_moments(bench: Any) -> None:
    bench.text("units.csv", "arm,spend\n")
    assert len(bench.moments(study(SPEND, path="units.csv"))) == 0


def test_a_single_unit_has_a_mean_and_no_variance(bench: Any, row_of: Any) -> None:
    bench.parquet("units.parquet", {"arm": ["A"], "spend": [7.25]})
    row = row_of(bench.moments(study(SPEND)), "spend")
    assert (row["n"], row["mean"]) == (1, 7.25)
    assert np.isnan(row["variance"])


def test_a_ratio_is_counted_over_units_that_have_both_parts(bench: Any, row_of: Any) -> None:
    frame = pd.DataFrame(
        {"arm": ["A"] * 5, "clicks": [1.0, 2.0, None, 4.0, 5.0], "views": [10.0, None, 30.0, 40.0, 50.0]}
    )
    bench.parquet("units.parquet", frame)
    ctr = {"kind": "ratio", "numerator": {"value": "clicks"}, "denominator": {"value": "views"}}
    clicks = {"kind": "mean", "value": "clicks"}
    moments = bench.moments(study({"ctr": ctr, "clicks": clicks}))
    both = frame.dropna()
    row = row_of(moments, "ctr")
    assert row["n"] == 3
    assert row["mean"] == pytest.approx(0.1, rel=1e-15)
    assert row["covariance"] == pytest.approx(both["clicks"].cov(both["views"]), rel=1e-12)
    assert row_of(moments, "clicks")["n"] == 4, "another metric keeps all its units"


def test_a_ratio_whose_denominator_is_zero_has_parts_and_no_value(bench: Any, row_of: Any) -> None:
    bench.parquet("units.parquet", {"arm": ["A", "A"], "clicks": [1, 2], "views": [0, 0]})
    ctr = {"kind": "ratio", "numerator": {"value": "clicks"}, "denominator": {"value": "views"}}
    row = row_of(bench.moments(study({"ctr": ctr})), "ctr")
    assert (row["n"], row["numerator_mean"], row["denominator_mean"]) == (2, 1.5, 0.0)
    assert np.isnan(row["mean"])


def test_a_covariate_is_zero_where_unknown_and_the_unknown_are_counted(bench: Any, row_of: Any) -> None:
    frame = pd.DataFrame(
        {
            "arm": ["A"] * 6,
            "spend": [1.0, 2.0, 3.0, None, 5.0, 6.0],
            "history": [2.0, None, 5.0, None, 8.0, 1.0],
        }
    )
    bench.parquet("units.parquet", frame)
    metric = {"kind": "mean", "value": "spend", "covariate": {"column": "history"}}
    row = row_of(bench.moments(study({"spend": metric})), "spend")
    known = frame[frame["spend"].notna()]
    history = known["history"].fillna(0)
    assert row["n"] == 5
    assert row["without_history"] == 1, "of the units that count, one has no history"
    assert row["covariate_mean"] == pytest.approx(history.mean(), rel=1e-14)
    assert row["covariate_variance"] == pytest.approx(history.var(), rel=1e-12)
    assert row["covariate_covariance"] == pytest.approx(history.cov(known["spend"]), rel=1e-12)


def test_a_funnel_is_counted_over_units_that_have_all_its_stages(bench: Any, row_of: Any) -> None:
    frame = pd.DataFrame(
        {
            "arm": ["A"] * 5,
            "visits": [3.0, 1.0, 2.0, 5.0, None],
            "orders": [1.0, None, 1.0, 2.0, 3.0],
        }
    )
    bench.parquet("units.parquet", frame)
    metrics = {
        "visits": {"kind": "mean", "value": "visits"},
        "orders": {"kind": "mean", "value": "orders"},
        "orders_per_visit": {
            "kind": "ratio",
            "numerator": {"value": "orders"},
            "denominator": {"value": "visits"},
        },
    }
    funnels = {"buying": {"total": "orders", "stages": ["visits", "orders_per_visit"]}}
    row = row_of(bench.moments(study(metrics, funnels=funnels)), "buying")
    full = frame.dropna()
    assert row["n"] == 3
    assert row["stage_means"] == pytest.approx([full["visits"].mean(), full["orders"].mean()], rel=1e-14)
    covariances = full[["visits", "orders"]].cov().to_numpy().ravel()
    assert row["stage_covariances"] == pytest.approx(covariances, rel=1e-12)


class TestProportion:
    @pytest.mark.parametrize("values", [[1, 0, 1, 1], [True, False, True, True], [1.0, 0.0, 1.0, 1.0]])
    def test_zeros_and_ones_of_any_type_are_a_share(self, bench: Any, row_of: Any, values: Any) -> None:
        bench.parquet("units.parquet", {"arm": ["A"] * 4, "paid": values})
        row = row_of(bench.moments(study({"paid": {"kind": "proportion", "value": "paid"}})), "paid")
        assert (row["n"], row["mean"]) == (4, 0.75)
        assert row["variance"] == pytest.approx(np.var([1, 0, 1, 1], ddof=1), rel=1e-14)

    @pytest.mark.parametrize("paid", [1, 0])
    def test_all_or_none_is_a_share_too(self, bench: Any, row_of: Any, paid: int) -> None:
        bench.parquet("units.parquet", {"arm": ["A", "A"], "paid": [float(paid)] * 2})
        row = row_of(bench.moments(study({"paid": {"kind": "proportion", "value": "paid"}})), "paid")
        assert (row["mean"], row["variance"]) == (paid, 0.0)

    @pytest.mark.parametrize(
        ("values", "seen"),
        [
            ([0.0, 3.0, 1.0], "values between 0 and 3"),
            ([0.0, -1.0, 1.0], "values between -1 and 1"),
            ([0.0, 0.5, 1.0], "values between them"),
            ([0.5, 0.5, 0.5], "values between them"),
            ([0.25, 1.0, 1.0], "values between them"),
        ],
    )
    def test_anything_else_is_no_share(self, bench: Any, values: list[float], seen: str) -> None:
        bench.parquet("units.parquet", {"arm": ["A"] * 3, "paid": values})
        with pytest.raises(DataError, match=seen) as caught:
            bench.moments(study({"paid": {"kind": "proportion", "value": "paid"}}))
        assert caught.value.message.startswith("metrics.paid.value: a proportion needs 0 or 1")
        assert '"paid > 0"' in caught.value.message

    def test_a_condition_makes_a_share_of_amounts(self, bench: Any, row_of: Any) -> None:
        bench.parquet("units.parquet", {"arm": ["A"] * 4, "spend": [0.0, 3.5, 0.0, None]})
        row = row_of(bench.moments(study({"paid": {"kind": "proportion", "value": "spend > 0"}})), "paid")
        assert (row["n"], row["mean"]) == (3, pytest.approx(1 / 3))


class TestNotFinite:
    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("capped", [False, True])
    def test_nan_and_infinity_are_refused_even_where_a_cap_would_hide_them(
        self, bench: Any, bad: float, capped: bool
    ) -> None:
        spend = pa.array([1.0, bad, 3.0, 4.0], from_pandas=False)
        pq.write_table(pa.table({"arm": ["A"] * 4, "spend": spend}), bench.directory / "units.parquet")
        metric = {"kind": "mean", "value": "spend"} | ({"cap_percentile": 90.0} if capped else {})
        with pytest.raises(DataError, match=r"metrics\.spend: 'spend' holds NaN or infinite values"):
            bench.moments(study({"spend": metric}))

    def test_they_can_be_taken_as_missing(self, bench: Any, row_of: Any) -> None:
        bench.parquet("units.parquet", {"arm": ["A"] * 3, "spend": [1.0, np.inf, 3.0]})
        metric = {"kind": "mean", "value": "case when isfinite(spend) then spend end"}
        assert row_of(bench.moments(study({"spend": metric})), "spend")["n"] == 2

    @pytest.mark.parametrize("size", [1e300, 1e-300, -1e200])
    def test_values_whose_squares_are_no_numbers_are_refused(self, bench: Any, size: float) -> None:
        bench.parquet("units.parquet", {"arm": ["A"] * 3, "spend": [size, size / 2, 0.0]})
        with pytest.raises(DataError, match="measure it in another unit"):
            bench.moments(study(SPEND))

    def test_small_values_beside_usual_ones_are_fine(self, bench: Any, row_of: Any) -> None:
        bench.parquet("units.parquet", {"arm": ["A"] * 3, "spend": [1e-300, 1.0, 2.0]})
        assert row_of(bench.moments(study(SPEND)), "spend")["mean"] == 1.0


class TestUnits:
    def test_ids_are_text_so_that_leading_zeros_stay(self, bench: Any) -> None:
        bench.text("units.csv", "id,arm,spend\n007,A,1\n7,A,2\n08,B,3\n")
        columns = Columns | {"unit": "id"}
        with bench.run(study(SPEND, path="units.csv", columns=columns)) as run:
            assert set(run.outcomes()["unit"]) == {"007", "7", "08"}

    def test_an_id_stored_as_a_fraction_is_the_same_unit(self, bench: Any) -> None:
        bench.parquet("units.parquet", {"id": [7.0, 8.0, 9.5], "arm": ["A", "A", "B"], "spend": [1, 2, 3]})
        with bench.run(study(SPEND, columns=Columns | {"unit": "id"})) as run:
            assert run.outcomes()["unit"].tolist() == ["7", "8", "9.5"]

    def test_a_repeated_unit_is_an_error_that_counts(self, bench: Any) -> None:
        frame = {"id": ["a", "a", "b", "b", "c"], "arm": ["A", "B", "A", "A", "B"], "spend": [1, 2, 3, 4, 5]}
        bench.parquet("units.parquet", frame)
        with pytest.raises(
            DataError,
            match=r"there is more than one row for 2 units, 1 of them in more than one variant, e\.g\. 'a'",
        ):
            bench.moments(study(SPEND, columns=Columns | {"unit": "id"}))

    def test_the_same_unit_in_two_experiments_is_no_repetition(self, bench: Any, row_of: Any) -> None:
        bench.parquet(
            "units.parquet",
            {"id": ["a", "a"], "exp": ["e", "f"], "arm": ["A", "A"], "spend": [1.0, 2.0]},
        )
        declared = study(SPEND, columns={"experiment": "exp", "unit": "id", "variant": "arm"})
        declared["experiments"] = {"e": {"control": "A"}, "f": {"control": "A"}}
        moments = bench.moments(declared)
        assert row_of(moments, "spend")["mean"] == 1.0
        assert row_of(moments, "spend", experiment="f")["mean"] == 2.0

    def test_trust_skips_the_question(self, bench: Any, row_of: Any) -> None:
        bench.parquet("units.parquet", {"id": ["a", "a"], "arm": ["A", "A"], "spend": [1.0, 3.0]})
        declared = study(SPEND, columns=Columns | {"unit": "id"}, source={"unique": "trust"})
        with bench.run(declared) as run:
            assert row_of(run.moments, "spend")["n"] == 2
            assert "repeated_units" not in {statement.name for statement in run.engine.record.texts}

    def test_rows_without_an_id_are_left_out_and_counted(self, bench: Any, row_of: Any) -> None:
        bench.parquet(
            "units.parquet", {"id": ["a", None, "b", ""], "arm": ["A"] * 4, "spend": [1.0, 99.0, 3.0, 99.0]}
        )
        with bench.run(study(SPEND, columns=Columns | {"unit": "id"})) as run:
            assert run.wide.without_unit == 2
            assert row_of(run.moments, "spend")["mean"] == 2.0

    def test_rows_of_unknown_arms_are_not_analysed(self, bench: Any) -> None:
        bench.parquet("units.parquet", {"arm": ["A", None, "B", "C"], "spend": [1.0, 2.0, 3.0, 4.0]})
        declared = study(SPEND)
        declared["experiments"] = {"e": {"control": "A", "treatments": ["B"]}}
        moments: Moments = bench.moments(declared)
        assert sorted(moments.variant) == ["A", "B"]


class TestSlices:
    def test_every_value_has_its_row_and_null_is_one_of_them(self, bench: Any, row_of: Any) -> None:
        frame = {"arm": ["A"] * 4, "spend": [1.0, 2.0, 3.0, 4.0], "plan": ["x", None, "x", ""]}
        bench.parquet("units.parquet", frame)
        moments = bench.moments(study(SPEND, source={"slices": ["plan"]}))
        assert row_of(moments, "spend", slice_name="plan", slice_value="x")["mean"] == 2.0
        assert row_of(moments, "spend", slice_name="plan", slice_value=None)["mean"] == 2.0
        assert row_of(moments, "spend", slice_name="plan", slice_value="")["mean"] == 4.0
        assert row_of(moments, "spend")["n"] == 4

    def test_values_of_a_text_file_stay_as_they_are_written(self, bench: Any) -> None:
        bench.text("units.csv", "arm,spend,code\nA,1,01\nA,2,t\nA,3,1e3\nA,4,2026-1-1\n")
        moments = bench.moments(study(SPEND, path="units.csv", source={"slices": ["code"]}))
        assert {v for v in moments.slice_value if v is not None} == {"01", "t", "1e3", "2026-1-1"}

    def test_thousands_of_values_are_no_problem(self, bench: Any) -> None:
        n = 5_000
        frame = {
            "arm": ["A", "B"] * n,
            "spend": np.arange(2.0 * n),
            "page": [f"/{i // 2}" for i in range(2 * n)],
        }
        bench.parquet("units.parquet", frame)
        moments = bench.moments(study(SPEND, source={"slices": ["page"]}))
        assert len(moments) == 2 + 2 * n
        assert sorted(moments.n.tolist()) == [1.0] * (2 * n) + [n, n]


class TestCaps:
    def test_the_cap_is_a_percentile_of_all_arms_together(self, bench: Any, row_of: Any) -> None:
        rng = np.random.default_rng(5)
        frame = pd.DataFrame({"arm": ["A", "B"] * 500, "spend": rng.lognormal(2, 1, 1000)})
        frame["spend"] *= np.where(frame["arm"] == "B", 3, 1)
        bench.parquet("units.parquet", frame)
        metric = {"kind": "mean", "value": "spend", "cap_percentile": 95.0}
        moments = bench.moments(study({"spend": metric}))
        cap = np.quantile(frame["spend"], 0.95)
        for arm in ("A", "B"):
            mine = frame.loc[frame["arm"] == arm, "spend"]
            row = row_of(moments, "spend", arm)
            assert row["mean"] == pytest.approx(mine.clip(upper=cap).mean(), rel=1e-12)
            assert row["variance"] == pytest.approx(mine.clip(upper=cap).var(), rel=1e-12)
            assert row["capped_units"] == (mine > cap).sum()
            assert row["capped_value"] == pytest.approx((mine - mine.clip(upper=cap)).mean(), rel=1e-9)

    def test_arms_that_are_not_analysed_do_not_move_it(self, bench: Any, row_of: Any) -> None:
        frame = pd.DataFrame(
            {"arm": ["A"] * 10 + [None] * 10 + ["C"] * 10, "spend": [*range(10), *[1000] * 20]}
        )
        bench.parquet("units.parquet", frame)
        declared = study({"spend": {"kind": "mean", "value": "spend", "cap_percentile": 90.0}})
        declared["experiments"] = {"e": {"control": "A", "treatments": ["B"]}}
        cap = np.quantile(np.arange(10), 0.9)
        assert row_of(bench.moments(declared), "spend")["mean"] == pytest.approx(
            np.arange(10).clip(max=cap).mean()
        )

    def test_a_decimal_column_is_capped_between_its_values(self, bench: Any, row_of: Any) -> None:
        spend = [Decimal(x) for x in (1, 2, 3, 10)]
        bench.parquet("units.parquet", {"arm": ["A"] * 4, "spend": spend})
        metric = {"kind": "mean", "value": "spend", "cap_percentile": 90.0}
        numbers = np.array([1.0, 2.0, 3.0, 10.0])
        row = row_of(bench.moments(study({"spend": metric})), "spend")
        assert row["mean"] == pytest.approx(numbers.clip(max=np.quantile(numbers, 0.9)).mean(), rel=1e-14)

    def test_two_caps_of_one_column_stay_apart(self, bench: Any, row_of: Any) -> None:
        spend = np.arange(100.0)
        bench.parquet("units.parquet", {"arm": ["A"] * 100, "spend": spend})
        metrics = {
            "low": {"kind": "mean", "value": "spend", "cap_percentile": 60.0},
            "high": {"kind": "mean", "value": "spend", "cap_percentile": 99.00001},
            "higher": {"kind": "mean", "value": "spend", "cap_percentile": 99.000011},
        }
        moments = bench.moments(study(metrics))
        for name, metric in metrics.items():
            cap = np.quantile(spend, float(str(metric["cap_percentile"])) / 100)
            assert row_of(moments, name)["mean"] == pytest.approx(spend.clip(max=cap).mean(), rel=1e-15)

    def test_days_are_those_of_the_studys_time_zone(self, bench: Any) -> None:
        seen = pd.to_datetime(["2026-03-01 23:30", "2026-03-02 00:30"])
        bench.parquet("units.parquet", {"arm": ["A", "A"], "spend": [1, 2], "seen": seen})
        declared = study(SPEND, columns=Columns | {"at": "seen"}, study={"timezone": "Europe/Berlin"})
        moments = bench.moments(declared)
        assert sorted({p for p in moments.period if p is not None}) == ["2026-03-01", "2026-03-02"]


def test_numbers_as_text_are_refused_with_an_example(bench: Any) -> None:
    bench.text("units.csv", "arm,spend\nA,1.5\nA,n/a\nB,2\n")
    with pytest.raises(DataError) as caught:
        bench.moments(study(SPEND, path="units.csv"))
    assert caught.value.message == (
        "metrics.spend.value: a number is needed, but 'spend' is VARCHAR and holds 'n/a'; mend the data, or write "
        "try_cast(spend as double) to take what is no number as missing"
    )


def test_the_remedy_for_text_works(bench: Any, row_of: Callable[..., Mapping[str, Any]]) -> None:
    bench.text("units.csv", "arm,spend\nA,1.5\nA,n/a\nA,2.5\n")
    metric = {"kind": "mean", "value": "try_cast(spend as double)"}
    row = row_of(bench.moments(study({"spend": metric}, path="units.csv")), "spend")
    assert (row["n"], row["mean"]) == (2, 2.0)
