"""Rules for names: engines fold their case, and abgap's own tables and columns stand beside the study's.

Names of experiments, variants and models are values and may be anything; those of facts, slices, metrics and
funnels become names of tables and columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abgap.study.flaws import Draft, Flaw
from abgap.study.toml import Loc, quoted

# The tables that `abgap sql` and the compiled queries know.
OWN_TABLES = (
    "arms",
    "binary_scores",
    "budget",
    "caps",
    "cells",
    "centres",
    "checks",
    "cross_cells",
    "enrolments",
    "estimates",
    "experiments",
    "exposures",
    "findings",
    "all_first_exposures",
    "all_predictions",
    "first_exposures",
    "fold_cells",
    "gaps",
    "judgements",
    "live_arms",
    "live_dated",
    "live_examples",
    "live_lists_served",
    "live_models",
    "live_values",
    "live_test_lists",
    "live_run_models",
    "live_recomputed",
    "live_queries",
    "live_lists_dated",
    "live_lists",
    "live_judgements",
    "live_grades",
    "live_orders",
    "live_outcomes",
    "live_periods",
    "live_predictions",
    "live_rankings",
    "live_requests",
    "live_served",
    "live_test_set",
    "live_units",
    "logged_cells",
    "logged_decisions",
    "logged_levels",
    "logged_model",
    "logger_mixture",
    "logger_shares",
    "member_outcomes",
    "mixture_decisions",
    "moments",
    "lazy_models",
    "lazy_places",
    "lazy_rankings",
    "offline",
    "offline_policies",
    "offline_bucketed",
    "offline_evaluations",
    "offline_history_values",
    "offline_queries",
    "offline_unit_gains",
    "offline_query_slices",
    "offline_score_slices",
    "offline_score_values",
    "offline_scores",
    "offline_twins",
    "overlap_depths",
    "policy_expected",
    "offline_values",
    "prediction_comparisons",
    "prediction_set_pairs",
    "prediction_pairs",
    "prediction_totals",
    "predictions",
    "quantile_bounds",
    "quantile_cells",
    "quantile_places",
    "quantile_points",
    "quantile_ranks",
    "quantile_events",
    "quantile_values",
    "offline_items",
    "click_pairs",
    "ranking_candidates",
    "ranking_clicks",
    "ranking_discounts",
    "ranking_exposures",
    "ranking_grades",
    "ranking_models",
    "reasons",
    "ranking_pairs",
    "ranking_places",
    "ranking_queries",
    "ranking_sample",
    "ranking_shown",
    "rankings",
    "test_ages",
    "test_features",
    "trained_until",
    "resample_cells",
    "resample_draws",
    "resample_units",
    "shadow_pairs",
    "shadow_ranks",
    "shadow_requests",
    "split_cells",
    "split_draws",
    "split_units",
    "uniform_policy",
    "unit_folds",
    "units_beside_gains",
    "gain_cells",
    "trend_cells",
    "trend_outcomes",
    "unit_outcomes",
    "unit_splits",
    "unit_values",
    "units",
    "given_rows",
    "given_terms",
    "lazy_constants",
    "lazy_numbers",
    "lazy_seasons",
    "lazy_terms",
    "task_keys",
    "task_numbers",
    "task_pairs",
    "task_targets",
    "task_terms",
    "training",
    "training_places",
    "training_scales",
)
# The columns of every unit, and of the sums over units.
OWN_COLUMNS = ("experiment", "unit", "variant", "at", "day", "exposed_at", "ends_at")
OWN_SUMS = ("units", "level", "slice_name", "slice_value", "period", "fold")

_WHAT = {"facts": "fact table", "metrics": "metric", "funnels": "funnel"}


def _slices(draft: Draft) -> list[tuple[Loc, str]]:
    """Every slice of the study with its place."""
    study = draft.study
    tables = (("exposures", study.exposures), ("unit_values", study.unit_values))
    return [
        ((key, "slices", position), name)
        for key, table in tables
        if table is not None
        for position, name in enumerate(table.slices)
    ]


def names_are_free(draft: Draft) -> Iterator[Flaw]:
    """Facts, slices and metrics are not called like a table or column of abgap itself."""
    for name in draft.names("facts"):
        if name.casefold() in OWN_TABLES:
            message = f"{quoted(name)} is the name of a table abgap makes itself"
            yield Flaw(("facts", name), message, "give it another name")
    for loc, name in _slices(draft):
        if name.casefold() in OWN_COLUMNS + OWN_SUMS:
            message = f"{quoted(name)} is the name of a column abgap makes itself"
            yield Flaw(loc, message, "slice by another column, or give it another name with a query")
    for name in draft.names("metrics"):
        if name.casefold() in OWN_COLUMNS:
            message = f"{quoted(name)} is the name of a column abgap makes itself"
            yield Flaw(("metrics", name), message, "give it another name")


def names_differ_by_more_than_case(draft: Draft) -> Iterator[Flaw]:
    """No two tables, and no two columns, have the same name to an engine."""
    yield from _same_names([(("facts", name), name) for name in draft.names("facts")])
    columns: list[tuple[Loc, str]] = _slices(draft)
    columns += [((table, name), name) for table in ("metrics", "funnels") for name in draft.names(table)]
    yield from _same_names(columns)
    yield from _same_names(_offline_slices(draft, "scores", "queries"))
    yield from _same_names(_offline_slices(draft, "predictions"))


def _offline_slices(draft: Draft, *sources: str) -> list[tuple[Loc, str]]:
    """Slices of offline sources that the same examples are broken down by."""
    found: list[tuple[Loc, str]] = []
    for key in sources:
        source = getattr(draft.study.offline, key)
        names = [] if source is None else source.slices
        found += [(("offline", key, "slices", position), name) for position, name in enumerate(names)]
    return found


def _same_names(places: Sequence[tuple[Loc, str]]) -> Iterator[Flaw]:
    seen: dict[str, tuple[Loc, str]] = {}
    for loc, name in places:
        other, other_name = seen.setdefault(name.casefold(), (loc, name))
        if other == loc:
            continue
        other_is = f"the {_WHAT.get(str(other[0]), 'slice')} {quoted(other_name)}"
        if other_name == name:
            message = f"has the name of {other_is}"
        else:
            message = f"{quoted(name)} differs from {other_is} by upper and lower case only"
        yield Flaw(loc, message, "give one of them another name")
