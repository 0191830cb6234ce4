"""What a ranking metric measures, exactly: its kind, cut-off, gain, and what ties and empty queries count.

A name such as ``ndcg@10`` says kind and cut-off; the rest is declared in the study and defaults to what trec_eval
does. Two metrics with one definition have one value, whatever they are called; the definition in words stands in
every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from abgap.offline.catalogue.lookup import parse_metric
from abgap.study.model import OfflineMetric

Kind: TypeAlias = Literal["ndcg", "dcg", "rr", "ap", "precision", "recall", "hit", "rprec", "revenue"]
Gain: TypeAlias = Literal["linear", "exp"]
Ties: TypeAlias = Literal["docid", "expected", "best", "worst"]
Empty: TypeAlias = Literal["skip", "zero"]
Denominator: TypeAlias = Literal["reachable", "relevant"]

DEFAULT_METRICS = ("ndcg@10", "mrr@10", "map", "precision@10", "recall@10", "hit@10")
"""What is computed when the study declares no ranking metric."""

# By the names that the catalogue of metrics gives them, and those that it does not know.
_KINDS: Mapping[str, Kind] = {
    "ndcg": "ndcg",
    "dcg": "dcg",
    "mrr": "rr",
    "map": "ap",
    "precision": "precision",
    "recall": "recall",
    "hit": "hit",
    "r-precision": "rprec",
    "rprec": "rprec",
    "expected_revenue": "revenue",
}
_WITHOUT_CUT = frozenset({"rprec"})
_WITH_CUT = frozenset({"precision", "recall", "hit", "revenue"})
_GRADED = frozenset({"ndcg", "dcg", "revenue"})
_CALLED: Mapping[Kind, str] = {
    "ndcg": "NDCG",
    "dcg": "DCG",
    "rr": "MRR",
    "ap": "MAP",
    "precision": "precision",
    "recall": "recall",
    "hit": "hit rate",
    "rprec": "R-precision",
    "revenue": "expected revenue",
}
_TIES: Mapping[Ties, str] = {
    "docid": "ties by document id descending",
    "expected": "the mean over all orders of ties",
    "best": "ties in the best order",
    "worst": "ties in the worst order",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One way to make a number per query out of a ranking.

    cut: the first how many places count; None for all. label: of the judgements that count, None when they have none.
    denominator: of average precision: relevant documents that fit into the cut-off, or all of them.
    """

    kind: Kind
    cut: int | None = None
    gain: Gain = "linear"
    ties: Ties = "docid"
    empty: Empty = "skip"
    denominator: Denominator = "reachable"
    label: str | None = None

    @property
    def name(self) -> str:
        """Kind and cut-off: ``NDCG@10``."""
        return _CALLED[self.kind] + ("" if self.cut is None else f"@{self.cut}")

    @property
    def has_ideal(self) -> bool:
        """Whether the best order of the judged documents says which queries count."""
        return self.kind in {"ndcg", "dcg"}

    @property
    def has_gain(self) -> bool:
        """Whether documents count by their grade and are discounted by their place."""
        return self.kind in _GRADED

    @property
    def words(self) -> str:
        """The definition in full, for the rows."""
        parts = [self.name]
        if self.has_gain:
            parts.append("linear gain" if self.gain == "linear" else "exponential gain (2^grade - 1)")
            parts += ["times price"] if self.kind == "revenue" else []
        elif self.kind == "ap" and self.cut is not None:
            by = "min(relevant, k)" if self.denominator == "reachable" else "all relevant documents"
            parts.append(f"divided by {by}")
        parts += [_TIES[self.ties], f"queries without relevant documents {_EMPTY[self.empty]}"]
        if self.label is not None:
            parts.append(f"judgements of {self.label!r}")
        return ", ".join(parts)


_EMPTY: Mapping[Empty, str] = {"skip": "left out", "zero": "counted as zero"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingMetric:
    """A metric under the name that the study gives it."""

    name: str
    definition: Definition


def is_ranking_metric(written: str) -> bool:
    """Whether ``written`` names a metric that is a mean of values per query: ``ndcg@10``."""
    return _kind_and_cut(written) is not None


def _kind_and_cut(written: str) -> tuple[Kind, int | None] | None:
    base, cut = parse_metric(written)
    kind = _KINDS.get(base.casefold())
    if kind is None or (cut is not None and kind in _WITHOUT_CUT) or (cut is None and kind in _WITH_CUT):
        return None
    return kind, cut


def definition_of(name: str, declared: OfflineMetric | None = None) -> Definition | None:
    """The definition of the metric ``name`` with what the study declares of it; None when it is no ranking metric."""
    found = _kind_and_cut((declared and declared.metric) or name)
    if found is None:
        return None
    kind, cut = found
    if declared is None:
        return Definition(kind=kind, cut=cut)
    return Definition(
        kind=kind,
        cut=cut,
        gain=declared.gain or "linear",
        ties=declared.ties or "docid",
        empty=declared.empty or "skip",
        denominator=declared.denominator or "reachable",
        label=declared.label,
    )


def ranking_metrics(
    declared: Mapping[str, OfflineMetric], *, with_usual: bool = True
) -> tuple[RankingMetric, ...]:
    """The ranking metrics that the study declares; a usual set when it declares none (and ``with_usual``)."""
    found = {name: definition_of(name, metric) for name, metric in declared.items()}
    known = {name: definition for name, definition in found.items() if definition is not None}
    if not known and with_usual:
        usual = ((name, definition_of(name)) for name in DEFAULT_METRICS)
        known = {name: definition for name, definition in usual if definition is not None}
    return tuple(RankingMetric(name=name, definition=definition) for name, definition in known.items())
