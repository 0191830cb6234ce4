"""The relations of a study by name: what ``abgap sql`` can query and ``abgap export`` can write."""

from __future__ import annotations

from collections.abc import Iterable

from abgap.online import tables
from abgap.pipeline.analysis import Analysis

# What the logs themselves give, and what is made of them on the way to the moments.
_DERIVED = (tables.ENROLMENTS, tables.FIRST_EXPOSURES, tables.UNIT_OUTCOMES, tables.CELLS)
FINDINGS = ("moments", "estimates", "offline", "checks", "gaps")


def source_relations(analysis: Analysis) -> list[str]:
    """Names of the relations that are the study's own data, opened."""
    study = analysis.study
    names = []
    if study.exposures is not None:
        _ = analysis.views
        names += [tables.EXPOSURES, *study.facts, *([tables.UNITS] if study.units is not None else [])]
    if study.offline.scores is not None:
        _ = analysis.scores
        names.append("offline_scores")
    return names


def derived_relations(analysis: Analysis) -> list[str]:
    """Names of the relations made on the way to the moments, built."""
    _ = analysis.sums
    if analysis.study.exposures is not None:
        return list(_DERIVED)
    return [tables.UNIT_OUTCOMES, tables.CELLS] if analysis.study.unit_values is not None else []


def needed_stages(names: Iterable[str]) -> tuple[bool, set[str]]:
    """Whether ``names`` ask for derived relations, and which findings they ask for."""
    wanted = {name.lower() for name in names}
    return bool(wanted & {*_DERIVED}), wanted & {*FINDINGS}
