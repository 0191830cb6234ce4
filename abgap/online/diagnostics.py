"""Gathers all data checks of a run from what the stages counted on their way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy.typing as npt

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Columns, Engine
from abgap.online import checks
from abgap.online import value_checks as of_values
from abgap.online.codes import coded, grouped
from abgap.online.counts import ArmCounts
from abgap.online.experiments import DeclaredExperiment, Variants, is_analysed
from abgap.online.increments import Keeper
from abgap.online.intake import fact_source
from abgap.online.plan import SECONDS_PER_DAY, MetricColumns
from abgap.online.repeats import count_repeats
from abgap.online.sums import Sums
from abgap.online.tables import known_name
from abgap.online.views import Views
from abgap.online.wide import WideTable
from abgap.records import Check, Kind, Moments, Role
from abgap.study.model import Study

# Columns of equal length that say what became of how many rows: experiment, variant, outcome, row_count.
RowCounts: TypeAlias = Mapping[str, Sequence[Any] | npt.NDArray[Any]]


def source_checks(wide: WideTable) -> list[Check]:
    """Rows that no stage could use, by source."""
    found: list[Check | None] = [
        checks.rejected_rows_check(r.counted.source, r.counted.rows, r.counted.rejected, r.counted.notes)
        for r in wide.relations.values()
        if r.counted is not None
    ]
    found += [
        checks.unusable_events_check(i.fact, i.row_count, i.no_unit, i.no_time, timed=i.timed)
        for i in wide.intakes
    ]
    if wide.enrolment_counts is not None and wide.enrolment_counts["units"].sum() > 0:
        found += [checks.unmatched_events_check(i.fact, i.row_count, i.with_events) for i in wide.intakes]
    found.append(checks.rows_without_unit_check(wide.without_unit))
    if wide.exposure_counts is not None:
        found.append(_undeclared(wide.exposure_counts))
    return _present(found)


def repeated_event_checks(
    engine: Engine, study: Study, views: Views, wide: WideTable, keeper: Keeper | None = None
) -> list[Check]:
    """Events that stand in a fact table twice. keeper: of what earlier runs counted, None to read all files."""
    found = []
    for intake in wide.intakes:
        repeats = count_repeats(engine, fact_source(study, views, intake.fact), keeper)
        found.append(checks.repeated_events_check(intake.fact, repeats.rows, repeats.repeated))
    return found


def _present(found: Iterable[Check | None]) -> list[Check]:
    return [check for check in found if check is not None]


def _undeclared(counts: RowCounts, what: str | None = None) -> Check | None:
    """Rows of no experiment or metric of the study belong to no experiment's checks."""
    outcomes: dict[str, float] = {}
    for outcome, n in zip(counts["outcome"], counts["row_count"], strict=True):
        known = outcome if outcome in _OF_NO_EXPERIMENT else "kept"
        outcomes[known] = outcomes.get(known, 0.0) + n
    return checks.left_out_check(None, outcomes, [], what=what)


_OF_NO_EXPERIMENT = {"no experiment", "unknown experiment", "unknown metric"}


def unit_value_checks(variants: Variants, sums: Sums) -> list[Check]:
    """Rows of [unit_values] that belong to no arm of the study."""
    rows = sums.rows
    arms = zip(rows["level"], rows["experiment"], rows["variant"], rows["units"], strict=True)
    counts = _row_counts(
        (experiment, variant, _outcome(variants, experiment, variant), float(n))
        for level, experiment, variant, n in arms
        if level == "whole"
    )
    return _ready_made(variants, counts, "rows of [unit_values]")


def moments_checks(variants: Variants, metrics: Collection[str], moments: Moments) -> list[Check]:
    """Rows of [moments] that belong to no arm or metric of the study. metrics: declared, funnels among them."""
    known = coded(moments.metric).each(lambda metric: metric in metrics)
    groups = grouped(coded(moments.experiment), coded(moments.variant), known)
    names = (
        column[groups.first].tolist() for column in (moments.experiment, moments.variant, known.column())
    )
    counts = _row_counts(
        (
            experiment,
            variant,
            _outcome(variants, experiment, variant) if is_known else "unknown metric",
            float(times),
        )
        for experiment, variant, is_known, times in zip(*names, groups.rows.tolist(), strict=True)
    )
    return _ready_made(variants, counts, "rows of [moments]")


