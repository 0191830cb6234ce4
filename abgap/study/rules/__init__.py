"""Rules that tie several keys of the study file together.

Each rule is a small function from a draft to the flaws it finds; ``RULES`` is the whole list. A new rule is
one function and one line in this registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from abgap.study.flaws import Draft, Flaw
from abgap.study.rules import (
    experiments,
    funnels,
    live,
    logged,
    metrics,
    names,
    portfolio,
    predictions,
    rankings,
    settings,
    sources,
    trackers,
)

Rule = Callable[[Draft], Iterator[Flaw]]

RULES: tuple[Rule, ...] = (
    settings.timezone_is_known,
    settings.memory_limit_is_a_size,
    settings.spark_settings_are_for_spark,
    settings.gap_names_what_exists,
    settings.exchange_rates_are_of_the_gap,
    settings.models_have_other_baselines,
    settings.latency_is_measured,
    settings.triggered_is_a_slice,
    settings.perturbed_is_a_slice,
    portfolio.proxies_are_held_against_business,
    portfolio.effects_are_held_against_business,
    portfolio.effects_alone_have_no_units,
    sources.one_base,
    sources.companions_of_the_base,
    sources.one_place_to_read_from,
    sources.format_goes_with_files,
    sources.trec_is_for_rankings,
    sources.columns_are_mapped,
    sources.columns_are_known,
    predictions.something_is_predicted,
    predictions.decisions_are_binary,
    predictions.clusters_have_features,
    predictions.companions_fit_the_task,
    logged.policies_have_a_log,
    logged.policies_depend_on_what_is_logged,
    logged.some_policy_is_judged,
    rankings.something_orders_the_items,
    rankings.judgements_are_of_rankings,
    rankings.rankings_are_judged,
    live.live_rows_are_of_units,
    live.something_was_served,
    live.live_and_offline_are_measured_alike,
    live.outcomes_are_told,
    trackers.models_are_named_somewhere,
    trackers.facts_are_those_of_models,
    names.names_are_free,
    names.names_differ_by_more_than_case,
    experiments.some_experiment_is_declared,
    experiments.control_is_no_treatment,
    experiments.treatments_are_named_once,
    experiments.split_covers_the_variants,
    experiments.starts_before_it_ends,
    experiments.models_are_of_its_variants,
    metrics.keys_fit_the_kind,
    metrics.keys_fit_the_base,
    metrics.needed_keys_are_there,
    metrics.parts_are_whole,
    metrics.facts_exist,
    metrics.times_are_mapped,
    metrics.covariates_have_a_source,
    metrics.strata_are_slices,
    metrics.retention_days_are_in_order,
    metrics.margins_are_for_guardrails,
    metrics.translations_say_what_is_better,
    metrics.bootstrap_can_be_drawn,
    funnels.stages_exist,
    funnels.stages_chain,
)


def broken_rules(draft: Draft) -> Iterator[Flaw]:
    """All flaws that the rules find in a draft, in the order of the registry."""
    for rule in RULES:
        yield from rule(draft)
