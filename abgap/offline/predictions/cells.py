"""One pass over binary predictions: counts of decisions by label, sums of losses, and bins of calibration, by slice.

The pass groups by all slices at once and is rolled up here: a slice costs a few rows more, not another scan. Sums are
taken on grids, so that neither the order of rows nor that of cells changes a bit of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.exact import SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.protocol import Columns, Engine, text_or_none
from abgap.offline.predictions.intake import Predictions, PredictionSlice
from abgap.records.moments import FloatArray
from abgap.sources.sql import Named, Sql, identifier, literal

BINS = 10
"""Bins of equal width that calibration is looked at in."""

CLIP = float(np.finfo(np.float64).eps)
"""Probabilities are kept this far from 0 and 1 for the log loss, as scikit-learn does."""

_LARGEST_LOSS = 37.0
_SUMS = {"log_loss": _LARGEST_LOSS, "squared_error": 1.0, "probability": 1.0}


class Part(NamedTuple):
    """What numbers are of: a model, over all examples or in a slice."""

    model: str
    slice_name: str | None = None
    slice_value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Examples of a part added up.

    decided: how many, by label and decision, (2, 2). log_loss, squared_error: sums. bins: by bin of the probability how
    many, the sum of their probabilities and how many are positive, (BINS, 3).
    """

    decided: FloatArray
    log_loss: float
    squared_error: float
    bins: FloatArray

    @property
    def n(self) -> int:
        """How many examples."""
        return int(self.decided.sum())

    @property
    def positives(self) -> int:
        """How many have the positive label."""
        return int(self.decided[1].sum())


def tally_predictions(engine: Engine, predictions: Predictions, decided: Sql) -> dict[Part, Tally]:
    """Add up all models, over all examples and by slice. decided: the condition under which an example is called."""
    cells = engine.fetch(_statement(predictions, decided))
    models = text_or_none(cells["model"])
    found = _rolled_up(cells, [(model, None, None) for model in models])
    for s in predictions.slices:
        values = text_or_none(cells[_name(s)])
        parts = [(model, s.name, value) for model, value in zip(models, values, strict=True)]
        found |= _rolled_up(cells, parts)
    return found


def _name(s: PredictionSlice) -> str:
    return str(s.column)[1:-1]


def probability_terms(score: Sql, label: Sql) -> dict[str, Sql]:
    """Log loss and squared error of one probability."""
    of_label = f"case when {label} = 1 then {score} else 1e0 - {score} end"
    low, high = literal(CLIP), literal(1.0 - CLIP)
    return {
        "log_loss": Sql(f"-ln(least(greatest({of_label}, {low}), {high}))"),
        "squared_error": Sql(f"({score} - {label}) * ({score} - {label})"),
    }


def has_probabilities(predictions: Predictions) -> bool:
    """Whether the scores of any model are probabilities."""
    return predictions.scored and any(model.probabilities for model in predictions.models.values())


def guarded(predictions: Predictions, score: Sql, value: Sql) -> Sql:
    """The value where the score is a probability; null elsewhere, when there are scores that are none."""
    if all(model.probabilities for model in predictions.models.values()):
        return value
    return Sql(f"case when {score} >= 0 and {score} <= 1 then {value} end")


def largest_part(predictions: Predictions) -> int:
    """The rows of the largest model."""
    return max((model.usable for model in predictions.models.values()), default=0)


def _statement(predictions: Predictions, decided: Sql) -> Statement:
    terms: list[Named] = []
    sums: list[SumColumn] = []
    score, bin_ = Sql("y_score"), Sql("0e0")
    if has_probabilities(predictions):
        values = probability_terms(score, Sql("y_true")) | {"probability": score}
        terms = [
            Named(name=identifier(name), value=guarded(predictions, score, value))
            for name, value in values.items()
        ]
        rows = largest_part(predictions)
        sums = [
            column
            for name, largest in _SUMS.items()
            for column in exact_sum(
                f"sum of {name}", identifier(name), make_grid(largest, rows, integer=False)
            )
        ]
        bin_ = Sql(f"least(greatest(floor(y_score * {literal(float(BINS))}), 0e0), {literal(BINS - 1.0)})")
    return compile_query(
        "binary_cells",
        slices=[s.column for s in predictions.slices],
        decided=decided,
        bin=bin_,
        terms=terms,
        sums=sums,
    )


def _rolled_up(
    cells: Columns, parts: Sequence[tuple[str | None, str | None, str | None]]
) -> dict[Part, Tally]:
    """Cells added up by part."""
    places: dict[Any, int] = {}
    codes = np.array([places.setdefault(part, len(places)) for part in parts], dtype=np.intp)
    add = _Adder(codes, len(places))
    label, decision, bin_ = (cells[name].astype(np.intp) for name in ("y_true", "decided", "bin"))
    decided = add.by(cells["n"], (2, 2), label, decision)
    sums = {
        name: add.by(column, (BINS,), bin_) for name, column in cells.items() if name.startswith("sum of ")
    }
    in_bins = [add.by(cells["n"], (BINS,), bin_), add.by(cells["n"] * label, (BINS,), bin_)]
    totals = {
        name: sum_of(sums, f"sum of {name}") if sums else np.zeros((len(places), BINS)) for name in _SUMS
    }
    of_parts = {name: _summed(sums, name, len(places)) for name in ("log_loss", "squared_error")}
    return {
        Part(*part): Tally(
            decided=decided[i],
            log_loss=float(of_parts["log_loss"][i]),
            squared_error=float(of_parts["squared_error"][i]),
            bins=np.stack([in_bins[0][i], totals["probability"][i], in_bins[1][i]], axis=-1),
        )
        for part, i in places.items()
    }


def _summed(sums: Mapping[str, FloatArray], name: str, parts: int) -> FloatArray:
    """A sum over all bins; part by part of it, so that it stays exact."""
    if not sums:
        return np.zeros(parts)
    return sum_of({key: column.sum(axis=1) for key, column in sums.items()}, f"sum of {name}")


@dataclass(frozen=True, slots=True)
class _Adder:
    """Adds up a column of cells by part and by further codes."""

    codes: npt.NDArray[np.intp]
    parts: int

    def by(
        self, column: npt.NDArray[Any], shape: tuple[int, ...], *codes: npt.NDArray[np.intp]
    ) -> FloatArray:
        """Totals (parts, *shape)."""
        total = np.zeros((self.parts, *shape))
        np.add.at(total, (self.codes, *codes), np.nan_to_num(column.astype(np.float64)))
        return total
