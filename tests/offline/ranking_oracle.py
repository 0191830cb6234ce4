"""Ranking metrics the slow way: one list at a time, in plain Python, and over every order of ties if asked for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

from abgap.offline.ranking.definitions import Definition

Run = Mapping[str, float]
Judged = Mapping[str, float]


def orders(run: Run, ties: str, judged: Judged) -> Iterable[Sequence[str]]:
    """The orders of a run that a way of breaking ties takes into account."""
    if ties == "docid":
        yield sorted(sorted(run, reverse=True), key=lambda item: -run[item])
        return
    groups = [
        [item for item in run if run[item] == score] for score in sorted(set(run.values()), reverse=True)
    ]
    if ties in {"best", "worst"}:
        sign = -1 if ties == "best" else 1
        yield [
            i for group in groups for i in sorted(group, key=lambda item: sign * max(judged.get(item, 0), 0))
        ]
        return
    for parts in itertools.product(*(itertools.permutations(group) for group in groups)):
        yield [item for part in parts for item in part]


def value(
    definition: Definition, run: Run, judged: Judged, prices: Mapping[str, float] | None = None
) -> float | None:
    """The value of one query; None when it is left out."""
    gains = [gain(definition, grade) for grade in judged.values() if grade > 0]
    relevant = sum(grade >= 1 for grade in judged.values())
    worth = sum(gains) if definition.kind in {"ndcg", "dcg", "revenue"} else relevant
    if not worth:
        return 0.0 if definition.empty == "zero" else None
    found = [
        of_order(definition, order, judged, prices or {}) for order in orders(run, definition.ties, judged)
    ]
    return math.fsum(found) / len(found)


def gain(definition: Definition, grade: float) -> float:
    return grade if definition.gain == "linear" else 2.0**grade - 1.0


def of_order(
    definition: Definition, order: Sequence[str], judged: Judged, prices: Mapping[str, float]
) -> float:
    kind, cut = definition.kind, definition.cut
    relevant = sum(grade >= 1 for grade in judged.values())
    if kind == "rprec":
        cut = relevant
    top = order[:cut]
    grades = [max(judged.get(item, 0.0), 0.0) for item in top]
    hits = [grade >= 1 for grade in grades]
    if kind in {"ndcg", "dcg", "revenue"}:
        weights = [prices.get(item, 0.0) if kind == "revenue" else 1.0 for item in top]
        dcg = math.fsum(
            gain(definition, g) * w / math.log2(i + 2)
            for i, (g, w) in enumerate(zip(grades, weights, strict=True))
            if g > 0
        )
        if kind != "ndcg":
            return dcg
        best = sorted((g for g in judged.values() if g > 0), reverse=True)[:cut]
        return dcg / math.fsum(gain(definition, g) / math.log2(i + 2) for i, g in enumerate(best))
    if kind == "rr":
        return next((1.0 / (i + 1) for i, hit in enumerate(hits) if hit), 0.0)
    if kind == "ap":
        precisions = [sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit]
        whole = relevant if cut is None or definition.denominator == "relevant" else min(relevant, cut)
        return math.fsum(precisions) / whole
    if kind == "precision":
        return sum(hits) / (cut or 1)
    if kind == "hit":
        return float(any(hits))
    return sum(hits) / relevant
