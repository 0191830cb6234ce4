"""The order of scores in the engine: ROC-AUC and average precision, exact with ties, and the curve over thresholds.

One running count over scores from high to low gives all three: at every example how many score at least as high, and
how many positives are among them. Counts at equal scores are those of the whole group of ties, so that a tie counts as
half an ordered pair in ROC-AUC (Hanley and McNeil 1982), and average precision steps once per distinct score.

Sorting is what costs. Where positives are rare, most negatives lie in stretches of scores without any, and it is enough
to know how many: scores are put into fine bins, and only rows of bins that hold a positive are sorted one by one. The
result is the same to the last bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import LARGEST, exact_sum, make_grid, sum_of
from abgap.engine.protocol import Columns, Engine, Given, text_or_none
from abgap.offline.predictions.cells import Part, largest_part
from abgap.offline.predictions.intake import Predictions, PredictionSlice
from abgap.records.moments import FloatArray
from abgap.sources.sql import Sql, comma_list, literal

SORTED_ROWS = 200_000
"""Fewer rows than this are sorted one by one."""

RARE = 8
"""Positives are rare when they are at most one in so many."""

BINS_PER_POSITIVE = 20
MOST_BINS = 2**22
"""Bins of the score, over all running counts of a statement: few hold a positive, and all can be counted."""

_SCORES = "binary_scores"
_TOTALS = "prediction_totals"
_PRECISIONS = "sum of precisions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """The order of a part's scores.

    roc_auc: the share of pairs of a positive and a negative that are in order, ties half. average_precision: the mean
    over positives of the precision among all that score at least as high. Both NaN without both labels.
    """

    roc_auc: float
    average_precision: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Points of the threshold curve, from the highest threshold to the lowest.

    thresholds, called (examples that score at least that), found (the positives among them); n and positives in all.
    """

    thresholds: FloatArray
    called: FloatArray
    found: FloatArray
    n: int
    positives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheapestThreshold:
    """The threshold at which errors cost least; None when calling nobody does."""

    threshold: float | None
    called: int
    found: int


def order_scores(
    engine: Engine, predictions: Predictions, parts: Iterable[Part]
) -> tuple[dict[Part, Ordering], dict[str, Curve]]:
    """Order the scores of every model that has both labels, and of every slice; the curves of the models.

    parts: all there are, which tells how fine the bins of a slice may be.
    """
    whole = {m.model: m for m in predictions.models.values() if m.positives and m.positives < m.usable}
    if not whole:
        return {}, {}
    engine.put_table(
        _TOTALS,
        {
            "model": Given(type="VARCHAR", values=list(whole)),
            "n": Given(type="DOUBLE", values=[float(m.usable) for m in whole.values()]),
            "positives": Given(type="DOUBLE", values=[float(m.positives or 0) for m in whole.values()]),
        },
    )
    sizes = Counter(part.slice_name for part in parts)
    stretches = _fetch(engine, predictions, None, sizes[None])
    models = text_or_none(stretches["model"])
    found: dict[Part, Ordering] = {}
    curves: dict[str, Curve] = {}
    for model in whole:
        mine = {name: column[models == model] for name, column in stretches.items()}
        found[Part(model)] = _ordering(mine)
        curves[model] = _curve(mine)
    for s in predictions.slices:
        found |= _of_slice(_fetch(engine, predictions, s, sizes[s.name]), s.name)
    return found, curves


