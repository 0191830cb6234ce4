"""The stage that finds the units of experiments among those who made the test set; only the portfolio asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from abgap.offline.scores import open_score_values
from abgap.offline.unit_gains import (
    CONTEST,
    INFLUENCE,
    contests_by_source,
    make_unit_gains,
    open_query_units,
)
from abgap.online.beside_gains import UnitShare, sum_unit_shares
from abgap.online.sums import Sums
from abgap.pipeline.analysis import Analysis
from abgap.study.compared import online_metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedUnits:
    """What units add to gains and to metrics. contests: the places of all that were looked at."""

    contests: frozenset[int]
    shares: tuple[UnitShare, ...]


def shared_units(analysis: Analysis) -> SharedUnits | None:
    """The units that asked test queries; None where nothing is known of who did."""
    queries, wide = analysis.study.offline.queries, analysis.wide
    if queries is None or "unit" not in queries.columns or wide is None or not wide.has_units:
        return None
    errors, metrics = analysis.offline.gain_errors, analysis.study.gap.offline
    places = contests_by_source(errors, analysis.offline.comparisons, metrics)
    contests = frozenset(place for of_source in places for place in of_source)
    sums = analysis.sums
    if not contests or sums is None:
        return None
    stage = analysis.of_units("units of test queries")
    offline = ("scores", "rankings", "judgements", "items", "queries")
    shares = analysis.stages.result(
        replace(
            stage,
            sources=(*stage.sources, *(f"offline.{key}" for key in offline)),
            parts=(*stage.parts, "offline", "offline_metrics"),
            more=[analysis.offline.comparisons, metrics, online_metrics(analysis.study)],
        ),
        lambda: tuple(_shares(analysis, sums, places)),
    )
    return SharedUnits(contests=contests, shares=shares)


def _shares(analysis: Analysis, sums: Sums, places: list[list[int]]) -> Iterator[UnitShare]:
    """Source by source: ready-made scores, then rankings."""
    engine, study = analysis.engine, analysis.study
    wide, metrics, errors = analysis.made_wide, online_metrics(study), analysis.offline.gain_errors
    analysis.progress("looking for units that asked test queries")
    open_query_units(engine, study, analysis.directory)
    for at, of_source in enumerate(places):
        values = (
            open_score_values(engine, study, analysis.directory) if at == 0 else _ranking_values(analysis)
        )
        if values is None or not of_source:
            continue
        make_unit_gains(engine, values, errors, of_source)
        yield from sum_unit_shares(engine, sums, wide, metrics, contest=CONTEST, influence=INFLUENCE)


def _ranking_values(analysis: Analysis) -> str:
    from abgap.offline.ranking.evaluate import VALUES  # noqa: PLC0415 - loads what only rankings need

    analysis.offline.open_rankings()
    return VALUES
