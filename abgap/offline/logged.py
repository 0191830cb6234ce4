"""Reads [offline.logged]: decisions with their propensities, checked, and the reward model learnt from them.

What makes a log unusable at all (a decision without action or reward) is an error of the data. What only makes
estimates meaningless (no propensities, or zeros among them) is told as the reason why there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.hashing import fold_of
from abgap.engine.protocol import Engine, Relation, Row, reading, text_or_none
from abgap.engine.values import mapped_number, refuse_size
from abgap.errors import DataError
from abgap.records import Reason
from abgap.records.moments import FloatArray
from abgap.sources.columns import mapped_text, plain_names
from abgap.sources.sql import Sql, identifier
from abgap.study.offline import Logged

KEY = "offline.logged"
_IDS = ("request", "context", "action", "position", "logger")
_REWARD = "sum of reward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why the log tells nothing of other policies."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What each logging policy earned in each position: arrays of one length."""

    logger: list[str | None]
    position: list[str | None]
    decisions: FloatArray
    reward: FloatArray
    squared_reward: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDecisions:
    """An opened log. most: decisions of one request; by_request: whether requests are what is independent.

    largest_reward: in absolute size. binary: whether rewards are 0 and 1. has_folds: whether ids tell them. problem: of
    the propensities. parts: of the sums in the reward model.
    """

    relation: Relation
    decisions: int
    by_request: bool
    most: int
    by_context: bool
    by_position: bool
    binary: bool
    largest_reward: float
    least_propensity: float
    has_folds: bool
    problem: Problem | None
    places: Places

    @property
    def loggers(self) -> dict[str, float]:
        """The share of the decisions by logging policy; empty when the log does not name them."""
        shares: dict[str, float] = {}
        for logger, n in zip(self.places.logger, self.places.decisions, strict=True):
            if logger is not None:
                shares[logger] = shares.get(logger, 0.0) + float(n)
        return {name: n / self.decisions for name, n in shares.items()}


def read_logged(engine: Engine, source: Logged, directory: Path) -> LoggedDecisions:
    """Open the log, check it, and make the tables ``logged_cells``, ``logged_levels`` and ``logged_model``.

    Raises DataError when a decision lacks what every one needs, or a reward is no finite number.
    """
    relation = _open(engine, source, directory)
    with reading(KEY):
        intake = engine.fetch_row(compile_query("logged_intake"))
    _refuse_unusable(intake, source.columns)
    largest = max(abs(float(intake["smallest"])), abs(float(intake["largest"])))
    refuse_size(f"{KEY}.columns.reward", "reward", largest)
    decisions = int(intake["decisions"])
    by_request = "request" in source.columns
    _learn(engine, largest, decisions)
    return LoggedDecisions(
        relation=relation,
        decisions=decisions,
        by_request=by_request,
        most=int(engine.fetch_row(compile_query("logged_requests"))["most"]) if by_request else 1,
        by_context="context" in source.columns,
        by_position="position" in source.columns,
        binary=not intake["not_binary"],
        largest_reward=largest,
        least_propensity=float(intake["least_propensity"] or 1.0),
        has_folds=int(intake["folds"]) > 1,
        problem=_of_propensities(intake),
        places=_places(engine, largest, decisions),
    )


def _open(engine: Engine, source: Logged, directory: Path) -> Relation:
    relation = engine.open_source(KEY, source, directory, text=plain_names(source, *_IDS))
    ids = {role: mapped_text(source, relation.table, role) for role in _IDS}
    numbers = {
        role: mapped_number(engine, source, relation.table, relation.sql, role)
        for role in ("reward", "propensity")
    }
    apart = next((role for role in ("request", "context") if role in source.columns), None)
    fold = Sql("0") if apart is None else Sql(f"coalesce({fold_of(ids[apart])}, 0)")
    # Text that is the same for all decisions where nothing is mapped: nulls would not meet in joins.
    ids["position"] = Sql(f"coalesce({ids['position']}, '')")
    context = {"source": relation.sql, "fold": fold, **ids, **numbers}
    engine.create_view("logged_decisions", compile_query("logged_decisions", params=None, **context))
    return relation


def _refuse_unusable(intake: Row, mapped: Mapping[str, object]) -> None:
    decisions = int(intake["decisions"])
    if not decisions:
        raise DataError(f"{KEY}: there is no decision; name files that hold some")
    for role, column in (
        ("action", "actions"),
        ("reward", "rewards"),
        ("request", "requests"),
        ("logger", "loggers"),
    ):
        missing = decisions - int(intake[column])
        if role in mapped and missing:
            raise DataError(
                f"{KEY}: {missing:,} of {decisions:,} decisions have no {role}; every decision needs one: "
                "mend them, or take them out with a query"
            )
    if intake["not_finite"]:
        raise DataError(
            f"{KEY}: {int(intake['not_finite']):,} rewards are NaN or infinite; mend them, or take the rows out"
        )


def _of_propensities(intake: Row) -> Problem | None:
    decisions, given = int(intake["decisions"]), int(intake["propensities"])
    found = []
    if decisions > given:
        found.append(f"{decisions - given:,} of {decisions:,} decisions have no propensity")
    if intake["beyond"]:
        found.append(f"{int(intake['beyond']):,} propensities are not above 0 and at most 1")
    return Problem(reason=Reason.BAD_PROPENSITIES, detail="; ".join(found)) if found else None


def _learn(engine: Engine, largest: float, decisions: int) -> None:
    """The reward model: mean reward per position and action, learnt from all folds but the one it is for."""
    sums = exact_sum(_REWARD, Sql("reward"), make_grid(largest, decisions, integer=False, parts=3))
    parts = [column.name for column in sums]
    engine.create_table("logged_cells", compile_query("logged_cells", sums=sums))
    engine.create_table("logged_levels", compile_query("logged_levels", parts=parts))
    engine.create_table("logged_model", compile_query("logged_model", parts=parts))


def _places(engine: Engine, largest: float, decisions: int) -> Places:
    rows = engine.fetch(compile_query("logged_positions", sums=_moments(largest, decisions)))
    return Places(
        logger=list(text_or_none(rows["logger"])),
        position=[name or None for name in text_or_none(rows["position"])],
        decisions=np.asarray(rows["decisions"], dtype=np.float64),
        reward=sum_of(rows, _REWARD),
        squared_reward=sum_of(rows, _REWARD + " squared"),
    )


def _moments(largest: float, decisions: int) -> list[SumColumn]:
    reward = identifier("reward")
    terms = {
        _REWARD: (reward, largest),
        _REWARD + " squared": (Sql(f"({reward} * {reward})"), largest * largest),
    }
    return [
        column
        for name, (value, size) in terms.items()
        for column in exact_sum(name, value, make_grid(size, decisions, integer=False, parts=3))
    ]
