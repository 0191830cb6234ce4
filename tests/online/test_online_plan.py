"""What has to be added up: each number once, under a name of its own."""

from __future__ import annotations

from typing import Any

from abgap.online.plan import Plan, Window, make_plan, with_guards
from abgap.study.load import check_study


def plan(metrics: dict[str, Any], *, ready_made: bool = False, **more: Any) -> Plan:
    exposures = {
        "path": "x.parquet",
        "columns": {"experiment": "e", "unit": "u", "variant": "v", "at": "t"},
    }
    facts = {"events": {"path": "y.parquet", "columns": {"unit": "u", "at": "t"}}}
    values = {"path": "x.parquet", "columns": {"experiment": "e", "variant": "v"}}
    base = {"unit_values": values} if ready_made else {"exposures": exposures, "facts": facts}
    return make_plan(check_study(base | {"metrics": metrics, "experiments": {"e": {"control": "A"}}} | more))


MEAN: dict[str, Any] = {"kind": "mean", "fact": "events", "value": "amount"}


def test_a_mean_needs_its_square_and_a_covariate_its_cross_moment() -> None:
    found = plan({"m": MEAN | {"covariate": {"lookback_days": 7}}})
    assert [(p.name, p.window, p.pre_period) for p in found.parts] == [
        ("m", Window(), False),
        ("m: before exposure", Window(lookback_days=7), True),
    ]
    pre = "m: before exposure"
    assert set(found.products) == {("m", "m"), (pre, pre), ("m", pre)}


def test_a_share_of_events_needs_no_square_and_ready_made_values_prove_theirs() -> None:
    assert plan({"p": {"kind": "proportion", "fact": "events"}}).products == ()
    assert plan({"p": {"kind": "proportion", "value": "paid"}}, ready_made=True).products == (("p", "p"),)


def test_metrics_of_the_same_number_share_it() -> None:
    found = plan({"a": MEAN, "b": MEAN, "c": MEAN | {"window_days": 7}, "d": MEAN | {"where": "amount > 1"}})
    assert [p.name for p in found.parts] == ["a", "c", "d"]
    assert [m.value for m in found.metrics] == ["a", "a", "c", "d"]


def test_the_same_number_capped_is_another_column_of_the_same_part() -> None:
    found = plan({"a": MEAN, "b": MEAN | {"cap_percentile": 99.0}})
    assert [p.name for p in found.parts] == ["a"]
    assert [(c.name, c.cap_fraction) for c in found.columns] == [("a", None), ("a: capped at p99.0", 0.99)]


def test_a_funnel_needs_the_cross_moments_of_its_stages() -> None:
    visits = {"fact": "events", "where": "kind = 'visit'"}
    spend = {"fact": "events", "value": "amount"}
    metrics = {
        "spend": {"kind": "mean"} | spend,
        "visits": {"kind": "mean"} | visits,
        "spend_per_visit": {"kind": "ratio", "numerator": spend, "denominator": visits},
    }
    found = plan(metrics, funnels={"f": {"total": "spend", "stages": ["visits", "spend_per_visit"]}})
    assert found.funnels == (("f", ("visits", "spend")),)
    assert {frozenset(pair) for pair in found.products} == {
        frozenset({"visits"}),
        frozenset({"spend"}),
        frozenset({"visits", "spend"}),
    }


def test_colons_of_names_are_doubled_so_that_derived_names_cannot_meet_them() -> None:
    ratio = {"kind": "ratio", "numerator": {"value": "x"}, "denominator": {"value": "y"}}
    found = plan({"a": ratio, "a: numerator": {"kind": "mean", "value": "z"}}, ready_made=True)
    assert [p.name for p in found.parts] == ["a: numerator", "a: denominator", "a:: numerator"]


def test_guards_make_columns_of_their_own_for_the_metrics_that_need_them() -> None:
    ratio = {"kind": "ratio", "numerator": {"value": "x"}, "denominator": {"value": "y"}}
    found = with_guards(plan({"r": ratio, "m": {"kind": "mean", "value": "x"}}, ready_made=True), ["r"])
    by_name = {c.name: c for c in found.columns}
    r, m = found.metrics
    assert (r.value, r.denominator, m.value) == ("r: numerator: in r", "r: denominator: in r", "r: numerator")
    assert by_name[r.value].guards == ("r: numerator", "r: denominator")
    assert by_name[m.value].guards == ()
    assert (r.value, r.denominator) in found.products
