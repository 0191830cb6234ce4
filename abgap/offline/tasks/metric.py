"""A metric of a task as it is computed and told; which of them a study asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from abgap.offline.catalogue.lookup import parse_metric
from abgap.stats.score_of_sums import ScoreOfSums
from abgap.study.model import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMetric:
    """One metric. name: as the study calls it. base: as we do.

    undefined: why it has no value where its sums give none, as a clause.
    """

    name: str
    base: str
    score: ScoreOfSums
    definition: str
    undefined: str


def wanted_names(study: Study, known: Sequence[str], default: Sequence[str]) -> dict[str, str]:
    """Of the metrics that a task has: those that the study declares, or the default ones when it declares none of them.

    Maps the name in the study to that of the metric: the study may use another name that it is known by, or one of its
    own with ``metric = ...``.
    """
    declared = {}
    for name, contract in study.offline_metrics.items():
        asked = contract.metric or name
        base = asked if asked in known else parse_metric(asked).base
        if base in known:
            declared[name] = base
    return declared or {name: name for name in default}


def wanted_metrics(study: Study, known: Mapping[str, TaskMetric], default: Sequence[str]) -> list[TaskMetric]:
    """The metrics of ``wanted_names``, under their names in the study."""
    names = wanted_names(study, list(known), default)
    return [replace(known[metric], name=name) for name, metric in names.items()]
