"""Everything that judging policies from a log needs: read, weighed and added up, without any statistics yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from abgap.engine.protocol import Engine, Relation
from abgap.offline.logged import KEY, LoggedDecisions, Problem, read_logged
from abgap.offline.off_policy_sums import sum_policies
from abgap.offline.policies import (
    DECISIONS,
    MIXTURE,
    UNIFORM,
    Policies,
    are_all_there,
    mix_loggers,
    read_policies,
    uniform_policy,
)
from abgap.records.order import natural_order
from abgap.sources.sql import identifier
from abgap.stats.off_policy import OffPolicySums
from abgap.study.offline import Offline


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySums:
    """Everything the estimates need. names: all target policies; sums: of those that say something of the log.

    mixed: whether decisions are weighed by all logging policies together. relations: by their key in the study.
    """

    log: LoggedDecisions
    names: tuple[str, ...]
    sums: Mapping[str, OffPolicySums]
    problem: Problem | None
    mixed: bool
    relations: Mapping[str, Relation]


def read_counterfactual(engine: Engine, offline: Offline, directory: Path) -> PolicySums | None:
    """Read log and policies and add up; None when the study has no log.

    Raises DataError when either cannot be used.
    """
    source = offline.logged
    if source is None:
        return None
    log = read_logged(engine, source, directory)
    given = None if offline.policies is None else read_policies(engine, offline.policies, directory)
    names = () if given is None else tuple(sorted(given.names, key=natural_order))
    tables = [] if given is None else [given]
    if source.uniform and UNIFORM not in names:
        tables.append(uniform_policy(engine, log))
        names = (*names, UNIFORM)
    decisions, least, problem = identifier(DECISIONS), log.least_propensity, log.problem
    mixed = given is not None and are_all_there(list(log.loggers), given)
    if given is not None and mixed:
        decisions = identifier(MIXTURE)
        least, problem = mix_loggers(engine, log, given)
    sums: dict[str, OffPolicySums] = {}
    for policies in tables if problem is None else ():
        sums |= sum_policies(
            engine, log, policies, decisions=decisions, least_propensity=least, clip=source.clip
        )
    return PolicySums(
        log=log, names=names, sums=sums, problem=problem, mixed=mixed, relations=_relations(log, given)
    )


def _relations(log: LoggedDecisions, given: Policies | None) -> dict[str, Relation]:
    found = {KEY: log.relation}
    if given is not None and given.relation is not None:
        found["offline.policies"] = given.relation
    return found
