"""The orders of scores of two models over the same examples: the sums that DeLong and the jackknife need.

Every example has a placement in either order (for ROC-AUC) and an influence on average precision, both out of running
counts from above and from below; only their sums, and those of differences and squares, leave the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.exact import exact_sum, exact_terms, make_grid, sum_of
from abgap.engine.protocol import Engine, text_or_none
from abgap.offline.predictions.intake import Predictions, PredictionSlice
from abgap.offline.predictions.pairs import SIDES, PairPart, largest_pair
from abgap.records.moments import FloatArray
from abgap.sources.sql import Named, Sql, comma_list, identifier
from abgap.stats.roc import DifferenceSums

# No influence on average precision is larger: a harmonic sum over positives, and one.
_LARGEST_INFLUENCE = 64.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOrder:
    """The two orders of scores over a part, by label (negatives, positives).

    placements: for ROC-AUC. influences: on average precision. precisions: their sums over positives, of both models.
    """

    placements: tuple[DifferenceSums, DifferenceSums]
    influences: tuple[DifferenceSums, DifferenceSums]
    precisions: tuple[float, float]


def order_pairs(
    engine: Engine, predictions: Predictions, pairs: Sequence[tuple[str, str]]
) -> dict[PairPart, PairOrder]:
    """Order the scores of all pairs, over all examples and by slice; parts with one label are left out."""
    found: dict[PairPart, PairOrder] = {}
    for s in (None, *predictions.slices):
        rows = engine.fetch(_order_statement(predictions, pairs, s))
        sums = {name: sum_of(rows, f"sum of {name}") for name in _order_terms()}
        models, bases = (text_or_none(rows[name]) for name in ("model", "baseline"))
        values = [None] * len(models) if s is None else text_or_none(rows["part"])
        places: dict[PairPart, dict[int, int]] = {}
        for i, side in enumerate(zip(models, bases, values, strict=True)):
            part = PairPart(side[0], side[1], None if s is None else s.name, side[2])
            places.setdefault(part, {})[int(rows["y_true"][i])] = i
        found |= {
            part: _order(rows["n"], sums, (at[0], at[1])) for part, at in places.items() if len(at) == 2
        }
    return found


def _order_terms() -> dict[str, str]:
    """What is added up per example; of positives and of negatives apart, because their sums are."""
    found = {}
    for side, prefix in (("candidate", ""), ("base", "base_")):
        of_positive = f"({prefix}upto - {prefix}positives_upto) - ({prefix}called - {prefix}found)"
        of_negative = f"{prefix}found - {prefix}positives_upto"
        found[f"placement {side}"] = (
            f"cast(case when y_true = 1 then {of_positive} else {of_negative} end as double)"
        )
        precision = f"cast({prefix}found as double) / {prefix}called"
        found[f"precision {side}"] = f"case when y_true = 1 then {precision} else 0e0 end"
        found[f"influence {side}"] = (
            f"case when y_true = 1 then {precision} + {prefix}missed_steps else -{prefix}found_steps end"
        )
    for name in ("placement", "influence"):
        found[f"{name} difference"] = f"{found[f'{name} candidate']} - {found[f'{name} base']}"
        found[f"{name} square"] = ""
    return found


def _order_statement(
    predictions: Predictions, pairs: Sequence[tuple[str, str]], s: PredictionSlice | None
) -> Statement:
    rows = largest_pair(predictions, pairs)
    terms, sums = [], []
    for name, value in _order_terms().items():
        kind, _, side = name.partition(" ")
        largest = {"placement": float(rows), "precision": 1.0, "influence": _LARGEST_INFLUENCE}[kind]
        largest *= 2.0 if side in {"difference", "square"} else 1.0
        term = identifier(name)
        if side == "square":
            difference = identifier(f"{kind} difference")
            summed, largest = Sql(f"({difference} * {difference})"), largest * largest
        else:
            terms.append(Named(name=term, value=Sql(value)))
            summed = term
        sums += exact_sum(f"sum of {name}", summed, make_grid(largest, rows, integer=False, parts=3))
    keys = [Sql("model"), Sql("baseline")]
    return compile_query(
        "binary_pair_order",
        slice=None if s is None else s.column,
        keys=comma_list([*keys, *([] if s is None else [s.column])]),
        parts=comma_list([*keys, *([] if s is None else [Sql("part")])]),
        steps=_steps(),
        terms=terms,
        sums=sums,
    )


def _steps() -> list[Named]:
    """What each positive adds to the influence of those above it, on a grid: running sums are exact then, too."""
    grid = make_grid(1.0, int(_LARGEST_INFLUENCE), integer=False, parts=1)
    found = []
    for prefix in ("", "base_"):
        square = f"(cast({prefix}called as double) * {prefix}called)"
        for name, top in (("missed", f"({prefix}called - {prefix}found)"), ("found", f"{prefix}found")):
            (column,) = exact_terms(f"{prefix}{name}_step", Sql(f"({top} / {square})"), grid)
            found.append(
                Named(name=column.name, value=Sql(f"case when y_true = 1 then {column.value} else 0e0 end"))
            )
    return found


def _order(n: FloatArray, sums: Mapping[str, FloatArray], at: tuple[int, int]) -> PairOrder:
    def of(kind: str, i: int) -> DifferenceSums:
        return DifferenceSums(n=float(n[i]), **{side: float(sums[f"{kind} {side}"][i]) for side in SIDES})

    return PairOrder(
        placements=(of("placement", at[0]), of("placement", at[1])),
        influences=(of("influence", at[0]), of("influence", at[1])),
        precisions=(float(sums["precision candidate"][at[1]]), float(sums["precision base"][at[1]])),
    )
