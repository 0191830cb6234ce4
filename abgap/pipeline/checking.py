"""The data checks of a study, of all floors, in one order: of sources, of models, then experiment by experiment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

from abgap.offline.contracts import contract_checks
from abgap.online import diagnostics
from abgap.online.activity import Activity, read_activity
from abgap.online.activity_checks import activity_checks
from abgap.online.arm_checks import experiment_checks
from abgap.online.balance import balance_checks
from abgap.online.reach import read_early_checks
from abgap.online.weeks import partial_weeks_checks

if TYPE_CHECKING:
    from abgap.online.wide import WideTable
    from abgap.pipeline.analysis import Analysis
    from abgap.records import Check


def quick_checks(analysis: Analysis) -> tuple[Check, ...]:
    """The checks that come out of what is computed anyway."""
    wide, study = analysis.wide, analysis.study
    _ = analysis.moments
    found = [] if wide is None else diagnostics.source_checks(wide)
    found += _left_out(analysis)
    found += analysis.offline.checks
    found += analysis.live.checks
    found += contract_checks(study, _last_day(analysis))
    found += _of_experiments(analysis)
    if wide is not None:
        found += _of_units(analysis, wide)
    return in_order(analysis, found)


def in_order(analysis: Analysis, found: Iterable[Check]) -> tuple[Check, ...]:
    """Checks of sources first, then experiment by experiment, each in the order given."""
    order = {name: i for i, name in enumerate(analysis.declared)}
    return tuple(
        sorted(found, key=lambda c: -1 if c.experiment is None else order.get(c.experiment, len(order)))
    )


def _of_experiments(analysis: Analysis) -> list[Check]:
    study, declared, counts = analysis.study, analysis.declared, analysis.counts
    sequential = study.study.looks == "sequential"
    found = [
        check
        for name, experiment in declared.items()
        for check in experiment_checks(experiment, counts.get(name), sequential=sequential)
    ]
    if any(metric.covariates for metric in study.metrics.values()):
        found += balance_checks(analysis.moments, analysis.controls, study.metrics)
    found += read_early_checks(study, declared.values(), analysis.wide, counts, analysis.data_until)
    found += partial_weeks_checks(
        declared.values(), counts, analysis.data_until, timezone=study.study.timezone
    )
    return found


def _of_units(analysis: Analysis, wide: WideTable) -> list[Check]:
    sums, declared = analysis.sums, analysis.declared.values()
    if sums is None:
        return []
    return [
        *diagnostics.exposure_checks(declared, wide),
        *diagnostics.cluster_checks(declared, wide),
        *diagnostics.value_checks(analysis.study, sums, wide, analysis.counts),
        *analysis.stages.result(
            analysis.of_units("windows"),
            lambda: diagnostics.window_checks(analysis.engine, analysis.study, analysis.made_wide),
        ),
    ]


def _left_out(analysis: Analysis) -> list[Check]:
    """Rows of ready-made units or moments that the study does not speak of."""
    study = analysis.study
    if analysis.imported is not None:
        known = {*study.metrics, *study.funnels, *study.gap.offline}
        return diagnostics.moments_checks(analysis.variants, known, analysis.imported[0])
    if study.unit_values is not None and analysis.sums is not None:
        return diagnostics.unit_value_checks(analysis.variants, analysis.sums)
    return []


def _last_day(analysis: Analysis) -> dt.date | None:
    """The last day that the data tell of: of logs, or of offline evaluations; None when nothing has a time."""
    until = None if analysis.data_until is None else analysis.data_until.date()
    evaluated = [dt.date.fromisoformat(each.date) for each in analysis.offline.history]
    days = [day for day in (until, analysis.offline.tracked.last_day, *evaluated) if day is not None]
    return max(days, default=None)


def activity_of_units(analysis: Analysis) -> list[Check]:
    """The checks of what units did and when: lost tracking, missing days, bots. They take a scan of the events."""
    wide = analysis.wide
    if wide is None:
        return []
    activity = Activity()
    if wide.intakes:
        activity = analysis.stages.result(
            analysis.of_units("activity"),
            lambda: read_activity(analysis.engine, analysis.study, analysis.views, analysis.made_wide),
        )
    by_unit = not analysis.study.is_clustered
    return activity_checks(analysis.controls, activity, analysis.counts, by_unit=by_unit)


def repeated_events(analysis: Analysis) -> list[Check]:
    """Whether events stand in a fact table twice, which costs as much as the analysis itself to find out."""
    wide = analysis.wide
    if wide is None or not wide.intakes:
        return []
    return analysis.stages.result(
        analysis.of_units("repeated events"), lambda: _repeated_events(analysis, wide)
    )


def _repeated_events(analysis: Analysis, wide: WideTable) -> list[Check]:
    from abgap.pipeline.kept_parts import keeping_parts  # noqa: PLC0415 - not for studies without events

    views = analysis.views
    analysis.progress("looking for repeated events")
    with keeping_parts(analysis.cache, analysis.study.study.name) as keeper:
        return diagnostics.repeated_event_checks(analysis.engine, analysis.study, views, wide, keeper)
