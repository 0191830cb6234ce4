"""The relations of a study by name: what ``abgap sql`` can query and ``abgap export`` can write."""

from __future__ import annotations

from abgap.online import tables
from abgap.pipeline.analysis import Analysis
from abgap.pipeline.fingerprint import named_sources
from abgap.sources.files import resolve_files
from abgap.sources.sql import identifier
from abgap.study.model import Study

OFFLINE_SCORES = "offline_scores"
UNIT_VALUES = "unit_values"
FINDINGS = ("moments", "estimates", "offline", "checks", "gaps", "reasons", "budget")
# What is made of logs on the way to the moments, and what of a table that has one row per unit already.
_OF_LOGS = (tables.ENROLMENTS, tables.FIRST_EXPOSURES, tables.UNIT_OUTCOMES, tables.CELLS)
_OF_VALUES = (tables.UNIT_OUTCOMES, tables.CELLS)


def relation_names(study: Study) -> list[str]:
    """Everything that can be queried: the study's own data, what is made of it, and the findings."""
    return [*_data_names(study), *_derived_names(study), *FINDINGS]


def _data_names(study: Study) -> list[str]:
    names = []
    if study.exposures is not None:
        names += [tables.EXPOSURES, *study.facts, *([tables.UNITS] if study.units is not None else [])]
    if study.unit_values is not None:
        names.append(UNIT_VALUES)
    if study.offline.scores is not None:
        names.append(OFFLINE_SCORES)
    return names


def _derived_names(study: Study) -> tuple[str, ...]:
    if study.exposures is not None:
        return _OF_LOGS
    return _OF_VALUES if study.unit_values is not None else ()


def open_relation(analysis: Analysis, name: str) -> None:
    """Make the relation ``name`` known to the engine; a name that is none of the study's does nothing."""
    study = analysis.study
    if name == tables.CELLS and name in _derived_names(study):
        _ = analysis.sums
    elif name in _derived_names(study):
        _ = analysis.wide
    elif name == OFFLINE_SCORES and study.offline.scores is not None:
        _ = analysis.offline.scores
    elif name == UNIT_VALUES and study.unit_values is not None:
        _ = analysis.wide
        raw = analysis.relations[UNIT_VALUES].sql
        analysis.duckdb.run(f"CREATE OR REPLACE TEMP VIEW {identifier(UNIT_VALUES)} AS SELECT * FROM {raw}")
    elif name in {known.lower() for known in _data_names(study)}:
        _ = analysis.views


def places(analysis: Analysis) -> list[str]:
    """All that the engine has to be allowed to read for the study, as it is given to read it.

    A source that is a query is read here: what it reads cannot be told from outside.
    """
    found: set[str] = set()
    for key, source in named_sources(analysis.study):
        if source.path is None:
            _read(analysis, key)
        else:
            resolved = resolve_files(key, source, analysis.directory)
            found |= {*resolved.locations, *map(str, resolved.files)}
    return sorted(found)


def _read(analysis: Analysis, key: str) -> None:
    match key:
        case "experiments":
            _ = analysis.declared
        case "offline.scores":
            _ = analysis.offline.scores
        case "moments":
            _ = analysis.moments
        case "unit_values":
            _ = analysis.wide
        case _ if key.startswith("offline."):
            _ = analysis.offline.relations
        case _:
            _ = analysis.views