def _outcome(variants: Variants, experiment: object, variant: object) -> str:
    """What becomes of a row that needs no time: the same words as in the query exposure_counts."""
    if not isinstance(experiment, str):
        return "no experiment"
    if experiment not in variants:
        return "unknown experiment"
    if not isinstance(variant, str):
        return "no variant"
    return "kept" if is_analysed(variants, experiment, variant) else "unknown variant"


def _row_counts(rows: Iterable[tuple[object, object, str, float]]) -> RowCounts:
    names = ("experiment", "variant", "outcome", "row_count")
    return dict(zip(names, zip(*rows, strict=True), strict=False)) or dict.fromkeys(names, ())


def _ready_made(variants: Variants, counts: RowCounts, what: str) -> list[Check]:
    outcomes, unknown = _outcomes(counts)
    of_experiments = [
        checks.left_out_check(name, outcomes.get(name, {}), sorted(set(unknown.get(name, []))), what=what)
        for name in variants
    ]
    return _present([_undeclared(counts, what), *of_experiments])


def cluster_checks(declared: Iterable[DeclaredExperiment], wide: WideTable) -> list[Check]:
    """What became of clusters and their units; none where units were randomised."""
    if wide.cluster_counts is None:
        return []
    names = ("units", "without_cluster", "clusters", "mixed_clusters", "mixed_units")
    known = {e.name for e in declared}
    found: list[Check | None] = []
    for i, name in enumerate(wide.cluster_counts["experiment"]):
        units, without, clusters, mixed, mixed_units = (
            float(wide.cluster_counts[column][i]) for column in names
        )
        if name in known:
            found.append(checks.mixed_clusters_check(name, clusters, mixed, mixed_units))
            found.append(checks.units_without_cluster_check(name, units, without))
    return _present(found)


def exposure_checks(declared: Iterable[DeclaredExperiment], wide: WideTable) -> list[Check]:
    """What became of the exposures of each experiment; none when units come ready-made."""
    if wide.exposure_counts is None or wide.enrolment_counts is None:
        return []
    outcomes, unknown = _outcomes(wide.exposure_counts)
    arms = _enrolled(wide.enrolment_counts)
    found: list[Check | None] = []
    for experiment in declared:
        name = experiment.name
        found.append(checks.left_out_check(name, outcomes.get(name, {}), unknown.get(name, [])))
        if name in arms:
            units, mixed, repeated = arms[name]
            found.append(checks.mixed_units_check(name, units, mixed, timed=wide.by_day))
            found.append(checks.repeated_exposures_check(name, sum(units.values()), repeated))
    return _present(found)


def _outcomes(counts: RowCounts) -> tuple[dict[str, dict[str, float]], dict[str, list[str]]]:
    outcomes: dict[str, dict[str, float]] = {}
    unknown: dict[str, list[str]] = {}
    rows = zip(counts["experiment"], counts["variant"], counts["outcome"], counts["row_count"], strict=True)
    for experiment, variant, outcome, n in rows:
        of_experiment = outcomes.setdefault(experiment, {})
        of_experiment[outcome] = of_experiment.get(outcome, 0.0) + n
        if outcome == "unknown variant":
            unknown.setdefault(experiment, []).append(variant)
    return outcomes, unknown


def _enrolled(counts: Columns) -> dict[str, tuple[dict[str, float], dict[str, float], float]]:
    arms: dict[str, tuple[dict[str, float], dict[str, float], float]] = {}
    columns = (counts[c] for c in ("experiment", "variant", "units", "mixed_units", "repeated_rows"))
    for experiment, variant, units, mixed, repeated in zip(*columns, strict=True):
        all_units, all_mixed, rows = arms.get(experiment, ({}, {}, 0.0))
        arms[experiment] = (all_units | {variant: units}, all_mixed | {variant: mixed}, rows + repeated)
    return arms


