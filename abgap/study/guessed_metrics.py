"""First metrics for a table that ``abgap init`` looked at: what its outcomes and events suggest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from abgap.study.guesses import TableGuess, slug
from abgap.study.profiles import ColumnProfile, words_of
from abgap.study.toml import quoted, toml_comment, toml_key, toml_string

MONEY = frozenset(
    {"revenue", "spend", "spent", "amount", "sales", "gmv", "price", "profit", "income", "turnover"}
)
PURCHASES = frozenset(
    {"purchase", "order", "buy", "bought", "sale", "payment", "checkout", "transaction", "paid"}
)
_LESS_IS_BETTER = frozenset(
    {"latency", "bounce", "bounced", "churn", "churned", "error", "errors", "refund", "refunds", "complaint",
     "complaints", "unsubscribe", "unsubscribed", "cancelled", "canceled", "escalation", "escalations",
     "cost"}
)  # fmt: skip
_MOST_EVENT_METRICS = 6
_PLAIN = re.compile(r"[^\W\d]\w*\Z")
# Words that do not read as a column name in SQL.
_SQL_WORDS = frozenset(
    {"all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "both", "case",
     "cast", "check", "collate", "column", "constraint", "create", "current_date", "current_time",
     "current_timestamp", "default", "deferrable", "desc", "describe", "distinct", "do", "else", "end",
     "except", "false", "fetch", "for", "foreign", "from", "group", "having", "in", "initially",
     "intersect", "into", "lambda", "lateral", "leading", "limit", "not", "null", "offset", "on",
     "only", "or", "order", "pivot", "placing", "primary", "qualify", "references", "returning",
     "select", "show", "some", "summarize", "symmetric", "table", "then", "to", "trailing", "true",
     "union", "unique", "unpivot", "using", "variadic", "when", "where", "window", "with"}
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class MetricGuess:
    """A metric to write: its keys, and what it measures (for its pre-period twin).

    rank: where it stands in the order of importance; money first, then shares.
    """

    name: str
    keys: dict[str, str]
    seen: str
    measures: str
    money: bool = False
    less_is_better: bool = False
    covariate: str | None = None

    @property
    def decides(self) -> bool:
        """Whether it may be the primary metric: any guess, as the first of them is the best there is."""
        return True

    @property
    def rank(self) -> int:
        """The order in which metrics are taken for the primary one."""
        if self.less_is_better:
            return 3
        return 0 if self.money else 1 if self.keys["kind"] == "proportion" else 2

    def lines(self, *, primary: bool) -> list[str]:
        """The metric as a table of the study file."""
        lines = [f"[metrics.{toml_key(self.name)}]   # guess, from {toml_comment(quoted(self.seen))}"]
        lines += [f"{key} = {toml_string(text)}" for key, text in self.keys.items()]
        if self.money:
            lines += [
                "money = true   # guess",
                "# cap_percentile = 99.9   # cuts the largest values of all arms",
            ]
        if self.less_is_better:
            lines.append('direction = "down"   # guess: less is better')
        if self.covariate is not None:
            column = toml_string(self.covariate)
            lines.append(f"covariate = {{ column = {column} }}   # guess: known before the experiment")
        if primary:
            lines.append('role = "primary"   # guess: the metric that decides')
            lines.append("# smallest_worthwhile_lift = 0.01   # the smallest relative lift worth having")
        return lines


def column_metrics(table: TableGuess, *, fact: str | None, taken: set[str]) -> list[MetricGuess]:
    """A metric per outcome column; ``fact`` names the fact table when rows of a unit may repeat.

    Names are added to ``taken``.
    """
    metrics = []
    for column in table.outcomes:
        name = slug(column.name, taken, fallback="metric")
        taken.add(name)
        metrics.append(_of_column(column, name, fact))
    return metrics


def _of_column(column: ColumnProfile, name: str, fact: str | None) -> MetricGuess:
    words = set(column.words)
    if column.is_binary:
        keys = {"kind": "proportion"}
        condition = sql_identifier(column.name) + ("" if column.type == "boolean" else " = 1")
        keys |= {"value": sql_identifier(column.name)} if fact is None else {"fact": fact, "where": condition}
    else:
        keys = (
            {"kind": "mean"}
            | ({} if fact is None else {"fact": fact})
            | {"value": sql_identifier(column.name)}
        )
        keys |= {} if fact is None else {"aggregate": "sum"}
    return MetricGuess(
        name=name,
        keys=keys,
        seen=column.name,
        measures="".join(column.words),
        money=not column.is_binary and bool(words & MONEY),
        less_is_better=bool(words & _LESS_IS_BETTER),
    )


def event_metrics(table: TableGuess, *, fact: str, taken: set[str]) -> list[MetricGuess]:
    """Metrics over a fact table: a share of units per kind of event, and what its numbers add up to.

    Names are added to ``taken``.
    """
    event = table.roles.get("event")
    if event is None or not event.examples:
        counted = list(column_metrics(table, fact=fact, taken=taken))
        return counted or [_any_row(fact, taken)]
    metrics = list(_shares(event, fact, taken))
    metrics += [metric for column in table.outcomes if (metric := _revenue(column, event, fact, taken))]
    return metrics


def _any_row(fact: str, taken: set[str]) -> MetricGuess:
    name = slug(f"{fact}_rate", taken, fallback="rate")
    taken.add(name)
    return MetricGuess(name=name, keys={"kind": "proportion", "fact": fact}, seen=fact, measures=fact)


def _shares(event: ColumnProfile, fact: str, taken: set[str]) -> Iterator[MetricGuess]:
    """The share of units with each of the most frequent events."""
    for value in event.examples[:_MOST_EVENT_METRICS]:
        name = slug(f"{value}_rate", taken, fallback="event_rate")
        taken.add(name)
        where = f"{sql_identifier(event.name)} = {sql_literal(value)}"
        yield MetricGuess(
            name=name,
            keys={"kind": "proportion", "fact": fact, "where": where},
            seen=value,
            measures="".join(words_of(value)),
            less_is_better=bool(set(words_of(value)) & _LESS_IS_BETTER),
        )


def _revenue(column: ColumnProfile, event: ColumnProfile, fact: str, taken: set[str]) -> MetricGuess | None:
    """Money per unit, None for a column that is not money."""
    if not set(column.words) & MONEY or column.is_binary:
        return None
    name = slug(f"{column.name}_per_unit", taken, fallback="money_per_unit")
    taken.add(name)
    keys = {"kind": "mean", "fact": fact}
    purchase = next((v for v in event.examples if set(words_of(v)) & PURCHASES), None)
    if purchase is not None:
        keys["where"] = f"{sql_identifier(event.name)} = {sql_literal(purchase)}"
    keys |= {"value": sql_identifier(column.name), "aggregate": "sum"}
    return MetricGuess(name=name, keys=keys, seen=column.name, measures="".join(column.words), money=True)


def sql_identifier(name: str) -> str:
    """A column inside SQL: bare where that reads as a column, quoted otherwise."""
    if _PLAIN.match(name) and name.lower() not in _SQL_WORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def sql_literal(text: str) -> str:
    """A text inside a SQL condition."""
    return "'" + text.replace("'", "''") + "'"
