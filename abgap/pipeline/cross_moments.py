"""The stage that adds up how online metrics of the portfolio go together; only the portfolio and exports ask for it."""

from __future__ import annotations

from dataclasses import replace

from abgap.online.cross_moments import sum_cross_moments
from abgap.pipeline.analysis import Analysis
from abgap.records import Moments
from abgap.study.compared import online_metrics


def cross_moments(analysis: Analysis) -> Moments:
    """Rows of the moments table with the cross moments of every arm; of moments that are brought, all of them."""
    sums = analysis.sums
    if sums is None:
        return analysis.moments
    metrics = online_metrics(analysis.study)
    return analysis.stages.result(
        replace(analysis.of_units("cross moments"), more=metrics),
        lambda: sum_cross_moments(
            analysis.engine, sums, analysis.made_wide, metrics, analysis.variants, progress=analysis.progress
        ),
    )
