"""Which tables given to ``abgap init`` are results of offline evaluation, and the sections written for them.

Scores, rankings, judgements and predictions are told apart by the columns that they cannot do without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from abgap.study.profiles import ColumnProfile, TableProfile, find
from abgap.study.toml import toml_string

if TYPE_CHECKING:
    from abgap.study.guesses import TableGuess

Roles = Mapping[str, ColumnProfile]

_NAMES: Mapping[str, tuple[str, ...]] = {
    "model": (
        "model", "modelid", "modelname", "ranker", "recommender", "system", "algorithm", "alg", "run", "runid",
    ),
    "metric": ("metric", "metricname", "metricid", "measure"),
    "value": ("value", "score", "metricvalue"),
    "query": ("query", "queryid", "qid", "topic", "topicid", "userid", "user"),
    "item": ("item", "itemid", "doc", "docid", "docno", "document", "documentid", "product", "productid", "movieid"),
    "score": ("score", "prediction", "pred", "predictedscore", "similarity"),
    "rank": ("rank", "position", "place"),
    "relevance": ("relevance", "rel", "grade", "judgement", "judgment", "label", "gain"),
    "label": ("label", "labelkind", "kind", "signal", "judgementtype", "feedback"),
    "example": ("example", "exampleid", "id", "rowid", "caseid", "recordid", "index", "userid", "queryid"),
    "y_true": ("ytrue", "truth", "actual", "target", "label", "outcome", "y", "groundtruth", "groundtruthlabel"),
    "y_score": ("yscore", "score", "probability", "prob", "proba", "predictedprobability", "p", "yprob"),
    "y_pred": ("ypred", "prediction", "predicted", "pred", "forecast", "yhat", "predictedlabel"),
    "n": ("n", "queries", "nqueries", "count"),
    "se": ("se", "stderr", "standarderror", "stderror", "sem"),
}  # fmt: skip
# What each kind of table cannot do without, and what it may have; the first that fits is taken.
_KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "scores": (("model", "metric", "value"), ("query", "n", "se")),
    "rankings": (("model", "query", "item"), ("score", "rank")),
    "judgements": (("query", "item", "relevance"), ("label",)),
    "predictions": (("example", "y_true"), ("model", "y_score", "y_pred")),
}
_OF_ONE_OF = {"rankings": ("score", "rank"), "predictions": ("y_score", "y_pred")}
_NUMBERS = frozenset({"value", "score", "rank", "relevance", "y_score", "n", "se"})
_WORDS = {
    "scores": "one row per model and metric",
    "rankings": "what each model ranked for each query",
    "judgements": "how relevant items are to queries",
    "predictions": "what each model predicted, with the truth",
}


def offline_kind(table: TableProfile) -> tuple[str, Roles] | None:
    """The source of ``[offline]`` that a table is, with its roles; None when it is none."""
    for kind, (required, optional) in _KINDS.items():
        roles = _roles(table, (*required, *optional))
        one_of = _OF_ONE_OF.get(kind, required)
        if all(role in roles for role in required) and any(role in roles for role in one_of):
            return kind, roles
    return None


def _roles(table: TableProfile, wanted: Sequence[str]) -> dict[str, ColumnProfile]:
    """The roles that columns can play; none plays two."""
    found: dict[str, ColumnProfile] = {}
    for role in wanted:
        free = [column for column in table.columns if column.name and column not in found.values()]
        column = find(free, _NAMES[role], partial(_fits, role))
        if column is not None:
            found[role] = column
    return found


def _fits(role: str, column: ColumnProfile) -> bool:
    if role in _NUMBERS:
        return column.is_number
    return column.type in {"text", "integer"} or role in {"y_true", "y_pred"}


def offline_section(kind: str, guess: TableGuess) -> list[str]:
    """The section of a source; predictions say what is predicted."""
    columns = {role: toml_string(column.name) for role, column in guess.roles.items()}
    if kind == "predictions" and "model" not in columns:
        columns = {"model": '{ value = "model" }', **columns}
    mapping = ", ".join(f"{role} = {text}" for role, text in columns.items())
    lines = [
        f"[offline.{kind}]   # guess: {_WORDS[kind]}",
        f"path = {toml_string(guess.table.path)}",
        f"columns = {{ {mapping} }}   # guess: the role of each column",
    ]
    if kind == "predictions":
        lines.insert(2, f'task = "{_task(guess.roles)}"   # guess: by the values of the truth')
    return lines


def _task(roles: Roles) -> str:
    truth = roles["y_true"]
    if truth.is_binary and "y_score" in roles:
        return "binary"
    return "regression" if truth.type == "number" else "multiclass"


def models_seen(guesses: Sequence[TableGuess]) -> list[str]:
    """The models that the tables name, each once, most frequent first."""
    named = [guess.roles["model"].examples for guess in guesses if "model" in guess.roles]
    return list(dict.fromkeys(name for examples in named for name in examples if name))
