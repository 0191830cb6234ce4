"""Target policies: those of [offline.policies], checked, and the one that chooses every seen action equally often.

A policy says nothing more than with which probability it would choose which action in which context and position;
a deterministic one has the probability 1 for one action. Where all logging policies are among them, a decision is
weighed by what they would have chosen together (balance heuristic; Veach and Guibas 1995, Agarwal et al. 2017), which
is often a great deal better than by what its own logger chose it with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import exact_sum, make_grid
from abgap.engine.protocol import Columns, Engine, Given, Relation, reading
from abgap.engine.values import mapped_number
from abgap.errors import DataError
from abgap.offline.logged import LoggedDecisions, Problem
from abgap.records import Reason
from abgap.records.words import plural
from abgap.sources.columns import mapped_text, plain_names
from abgap.sources.sql import Sql, identifier
from abgap.study.base import Source

KEY = "offline.policies"
UNIFORM = "uniform"
DECISIONS, MIXTURE = "logged_decisions", "mixture_decisions"
_TOLERANCE = 1e-6
_PROBABILITY = "sum of probability"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Target policies of one table. keys: columns of the log that they depend on, beside the action.

    largest: the largest probability in it.
    """

    table: Sql
    names: tuple[str, ...]
    keys: tuple[Sql, ...]
    largest: float
    relation: Relation | None = None


def uniform_policy(engine: Engine, log: LoggedDecisions) -> Policies:
    """Make the policy that chooses every action seen in a position equally often."""
    engine.create_table("uniform_policy", compile_query("uniform_policy", params={"name": UNIFORM}))
    keys = (identifier("position"),) if log.by_position else ()
    return Policies(table=identifier("uniform_policy"), names=(UNIFORM,), keys=keys, largest=1.0)


def read_policies(engine: Engine, source: Source, directory: Path) -> Policies:
    """Open and check the policies of a source.

    Raises DataError when probabilities are not in [0, 1], repeat an action, or do not add up to 1.
    """
    ids = ("policy", "context", "position", "action")
    relation = engine.open_source(KEY, source, directory, text=plain_names(source, *ids))
    columns = {role: mapped_text(source, relation.table, role) for role in ids}
    probability = Sql("1.0e0")
    if "probability" in source.columns:
        probability = mapped_number(engine, source, relation.table, relation.sql, "probability")
    context = {"source": relation.sql, "probability": probability, **columns}
    engine.create_view("offline_policies", compile_query("offline_policies", params=None, **context))
    sums = exact_sum(_PROBABILITY, Sql("probability"), make_grid(1.0, 1_000_000, integer=False))
    with reading(KEY):
        intake = engine.fetch(compile_query("policy_intake", sums=sums))
    _refuse_unusable(intake)
    return Policies(
        table=identifier("offline_policies"),
        names=tuple(intake["policy"]),
        keys=tuple(identifier(role) for role in ("context", "position") if role in source.columns),
        largest=float(max(intake["largest"], default=1.0)),
        relation=relation,
    )


def _refuse_unusable(intake: Columns) -> None:
    if not all(isinstance(policy, str) for policy in intake["policy"]):
        raise DataError(f"{KEY}: a row has no policy; every row needs one: name it, or take the row out")
    for i, policy in enumerate(intake["policy"]):
        where = f"{KEY}: policy {policy!r}"
        if intake["unnamed"][i]:
            raise DataError(f"{where} has {plural(intake['unnamed'][i], 'row')} without an action; name it")
        if intake["beyond"][i]:
            raise DataError(
                f"{where} has {int(intake['beyond'][i]):,} probabilities that are not in [0, 1]; mend them"
            )
        if intake["repeated"][i]:
            raise DataError(
                f"{where} repeats {int(intake['repeated'][i]):,} rows of one action in one context; keep one of each"
            )
        for total in (intake["least"][i], intake["most"][i]):
            if abs(total - 1.0) > _TOLERANCE:
                raise DataError(
                    f"{where} has probabilities that add up to {total:.6g} in a context; they have to add up to 1"
                )


def mix_loggers(engine: Engine, log: LoggedDecisions, policies: Policies) -> tuple[float, Problem | None]:
    """Make the view ``mixture_decisions``; return its least propensity, and what is wrong with its propensities."""
    shares = log.loggers
    engine.put_table(
        "logger_shares",
        {
            "logger": Given(type="VARCHAR", values=list(shares)),
            "share": Given(type="DOUBLE", values=list(shares.values())),
        },
    )
    sums = exact_sum("propensity", Sql("s.share * p.probability"), make_grid(1.0, len(shares), integer=False))
    keys = list(policies.keys)
    engine.create_table("logger_mixture", compile_query("logger_mixture", keys=keys, sums=sums))
    parts = [column.name for column in sums]
    engine.create_view(MIXTURE, compile_query("mixture_decisions", keys=keys, parts=parts))
    intake = engine.fetch_row(compile_query("mixture_intake"))
    beyond, problem = int(intake["beyond"]), None
    if beyond:
        detail = (
            f"{beyond:,} of {int(intake['decisions']):,} decisions have an action that none of the logging policies "
            f"chooses, as they stand in [{KEY}]"
        )
        problem = Problem(reason=Reason.BAD_PROPENSITIES, detail=detail)
    return float(intake["least_propensity"] or 1.0), problem


def are_all_there(loggers: Sequence[str], policies: Policies) -> bool:
    """Whether several policies made the log, and each is among the target policies."""
    return len(loggers) > 1 and set(loggers) <= set(policies.names)