def value_checks(study: Study, sums: Sums, wide: WideTable, counts: Mapping[str, ArmCounts]) -> list[Check]:
    """Values that are missing, money below zero, and caps that leave nothing."""
    found: list[Check | None] = []
    parts = {column.name: column.part for column in sums.plan.columns}
    for metric in sums.plan.metrics:
        if study.metrics[metric.metric].money:
            found.append(_negative_money(metric.metric, parts[metric.value], sums, wide))
        if wide.may_miss_values:
            decides = _decides(study, metric.metric)
            found += _missing(metric.metric, known_name(metric.value), sums.rows, counts, decides=decides)
        elif metric.kind is Kind.RETENTION:
            found += _too_young(study, metric, sums, counts)
    return _present(found + _empty_caps(sums, counts))


def _negative_money(metric: str, part: str, sums: Sums, wide: WideTable) -> Check | None:
    """Of logs the events are looked at: a refund must not hide behind a purchase of the same unit."""
    for intake in wide.intakes:
        if part in intake.below_zero:
            found = intake.below_zero[part]
            return of_values.negative_money_check(metric, found.smallest, found.events)
    return of_values.negative_money_check(metric, sums.smallest[part], None)


def _empty_caps(sums: Sums, counts: Mapping[str, ArmCounts]) -> list[Check | None]:
    parts = {column.name: column.part for column in sums.plan.columns}
    capped = {column.name: column.cap_fraction for column in sums.plan.columns if column.cap_fraction}
    return [
        of_values.empty_cap_check(
            experiment, metric.metric, 100 * capped[metric.value], cap, sums.smallest[parts[metric.value]]
        )
        for metric in sums.plan.metrics
        for (column, experiment), cap in sums.caps.items()
        if column == metric.value and experiment in counts
    ]


def _decides(study: Study, metric: str) -> bool:
    """Whether verdicts or decisions rest on the metric."""
    return study.metrics[metric].role is Role.PRIMARY or metric in study.gap.business


def _missing(
    metric: str, column: str, rows: Columns, counts: Mapping[str, ArmCounts], *, decides: bool
) -> list[Check | None]:
    return [
        of_values.missing_values_check(name, metric, units, known, decides=decides)
        for name, units, known in _known_units(column, rows, counts)
    ]


def _known_units(
    column: str, rows: Columns, counts: Mapping[str, ArmCounts]
) -> list[tuple[str, dict[str, int], dict[str, int]]]:
    """Per experiment all units by arm, and those with a value of the column."""
    units: dict[str, dict[str, int]] = {}
    known: dict[str, dict[str, int]] = {}
    for i, level in enumerate(rows["level"]):
        experiment, variant = rows["experiment"][i], rows["variant"][i]
        if level == "whole" and variant in counts.get(experiment, _NO_ARMS).whole:
            units.setdefault(experiment, {})[variant] = int(rows["units"][i])
            known.setdefault(experiment, {})[variant] = int(rows[column][i])
    return [(name, arms, known[name]) for name, arms in units.items()]


def _too_young(
    study: Study, metric: MetricColumns, sums: Sums, counts: Mapping[str, ArmCounts]
) -> list[Check | None]:
    """Units that were not there for long enough to have come back."""
    days = study.metrics[metric.metric].to_day or 0.0
    return [
        of_values.too_young_check(name, metric.metric, days, units, known)
        for name, units, known in _known_units(known_name(metric.value), sums.rows, counts)
    ]


_NO_ARMS = ArmCounts(whole={}, parts={})


def window_checks(engine: Engine, study: Study, wide: WideTable) -> list[Check]:
    """Whether the longest window over each fact table is over for every unit when its data ends."""
    found = []
    for intake in wide.intakes:
        days = _longest_window(study, intake.fact)
        if days is None or intake.last_at is None or not wide.by_day:
            continue
        params = {"last_at": intake.last_at, "window_seconds": round(days * SECONDS_PER_DAY)}
        rows = engine.fetch(compile_query("window_coverage", params=params))
        for name, units, still_open in zip(
            rows["experiment"], rows["units"], rows["open_units"], strict=True
        ):
            found.append(of_values.open_windows_check(name, intake.fact, days, units, still_open))
    return found


def _longest_window(study: Study, fact: str) -> float | None:
    windows = [
        metric.window_days
        for metric in study.metrics.values()
        if metric.window_days is not None
        and fact
        in {metric.fact, *(side.fact for side in (metric.numerator, metric.denominator) if side is not None)}
    ]
    return max(windows, default=None)