def _fetch(engine: Engine, predictions: Predictions, s: PredictionSlice | None, parts: int) -> Columns:
    """One slice, or all examples. parts: how many running counts there are."""
    only = list(predictions.models) if len(predictions.models) == 1 else []
    # A model that is the only one is a constant: engines sort and group by a constant as by any other column.
    keys = [*([] if only else [Sql("model")]), *([] if s is None else [Sql("part")])]
    bin_ = _bin(predictions, max(parts, 1))
    # A view, because engines keep what one statement reads several times, and this is all the rows.
    scores = compile_query(_SCORES, by_model=not only, slice=None if s is None else s.column, bin=bin_)
    engine.create_view(_SCORES, scores)
    return engine.fetch(
        compile_query(
            "binary_order",
            model=literal(only[0]) if only else Sql("r.model"),
            slice=s is not None,
            keys=keys,
            binned=bin_ is not None,
            partition=Sql(f"partition by {comma_list(keys)}") if keys else Sql(""),
            order=Sql("score desc") if bin_ is None else Sql("bin desc, score desc"),
            curve=s is None,
            sums=exact_sum(
                _PRECISIONS,
                Sql("precision_there"),
                make_grid(1.0, largest_part(predictions), integer=False),
            ),
        )
    )


def _bin(predictions: Predictions, parts: int) -> Sql | None:
    """A bin of the score, which never falls when the score rises; None where sorting everything is as good.

    Fourth roots make bins finer where scores of rare events are: close to the lowest. Differences, quotients and roots
    are rounded correctly by every engine, and so never change the order of two scores.
    """
    models = predictions.models.values()
    rows, positives = sum(m.usable for m in models), sum(m.positives or 0 for m in models)
    low = min((m.smallest for m in models if m.smallest is not None), default=0.0)
    high = max((m.largest for m in models if m.largest is not None), default=0.0)
    width = high - low
    if rows < SORTED_ROWS or positives * RARE > rows or not 0.0 < width < LARGEST:
        return None
    bins = max(min(BINS_PER_POSITIVE * positives, MOST_BINS) // parts, 1)
    place = f"(y_score - {literal(low)}) / {literal(width)}"
    return Sql(f"floor(sqrt(sqrt({place})) * {literal(float(bins))})")


def _of_slice(rows: Columns, name: str) -> dict[Part, Ordering]:
    models, values = (text_or_none(rows[column]) for column in ("model", "part"))
    return {
        Part(model, name, value): _ordering({column: cells[i : i + 1] for column, cells in rows.items()})
        for i, (model, value) in enumerate(zip(models, values, strict=True))
    }


def _ordering(stretches: Columns) -> Ordering:
    """Stretches of one part, added up."""
    n, positives = stretches["n"].sum(), stretches["positives"].sum()
    negatives = n - positives
    if not positives or not negatives:
        return Ordering(roc_auc=np.nan, average_precision=np.nan)
    parts = {
        name: np.array([column.sum()]) for name, column in stretches.items() if name.startswith(_PRECISIONS)
    }
    in_order = stretches["positives_above"].sum()
    not_reversed = positives * negatives - stretches["negatives_above"].sum()
    return Ordering(
        roc_auc=float((in_order + not_reversed) / (2.0 * positives * negatives)),
        average_precision=float(sum_of(parts, _PRECISIONS)[0] / positives),
    )


def _curve(stretches: Columns) -> Curve:
    order = np.argsort(stretches["called"], kind="stable")
    return Curve(
        thresholds=stretches["threshold"][order],
        called=stretches["called"][order],
        found=stretches["found"][order],
        n=int(stretches["n"].sum()),
        positives=int(stretches["positives"].sum()),
    )


def cheapest_thresholds(
    engine: Engine, predictions: Predictions, *, false_positive: float, false_negative: float
) -> dict[str, CheapestThreshold]:
    """The threshold of every model at which its errors on these examples cost least."""
    found = engine.fetch(
        compile_query(
            "binary_best_threshold",
            params={"false_positive": float(false_positive), "false_negative": float(false_negative)},
        )
    )
    nobody = CheapestThreshold(threshold=None, called=0, found=0)
    thresholds = dict.fromkeys(predictions.models, nobody)
    columns = (found[name] for name in ("model", "cost", "threshold", "called", "found"))
    for model, cost, threshold, called, positives in zip(*columns, strict=True):
        if cost < 0.0:
            thresholds[model] = CheapestThreshold(
                threshold=float(threshold), called=int(called), found=int(positives)
            )
    return thresholds
