"""Results to the whole report, in words and pictures."""

from __future__ import annotations

from abgap.records import Results
from abgap.report.view.appendix import (
    definition_tables,
    input_tables,
    provenance_facts,
    quality_tables,
    queries_of,
    verdict_table,
)
from abgap.report.view.curves import curve_figures, threshold_tables
from abgap.report.view.experiment import experiment_view
from abgap.report.view.index import index_of
from abgap.report.view.limits import LADDER, Limits, left_out
from abgap.report.view.live import live_tables
from abgap.report.view.methods import methods_of
from abgap.report.view.model import ReportView
from abgap.report.view.offline import models_table, offline_panels, offline_remarks, offline_slices
from abgap.report.view.offline_tables import confusions, falls, histories, other_definitions
from abgap.report.view.opening import opening_of
from abgap.report.view.overview import overview_of
from abgap.report.view.policies import policy_remarks, policy_tables
from abgap.report.view.portfolio import portfolio_of


def view_of(results: Results, limits: Limits = LADDER[0]) -> ReportView:
    """Everything a report says, ready to be laid out."""
    index = index_of(results)
    queries, queries_left_out = queries_of(results, limits)
    anchors = {query.name: query.anchor for query in reversed(queries)}
    opening = opening_of(index, limits.sections)
    portfolio = portfolio_of(index, limits)
    shown = index.ranked[: limits.sections]
    return ReportView(
        title=f"{results.study.name}: {opening.verdict}",
        opening=opening,
        portfolio=portfolio,
        overview=overview_of(index, limits, together=portfolio is not None),
        experiments=tuple(experiment_view(index, experiment, limits, anchors) for experiment in shown),
        experiments_left_out=left_out(len(shown), len(index.ranked), "experiments"),
        offline=offline_panels(results, limits),
        offline_remarks=(
            *offline_remarks(results, limits),
            *falls(results),
            *policy_remarks(results, limits),
        ),
        offline_slices=offline_slices(results, limits),
        offline_pictures=curve_figures(results),
        offline_more=(
            *live_tables(results, limits),
            *other_definitions(results, limits),
            *threshold_tables(results, limits),
            *confusions(results),
            *histories(results, limits),
            *policy_tables(results, limits),
        ),
        models=models_table(results, limits),
        quality=quality_tables(index, limits, anchors),
        methods=methods_of(results),
        verdict_meanings=verdict_table(results),
        definitions=definition_tables(results, limits),
        provenance=provenance_facts(results),
        inputs=input_tables(results, limits),
        queries=queries,
        queries_left_out=queries_left_out,
    )
