"""The catalogue: every query says what it is, compiles to readable SQL, and takes nothing but quoted SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from abgap.engine.catalogue import HEADER_FIELDS, Statement, compile_query, query, query_names
from abgap.engine.hashing import fold_of
from abgap.errors import QueryError
from abgap.resources import folder
from abgap.sources.sql import Named, Sql, identifier


def named(*names: str) -> list[Named]:
    return [Named(name=identifier(name), value=identifier(f"{name} in")) for name in names]


NO_WEIGHT = Sql("")


def part(name: str, aggregate: str, *, window: Sql | None = None, weight: Sql = NO_WEIGHT) -> SimpleNamespace:
    """A unit part with every field that a template may ask for."""
    column = identifier(name)
    return SimpleNamespace(
        name=column,
        part=column,
        chosen=Sql(f"case when b then {column} end"),
        window=window,
        times_weight=weight,
        value=column,
        partials=[SimpleNamespace(name=identifier(f"{name} partial"), value=Sql(f"{aggregate}({column})"))],
        total=Sql(f"sum({column})"),
        low=identifier(f"{name} low"),
        high=identifier(f"{name} high"),
        known=identifier(f"{name} known"),
        below_zero=identifier(f"{name} negative"),
    )


def column(name: str, **more: Sql) -> SimpleNamespace:
    fields = dict.fromkeys(("centre", "raw", "counted", "is_cut"))
    named_fields = {key: identifier(f"{name} {key}") for key in ("raw_name", "known", "cut")}
    return SimpleNamespace(
        name=identifier(name), value=identifier(f"{name} in"), **(fields | named_fields | more)
    )


SOURCE = {"source": Sql('"raw"')}
EXPOSED = {"exposures": identifier("first_exposures")}
KEYED = {"key": Sql("unit"), "no_unit": Sql("unit = ''")}
ONLY = Sql("'e'")
EVENTS = {"fact": Sql("events")}
NUMBER = Named(name=identifier("unit: number"), value=identifier("id"))
SLICES = [identifier("device"), identifier("new user")]
WINDOW = Sql("e.at >= x.exposed_at")
PARTS = [part("a", a, window=WINDOW) for a in ("sum", "count", "max")]
PARTS += [part("b", "sum", weight=Sql(" * 2")), part("c", "sum", window=WINDOW, weight=Sql(" * 2"))]
SUMS = [
    Named(name=identifier("s"), value=Sql('sum("s")')),
    Named(name=identifier("s low"), value=Sql("sum(1)")),
]
COLUMNS = [
    column("x"),
    column("y", centre=Sql("5.0e0"), raw=Sql("o.raw"), counted=Sql('"y"'), is_cut=Sql("1")),
]
MAPPED = {name: Sql(f'"{name} in"') for name in ("experiment", "unit", "variant", "at", "day")}
VALUES = identifier("part values of events")
FACT = [SimpleNamespace(table=identifier("unit parts of events"), alias=Sql("f1"))]
ACTIVE = [
    SimpleNamespace(value=Sql(f'f1."{name}"'), name=identifier(name), label=Sql(f"'{name}'"))
    for name in ("clicks", "spend")
]
SLICED = [SimpleNamespace(column=identifier("device"), label=Sql("'device'"))]
UNITS = identifier("unit_outcomes")
CELLS = identifier("cells")
CLUSTERED = {"members": identifier("member_outcomes"), "cluster": identifier("unit: cluster")}
DRAWN = {"drawn": Sql("u.drawn_from % 7"), "weight": Sql("case when drawn < 3 then 1 else 2 end")} | {
    "nothing_below": Sql("1")
}
KEYS = [Sql("experiment"), Sql("variant"), Sql("day"), identifier("device")]
SCORE_COLUMNS = ("model", "metric", "query", "value", "n", "se", "split", "day")
SCORES = {name: identifier(name) for name in SCORE_COLUMNS}
PER_QUERY, PAIRS = identifier("offline_score_values"), identifier("offline_score_values in pairs")
COMPARED = {"values": PER_QUERY, "contests": identifier("contests of pairs")}
BY_QUERY = [SimpleNamespace(table=identifier("query slices"), column=identifier("slice: device"))]
DECLARED = {name: identifier(name) for name in ("experiment", "control", "split", "start", "end")}
NAMES = [s.name for s in SUMS]
SUMMED = SimpleNamespace(name=identifier("reward"), parts=NAMES)
JUDGED = {
    "decisions": identifier("logged_decisions"),
    "policies": identifier("p"),
    "units": identifier("u"),
} | {
    "expected": NAMES,
    "unsupported": NAMES[:1],
    "sums": SUMS,
}
DECIDED = {
    name: identifier(name) for name in ("request", "context", "action", "position", "logger", "fold")
} | {name: identifier(name) for name in ("reward", "propensity")}
SHADOWED = {name: identifier(name) for name in ("request", "model", "latency_ms", "cost", "error")}
CHOSEN = {name: identifier(name) for name in ("policy", "context", "position", "action", "probability")}

PREDICTED = {
    name: identifier(name)
    for name in ("model", "example", "y_true", "y_score", "y_pred", "split", "series", "at")
}
NEVER = Sql("false")

RANKING_COLUMNS = ("model", "query", "item", "score", "split", "position", "propensity")
RANKED = {"places": identifier("ranking_places"), "models": identifier("ranking_models")}
JUDGED_QUERIES = {
    "judgements": identifier("judgements"),
    "queries": identifier("ranking_queries"),
    "graded": identifier("ranking_grades"),
}
GRADES = [identifier("grade 1"), identifier("grade 2")]
OF_LABEL = {
    "graded": identifier("ranking_grades"),
    "queries": identifier("ranking_queries"),
    "grade": GRADES[0],
    "hits": identifier("v: hits"),
    "ideals": identifier("v: ideals"),
}

LOG, SERVED = identifier("live_predictions"), identifier("live_served")
LIVE = {
    name: identifier(name) for name in ("unit", "model", "request", "item", "at", "score", "offline_score")
}
TOLD = {"fact": Sql("events"), "within": Sql("interval '86400' second")}
TESTED = {"tested": identifier("predictions"), "tested_example": identifier("example")}
AGE = Named(name=Sql("0"), value=Sql("true"))
EXAMPLES = {name: Sql(name) for name in ("place", "unit", "score")} | {"source": SERVED}

# For each query the smallest and the largest thing it is compiled with; None where it takes nothing.
TABLE = identifier("task_terms")
CUTS = [SimpleNamespace(column=identifier("slice 1"), label=Sql("'device'"))]
LABELLED = {"model": Sql("m"), "example": Sql("e")}
TERMS = [
    SimpleNamespace(
        name=identifier("error"), candidate=identifier("error of c"), base=identifier("error of b")
    )
]
CONTEXTS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "all_predictions": (
        SOURCE | PREDICTED | {"slices": []},
        SOURCE | PREDICTED | {"slices": named("slice 1", "slice 2")},
    ),
    "binary_cells": (
        {"slices": [], "decided": NEVER, "bin": Sql("0e0"), "terms": [], "sums": []},
        {"slices": SLICES, "decided": NEVER, "bin": Sql("floor(y_score)"), "terms": named("a"), "sums": SUMS},
    ),
    "binary_order": (
        {"model": Sql("'m'"), "slice": False, "keys": [], "partition": Sql(""), "order": Sql("score desc")}
        | {"binned": False, "curve": True, "sums": SUMS},
        {"model": Sql("r.model"), "slice": True, "keys": [Sql("model"), Sql("part")], "binned": True}
        | {"partition": Sql("partition by model, part"), "order": Sql("bin desc, score desc")}
        | {"curve": False, "sums": SUMS},
    ),
    "binary_scores": (
        {"by_model": False, "slice": None, "bin": None},
        {"by_model": True, "slice": SLICES[0], "bin": Sql("floor(y_score)")},
    ),
    "binary_pair_cells": (
        {"keys": [], "decided": NEVER, "base_decided": NEVER, "terms": [], "sums": []},
        {"keys": SLICES, "decided": NEVER, "base_decided": NEVER, "terms": named("a"), "sums": SUMS},
    ),
    "binary_pair_order": (
        {"slice": None, "keys": Sql("model, baseline"), "parts": Sql("model, baseline")}
        | {"steps": named("a"), "terms": named("b"), "sums": SUMS},
        {"slice": SLICES[1], "keys": Sql("model, baseline"), "parts": Sql("model, baseline, part")}
        | {"steps": named("a"), "terms": named("b"), "sums": SUMS},
    ),
    "caps": ({"units": UNITS, "thresholds": named("x", "y")},),
    "cells": (
        {"units": UNITS, "keys": KEYS[:2], "columns": COLUMNS[:1], "sums": SUMS[:1]}
        | {"capped": False, "by_arm": False, "only_experiment": Sql("cast('mail' as varchar)")},
        {"units": UNITS, "keys": KEYS, "columns": COLUMNS, "sums": SUMS}
        | {"capped": True, "by_arm": True, "only_experiment": None},
    ),
    "cluster_counts": (CLUSTERED,),
    "cluster_outcomes": (
        CLUSTERED | {"slices": [], "columns": COLUMNS[:1], "capped": False, "sums": SUMS[:1]},
        CLUSTERED | {"slices": SLICES, "columns": COLUMNS, "capped": True, "sums": SUMS},
    ),
    "declared_experiments": (SOURCE | DECLARED,),
    "enrolments": (KEYED | {"slices": [], "only": None}, KEYED | {"slices": SLICES, "only": ONLY}),
    "event_days": (EVENTS | {"key": identifier("unit"), "day": Sql('cast(e."at" as date)')},),
    "unit_activity": (
        {"key": identifier("unit"), "facts": FACT, "parts": ACTIVE[:1]},
        {"key": identifier("unit"), "facts": FACT, "parts": ACTIVE},
    ),
    "exposure_counts": (KEYED,),
    "exposures": (
        SOURCE | MAPPED | {"slices": [], "number": None},
        SOURCE | MAPPED | {"slices": named("device", "plan"), "number": NUMBER},
    ),
    "fact": (
        SOURCE | MAPPED | {"others": [], "number": None},
        SOURCE | MAPPED | {"others": named("amount"), "number": NUMBER},
    ),
    "fact_intake": (KEYED | EVENTS | {"values": []}, KEYED | EVENTS | {"values": PARTS[:2]}),
    "first_exposures": (
        {"slices": [], "day": Sql("1"), "only": None, "number": None},
        {"slices": SLICES, "day": Sql("1"), "only": ONLY, "number": identifier("unit: number")},
    ),
    "given_effects": (
        SOURCE
        | {
            name: identifier(name)
            for name in ("experiment", "treatment", "metric", "effect", "standard_error", "start", "tag")
        },
    ),
    "imported_moments": (SOURCE | {"columns": named("experiment", "n"), "keys": KEYS[:2]},),
    "counterfactual_sums": (
        JUDGED | {"by_request": False, "inner": [], "columns": [], "keys": []},
        JUDGED | {"by_request": True, "inner": SUMS, "columns": [SUMMED], "keys": KEYS[:2]},
    ),
    "logged_cells": ({"sums": SUMS},),
    "logged_decisions": (SOURCE | DECIDED,),
    "logged_levels": ({"parts": NAMES[:1]}, {"parts": NAMES}),
    "logged_model": ({"parts": NAMES[:1]}, {"parts": NAMES}),
    "logged_positions": ({"sums": SUMS},),
    "logger_mixture": ({"sums": SUMS, "keys": []}, {"sums": SUMS, "keys": KEYS[:2]}),
    "mixture_decisions": ({"parts": NAMES[:1], "keys": []}, {"parts": NAMES, "keys": KEYS[:2]}),
    "offline_policies": (SOURCE | CHOSEN,),
    "judgements": (SOURCE | {name: identifier(name) for name in ("query", "item", "label", "relevance")},),
    "offline_values": (
        {
            "metrics": [
                SimpleNamespace(metric=Sql("'mrr'"), table=identifier("v"), value=identifier("value 0"))
            ]
            * 2
        },
        {"metrics": []},
    ),
    "live_log": (
        SOURCE | LIVE | {"slices": []},
        SOURCE | LIVE | {"slices": named("slice 1", "slice 2")},
    ),
    "live_intake": (
        {"log": LOG, "lists": False, "unique": True},
        {"log": LOG, "lists": True, "unique": False},
    ),
    "live_repeated": ({"log": LOG, "lists": False}, {"log": LOG, "lists": True}),
    "live_outcomes": (
        TOLD | {"log": LOG, "timed": False, "request": identifier("r"), "item": None, "where": None},
        TOLD
        | {
            "log": LOG,
            "timed": True,
            "request": identifier("r"),
            "item": identifier("i"),
            "where": Sql("e = 'buy'"),
        },
    ),
    "live_requests": ({"slices": []}, {"slices": SLICES}),
    "live_served": (
        TOLD
        | {"log": LOG, "outcomes": None, "timed": False, "exposures_timed": False}
        | {"day": Sql("date '2026-03-02'"), "slices": []},
        TOLD
        | {"log": LOG, "outcomes": identifier("live_outcomes"), "timed": True}
        | {"exposures_timed": True, "day": Sql("l.at"), "slices": SLICES},
    ),
    "live_counts": ({"served": SERVED, "part": Sql("day"), "happened": Sql("sum(y_true)")},),
    "live_outside": ({"log": LOG},),
    "live_examples": (
        EXAMPLES | {"part": Sql("cast(null as varchar)"), "base": None, "where": None},
        EXAMPLES | {"part": SLICES[0], "base": Sql("offline_score"), "where": Sql("place is not null")},
    ),
    "live_orders": (
        {"base": False, "ordered": False, "terms": named("a")},
        {"base": True, "ordered": True, "terms": named("a", "b")},
    ),
    "live_units": ({"terms": identifier("live_orders"), "sums": SUMS},),
    "live_sums": ({"totals": named("a"), "sums": SUMS},),
    "live_day_sums": ({"left": named("a"), "right": named("b"), "sums": SUMS},),
    "live_scores": ({"served": SERVED},),
    "live_test_set": ({"slices": []}, {"slices": named("slice 1")}),
    "live_dated": ({"served": SERVED},),
    "live_runs": (
        {"score": Sql("l.score"), "recomputed": False},
        {"score": Sql("l.offline_score"), "recomputed": True},
    ),
    "live_lists": (
        {"served": SERVED, "part": Sql("s.day"), "values": identifier("v"), "base": None, "terms": []},
        {"served": SERVED, "part": Sql("s.day"), "values": identifier("v"), "base": identifier("b")}
        | {"terms": named("a")},
    ),
    "trained_overlap": (
        SOURCE | {"example": identifier("e"), "model": None} | TESTED,
        SOURCE | {"example": identifier("e"), "model": identifier("m")} | TESTED,
    ),
    "test_features": (
        SOURCE | {"example": identifier("e"), "y_true": identifier("y"), "features": [AGE]},
        SOURCE | {"example": identifier("e"), "y_true": identifier("y"), "features": [AGE, AGE]},
    ),
    "test_ages": ({"ages": [AGE]},),
    "rankings": (SOURCE | {name: identifier(name) for name in RANKING_COLUMNS},),
    "ranking_exposures": ({},),
    "ranking_exposure_intake": ({},),
    "ranking_clicks": ({"gain": GRADES[0], "counts": Sql("g.grade > 0")},),
    "ranking_click_counts": ({},),
    "ranking_click_rates": ({"counts": Sql("g.grade > 0"), "most": Sql("10")},),
    "ranking_click_sums": (
        {"hits": identifier("v: hits"), "of_model": Sql("m.place"), "of_base": Sql("b.place")}
        | {"inner": SUMS, "columns": [SUMMED], "sums": SUMS},
    ),
    "ranking_intake": ({"unique": True}, {"unique": False}),
    "ranking_counts": ({"table": identifier("v"), "sums": []}, {"table": identifier("v"), "sums": SUMS}),
    "ranking_grades": ({"grades": named("grade 1")} | JUDGED_QUERIES,),
    "ranking_queries": ({"judgements": identifier("judgements")},),
    "ranking_sizes": ({"graded": identifier("ranking_grades")},),
    "ranking_hits": (
        RANKED | OF_LABEL | {"tied": False, "priced": False, "within": None},
        RANKED | OF_LABEL | {"tied": True, "priced": True, "within": identifier("ranking_places")},
    ),
    "ranking_ideals": (OF_LABEL | {"sums": [], "ideals": []}, OF_LABEL | {"sums": SUMS, "ideals": SUMS}),
    "lazy_rankings": ({"grades": GRADES[:1], "popularity": False}, {"grades": GRADES, "popularity": True}),
    "offline_items": (
        SOURCE | {name: identifier(name) for name in ("item", "category", "price", "popularity")},
    ),
    "ranking_candidates": ({"grades": GRADES[:1]}, {"grades": GRADES}),
    "ranking_sample": ({"hash": Sql("1"), "bound": Sql("2")},),
    "ranking_shown": ({"top": Sql("10")},),
    "ranking_overlaps": ({"cut": Sql("10"), "sums": SUMS},),
    "ranking_reach": ({"cut": Sql("10"), "listed": False}, {"cut": Sql("10"), "listed": True}),
    "ranking_diversity": ({"cut": Sql("10")},),
    "ranking_novelty": (
        {"cut": Sql("10"), "sums": SUMS, "value": Sql("s.x"), "brought": None},
        {"cut": Sql("10"), "sums": SUMS, "value": Sql("s.x"), "brought": Sql("7.0e0")},
    ),
    "ranking_differences": ({"table": identifier("v"), "sums": SUMS},),
    "ranking_places": (
        RANKED | JUDGED_QUERIES | {"rankings": identifier("rankings"), "grades": GRADES[:1], "top": Sql("0")},
        RANKED | JUDGED_QUERIES | {"rankings": identifier("rankings"), "grades": GRADES, "top": Sql("10")},
    ),
    "ranking_shape": (RANKED | {"grades": GRADES},),
    "ranking_values": (
        RANKED | OF_LABEL | {"sums": [], "firsts": [], "values": [], "with_mean": False},
        RANKED | OF_LABEL | {"sums": SUMS, "firsts": SUMS, "values": SUMS, "with_mean": True},
    ),
    "offline_buckets": ({"pairs": PAIRS, "bucket": Sql("p.example"), "sums": SUMS},),
    "offline_pairs": (
        COMPARED | {"slices": [], "slice_tables": []},
        COMPARED | {"slices": BY_QUERY, "slice_tables": [identifier("query slices")]},
    ),
    "offline_queries": (
        SOURCE | {"query": identifier("q"), "unit": Sql("cast(null as varchar)"), "slices": []},
        SOURCE | {"query": identifier("q"), "unit": identifier("u"), "slices": named("device")},
    ),
    "offline_query_units": ({},),
    "offline_unit_gains": (
        {
            "values": identifier("v"),
            "contests": identifier("c"),
            "contest": identifier("gain: contest"),
            "added": Sql("sum(m.value - b.value)"),
            "influence": identifier("gain: influence"),
        },
    ),
    "offline_score_values": ({"dated": False}, {"dated": True}),
    "offline_scores": (
        SOURCE | SCORES | {"slices": []},
        SOURCE | SCORES | {"slices": named("device", "plan")},
    ),
    "offline_singles": (
        COMPARED | {"slices": [], "slice_tables": []},
        COMPARED | {"slices": BY_QUERY, "slice_tables": [identifier("query slices")]},
    ),
    "offline_slice_conflicts": (
        {"example": identifier("query"), "table": identifier("offline_scores"), "slices": SLICED},
        {"example": identifier("query"), "table": identifier("offline_scores"), "slices": SLICED * 2},
    ),
    "offline_slices": (
        {"example": identifier("query"), "table": identifier("offline_scores"), "slices": SLICES},
    ),
    "offline_sums": (
        {"examples": PAIRS, "counted": identifier("difference"), "slices": [], "sums": SUMS},
        {"examples": PAIRS, "counted": identifier("difference"), "slices": SLICED, "sums": SUMS},
    ),
    "offline_twins": ({"pairs": PAIRS, "sums": SUMS},),
    "offline_value_counts": ({"values": PER_QUERY},),
    "part_values": (
        KEYED | EVENTS | {"parts": [], "apart": None},
        KEYED | EVENTS | {"parts": PARTS, "apart": NUMBER},
    ),
    "prediction_intake": (
        {
            "usable": NEVER,
            "truth": Sql("y_true"),
            "not_finite": NEVER,
            "wrong_label": NEVER,
            "shown_label": Sql("null"),
        }
        | {"score": Sql("y_pred"), "positives": Sql("null")},
    ),
    "prediction_pairs": (
        {"bucket": Sql("m.example"), "slices": []},
        {"bucket": Sql("m.example"), "slices": SLICES},
    ),
    "prediction_sets": ({"truth": Sql("y_true")},),
    "predictions": ({"truth": Sql("y_true"), "prediction": Sql("y_pred")},),
    "policy_expected": (
        {"policies": identifier("p"), "keys": [], "sums": SUMS},
        {"policies": identifier("p"), "keys": KEYS[:2], "sums": SUMS},
    ),
    "policy_intake": ({"sums": SUMS},),
    "shadow_points": ({"ranks": Sql("1, 2")},),
    "shadow_requests": (SOURCE | SHADOWED,),
    "shadow_sums": ({"sums": SUMS},),
    "profile_column": (SOURCE | {"column": identifier("x")},),
    "quantile_counts": ({"clustered": False}, {"clustered": True}),
    "quantile_events": (
        KEYED
        | {"unit": Sql("unit"), "slices": [], "part": identifier("p95"), "values": VALUES, "window": None},
        KEYED
        | {
            "unit": Sql("unit"),
            "slices": SLICES,
            "part": identifier("p95"),
            "values": VALUES,
            "window": WINDOW,
        },
    ),
    "quantile_members": (
        {"cluster": identifier("cluster"), "slices": SLICES, "value": Sql("v.value"), "of_events": True},
        {"cluster": identifier("cluster"), "slices": [], "value": Sql('m."p95"'), "of_events": False},
    ),
    "quantile_ranks": (
        {"clustered": False, "slice": None, "by_day": False},
        {"clustered": True, "slice": SLICES[1], "by_day": False},
        {"clustered": True, "slice": None, "by_day": True},
    ),
    "quantile_units": (
        {"slices": [], "part": identifier("p95")},
        {"slices": SLICES, "part": identifier("p95")},
    ),
    "ranges": (
        {"units": UNITS, "parts": [], "by_arm": False},
        {"units": UNITS, "parts": PARTS[:2], "by_arm": True},
    ),
    "repeated_events": ({"columns": [identifier("unit"), identifier("at")], "fact": Sql("events")},),
    "repeated_units": ({"units": UNITS},),
    "resample_cells": (
        {"keys": KEYS[:2], "counted": [], "terms": SUMS[:1]} | DRAWN,
        {"keys": KEYS, "counted": COLUMNS[1:], "terms": SUMS} | DRAWN,
    ),
    "resample_units": (
        {"keys": KEYS[:2], "columns": COLUMNS[:1], "terms": SUMS[:1]}
        | {"number": Sql("1"), "capped": False, "experiments": None},
        {"keys": KEYS, "columns": COLUMNS, "terms": SUMS}
        | {"number": Sql("1"), "capped": True, "experiments": Sql("'e', 'f'")},
    ),
    "rollup": (
        {"cells": CELLS, "sums": [Sql("units")], "slices": [], "by_day": False, "draw": None},
        {
            "cells": CELLS,
            "sums": [s.name for s in SUMS],
            "slices": SLICED,
            "by_day": True,
            "draw": Sql("draw"),
        },
    ),
    "split_units": (
        {"number": Sql("1"), "columns": [], "experiment": ONLY},
        {"number": Sql("1"), "columns": SLICES, "experiment": ONLY},
    ),
    "unit_splits": (
        {"columns": [], "bound": Sql("3"), "control": ONLY, "treatment": Sql("'f'")} | DRAWN,
        {"columns": SLICES, "bound": Sql("3"), "control": ONLY, "treatment": Sql("'f'")} | DRAWN,
    ),
    "units_beside_gains": (
        {
            "units": identifier("unit_outcomes"),
            "contest": identifier("gain: contest"),
            "influence": identifier("gain: influence"),
        },
    ),
    "unit_folds": ({"fold": fold_of(identifier("unit"))},),
    "unit_outcomes": (
        KEYED | {"slices": [], "parts": [], "facts": [], "with_units": False, "cluster": None},
        KEYED
        | {
            "slices": SLICES,
            "parts": named("a"),
            "facts": FACT,
            "with_units": True,
            "cluster": identifier("c"),
        },
    ),
    "unit_partials": (
        KEYED
        | EXPOSED
        | {"values": VALUES, "parts": [part("a", "count")], "reach": None, "apart": None, "only": None},
        KEYED
        | EXPOSED
        | {"values": VALUES, "parts": PARTS, "reach": WINDOW, "apart": identifier("session"), "only": ONLY},
    ),
    "unit_parts": (
        KEYED | {"partials": VALUES, "parts": [part("a", "count")], "apart": None, "only": None},
        KEYED | {"partials": VALUES, "parts": PARTS, "apart": identifier("session"), "only": ONLY},
    ),
    "unit_ranges": ({"table": VALUES, "parts": PARTS},),
    "unit_values": (
        SOURCE | MAPPED | {"slices": [], "parts": [], "with_unit_only": False, "cluster": None},
        SOURCE
        | MAPPED
        | {"slices": named("device"), "parts": named("a"), "with_unit_only": True, "cluster": NUMBER},
    ),
    "units": (SOURCE | MAPPED | {"others": []}, SOURCE | MAPPED | {"others": named("amount")}),
    "value_intake": ({"values": VALUES, "parts": PARTS[:2]},),
    "class_models": ({"table": TABLE, "slices": []}, {"table": TABLE, "slices": CUTS}),
    "class_pairs": (
        {"table": TABLE, "slices": [], "bucket": Sql("m.example")},
        {"table": TABLE, "slices": CUTS, "bucket": Sql("m.example")},
    ),
    "cluster_rows": (SOURCE | LABELLED | {"label": Sql("k"), "columns": named("x")},),
    "given_terms": ({"bucket": Sql("g.example")},),
    "image_rows": (
        SOURCE | LABELLED | {"kind": Sql("k"), "columns": []},
        SOURCE | LABELLED | {"kind": Sql("k"), "columns": named("x_min", "y_min")},
    ),
    "lazy_numbers": (
        {"slices": [], "scaled": False, "seasonal": False},
        {"slices": CUTS, "scaled": True, "seasonal": False},
        {"slices": CUTS, "scaled": True, "seasonal": True},
    ),
    "lazy_seasons": ({"season": Sql("7")},),
    "number_terms": (
        {"table": TABLE, "slices": [], "centre": Sql("1e0"), "scaled": False},
        {"table": TABLE, "slices": CUTS, "centre": Sql("1e0"), "scaled": True},
    ),
    "task_keys": ({"example": Sql("example"), "slices": []}, {"example": Sql("example"), "slices": CUTS}),
    "task_numbers": (
        {"bucket": Sql("k.example"), "slices": [], "scaled": False},
        {"bucket": Sql("k.example"), "slices": CUTS, "scaled": True},
    ),
    "task_targets": ({"example": Sql("example"), "slices": []}, {"example": Sql("example"), "slices": CUTS}),
    "task_texts": ({"slices": []}, {"slices": CUTS}),
    "term_models": (
        {"table": TABLE, "slices": [], "sums": SUMS},
        {"table": TABLE, "slices": CUTS, "sums": SUMS},
    ),
    "term_pairs": (
        {"table": TABLE, "slices": [], "sums": SUMS, "terms": TERMS},
        {"table": TABLE, "slices": CUTS, "sums": SUMS, "terms": TERMS},
    ),
    "term_ranges": ({"table": TABLE, "terms": [identifier("error")]},),
    "term_totals": ({"table": TABLE, "sums": SUMS},),
    "training": (SOURCE | {"series": Sql("s"), "at": Sql("d"), "y": Sql("v")},),
    "training_scales": ({"season": Sql("7"), "sums": SUMS},),
}
COMPILED = [(name, context) for name in query_names() for context in CONTEXTS.get(name, ({},))]


def compiled(name: str, context: Mapping[str, Any]) -> Statement:
    return compile_query(name, params=None, **context)


def text_of(name: str) -> str:
    return (folder("queries") / f"{name}.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", query_names())
def test_every_file_says_what_it_is_in_order(name: str) -> None:
    found = [line.split(":", 1)[0] for line in text_of(name).splitlines() if re.match(r"-- [a-z]+:", line)]
    assert found == [f"-- {field}" for field in HEADER_FIELDS]
    head = query(name)
    assert all(getattr(head, field).endswith(".") for field in HEADER_FIELDS)
    assert len(head.sha256) == 64


@pytest.mark.parametrize("name", query_names())
def test_every_parameter_is_announced(name: str) -> None:
    statement = "\n".join(line for line in text_of(name).splitlines() if not line.startswith("--"))
    used = set(re.findall(r"\$\w+", statement))
    assert used == set(re.findall(r"\$\w+", query(name).takes))


@pytest.mark.parametrize(("name", "context"), COMPILED)
def test_every_query_compiles_to_one_select(name: str, context: Mapping[str, Any]) -> None:
    statement = compiled(name, context)
    with duckdb.connect() as connection:
        (parsed,) = connection.extract_statements(statement.sql)
    assert parsed.type == duckdb.StatementType.SELECT


@pytest.mark.parametrize(("name", "context"), COMPILED)
def test_compiled_sql_can_be_read(name: str, context: Mapping[str, Any]) -> None:
    lines = compiled(name, context).sql.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        assert line == line.rstrip(), "no trailing blanks"
        assert line or before in {"),", ")"}, "no empty line but after a common table expression"
        assert (len(line) - len(line.lstrip())) % 4 == 0, "four blanks for a level"
        assert "{" not in line, "nothing of the template is left"
    statement = [line for line in lines if not line.startswith("--")]
    keywords = re.findall(r"\b(SELECT|FROM|WHERE|GROUP|ORDER|JOIN|AS|CASE|CAST)\b", "\n".join(statement))
    assert not keywords, "keywords are lower case"


@pytest.mark.parametrize("name", query_names())
def test_a_file_is_tidy(name: str) -> None:
    text = text_of(name)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\t" not in text
    assert max(map(len, text.splitlines())) <= 125


@pytest.mark.parametrize("value", ["plain text", "'; drop table t; --", 5, 1.5, None, ["a"], b"x"])
def test_a_template_refuses_everything_but_quoted_sql(value: object) -> None:
    with pytest.raises(QueryError, match="a query template may only insert quoted SQL"):
        compiled("offline_scores", SOURCE | SCORES | {"value": value})


def test_a_template_refuses_what_is_hidden_in_a_list() -> None:
    bad = SimpleNamespace(name="x; drop table t", value=Sql("1"))
    with pytest.raises(QueryError, match="not str 'x; drop table t'"):
        compiled("fact", SOURCE | MAPPED | {"others": [bad], "number": None})


def test_what_a_template_needs_cannot_be_forgotten() -> None:
    with pytest.raises(Exception, match="'source' is undefined"):
        compile_query("units", unit=Sql("x"), others=[])


def test_an_unknown_query_is_named_with_those_there_are() -> None:
    with pytest.raises(QueryError, match=r"there is no query 'cell'; the catalogue has: .*caps, cells, "):
        query("cell")
    with pytest.raises(QueryError, match="there is no query"):
        query("../queries/cells")


def test_parameters_are_kept_beside_the_statement() -> None:
    statement = compile_query("enrolments", params={"timed": True}, **KEYED, slices=[], only=None)
    assert statement.params == {"timed": True}
    assert "$timed" in statement.sql
