"""Two models over the examples that both have: joined once in the engine, and added up by slice and by bucket.

All that the tests need are sums: how many examples of each label fall into each pair of decisions, losses and their
differences; ``pair_order.py`` adds where each example stands in the two orders of scores. Rows stay in the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.hashing import hash_of
from abgap.engine.protocol import Columns, Engine, Given, text_or_none
from abgap.errors import DataError
from abgap.offline.predictions.cells import probability_terms
from abgap.offline.predictions.intake import Predictions
from abgap.offline.predictions.refusals import KEY
from abgap.records.moments import FloatArray
from abgap.records.words import plural
from abgap.sources.sql import Named, Sql, identifier
from abgap.stats.paired_resampling import MOST_BUCKETS
from abgap.stats.roc import DifferenceSums

TABLE = "prediction_pairs"
LOSSES = ("log_loss", "squared_error")
_COMPARISONS = "prediction_comparisons"
_LARGEST = {"log_loss": 37.0, "squared_error": 1.0}
SIDES = ("candidate", "base", "difference", "square")


class PairPart(NamedTuple):
    """What two models are compared over: all examples that both have, or a slice of them."""

    model: str
    baseline: str
    slice_name: str | None = None
    slice_value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTally:
    """Examples of a part added up.

    decided: how many, by label, decision of the model and decision of the baseline, (2, 2, 2). losses: by name, where
    both have probabilities.
    """

    decided: FloatArray
    losses: Mapping[str, DifferenceSums]

    @property
    def n(self) -> int:
        """How many examples."""
        return int(self.decided.sum())

    @property
    def by_label(self) -> tuple[int, int]:
        """How many negatives and positives."""
        negatives, positives = self.decided.sum(axis=(1, 2))
        return int(negatives), int(positives)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """A pair by bucket: counts (buckets, 4) of both models, and sums of losses (buckets,) of both models by name."""

    candidate: FloatArray
    base: FloatArray
    losses: Mapping[str, tuple[FloatArray, FloatArray]]

    @property
    def n(self) -> FloatArray:
        """Examples by bucket."""
        return np.asarray(self.candidate.sum(axis=1))


def join_pairs(engine: Engine, predictions: Predictions, pairs: Sequence[tuple[str, str]]) -> None:
    """Put the predictions of every pair (model, baseline) side by side.

    Raises DataError when two models have different labels for one example.
    """
    engine.put_table(
        _COMPARISONS,
        {
            "model": Given(type="VARCHAR", values=[model for model, _ in pairs]),
            "baseline": Given(type="VARCHAR", values=[base for _, base in pairs]),
        },
    )
    few = largest_pair(predictions, pairs) <= MOST_BUCKETS
    bucket = Sql("m.example") if few else Sql(f"{hash_of(Sql('m.example'))} % {MOST_BUCKETS}")
    statement = compile_query(TABLE, bucket=bucket, slices=[s.column for s in predictions.slices])
    engine.create_table(TABLE, statement)


def largest_pair(predictions: Predictions, pairs: Sequence[tuple[str, str]]) -> int:
    """The most examples that a pair can share."""
    models = predictions.models
    return max((min(models[side].usable for side in pair) for pair in pairs), default=0)


def tally_pairs(
    engine: Engine,
    predictions: Predictions,
    pairs: Sequence[tuple[str, str]],
    decided: tuple[Sql, Sql],
) -> dict[PairPart, PairTally]:
    """Add up all pairs, over all examples and by slice. decided: when the model and the baseline call an example."""
    keys = [s.column for s in predictions.slices]
    cells = _fetch_cells(engine, predictions, pairs, keys, decided)
    _refuse_other_labels(cells)
    sides = list(zip(text_or_none(cells["model"]), text_or_none(cells["baseline"]), strict=True))
    found = _tallies(cells, [PairPart(*side) for side in sides])
    for s in predictions.slices:
        values = text_or_none(cells[_plain(s.column)])
        parts = [PairPart(*side, s.name, value) for side, value in zip(sides, values, strict=True)]
        found |= _tallies(cells, parts)
    return found


def bucket_pairs(
    engine: Engine,
    predictions: Predictions,
    pairs: Sequence[tuple[str, str]],
    decided: tuple[Sql, Sql],
) -> dict[tuple[str, str], Buckets]:
    """Add up all pairs by bucket, in an order of buckets that is the same on every run."""
    cells = _fetch_cells(engine, predictions, pairs, [Sql("bucket")], decided)
    models, bases = (text_or_none(cells[name]) for name in ("model", "baseline"))
    found = {}
    for model, base in pairs:
        mine = (models == model) & (bases == base)
        if mine.any():
            found[model, base] = _buckets({name: column[mine] for name, column in cells.items()})
    return found


def _fetch_cells(
    engine: Engine,
    predictions: Predictions,
    pairs: Sequence[tuple[str, str]],
    keys: Sequence[Sql],
    decided: tuple[Sql, Sql],
) -> Columns:
    terms, sums = _loss_sums(predictions, largest_pair(predictions, pairs))
    return engine.fetch(
        compile_query(
            "binary_pair_cells",
            keys=keys,
            decided=decided[0],
            base_decided=decided[1],
            terms=terms,
            sums=sums,
        )
    )


def _loss_sums(predictions: Predictions, rows: int) -> tuple[list[Named], list[SumColumn]]:
    """Losses of both models, their difference and its square; none without probabilities on both sides."""
    if not predictions.scored or not any(m.probabilities for m in predictions.models.values()):
        return [], []
    label = Sql("y_true")
    ours, theirs = (probability_terms(Sql(side), label) for side in ("candidate", "base"))
    guard = "candidate >= 0 and candidate <= 1 and base >= 0 and base <= 1"
    terms, sums = [], []
    for name in LOSSES:
        values = {
            "candidate": (f"{ours[name]}", 1.0),
            "base": (f"{theirs[name]}", 1.0),
            "difference": (f"{ours[name]} - ({theirs[name]})", 2.0),
        }
        for side, (value, size) in values.items():
            term = identifier(f"{name} {side}")
            terms.append(Named(name=term, value=Sql(f"case when {guard} then {value} end")))
            grid = make_grid(size * _LARGEST[name], rows, integer=False)
            sums += exact_sum(f"sum of {name} {side}", term, grid)
        difference = identifier(f"{name} difference")
        grid = make_grid((2.0 * _LARGEST[name]) ** 2, rows, integer=False, parts=3)
        sums += exact_sum(f"sum of {name} square", Sql(f"({difference} * {difference})"), grid)
    return terms, sums


def _refuse_other_labels(cells: Columns) -> None:
    other = cells["y_true"] != cells["base_true"]
    if other.any():
        i = int(np.argmax(other))
        model, base = cells["model"][i], cells["baseline"][i]
        n = cells["n"][other & (cells["model"] == model) & (cells["baseline"] == base)].sum()
        raise DataError(
            f"{KEY}: models {model!r} and {base!r} have different labels for {plural(n, 'example')}; "
            "an example has one truth, whichever model predicts it"
        )


def _tallies(cells: Columns, parts: Sequence[PairPart]) -> dict[PairPart, PairTally]:
    places: dict[PairPart, list[int]] = {}
    for i, part in enumerate(parts):
        places.setdefault(part, []).append(i)
    found = {}
    for part, rows in places.items():
        mine = {name: column[rows] for name, column in cells.items()}
        decided = np.zeros((2, 2, 2))
        np.add.at(decided, _codes(mine), mine["n"])
        found[part] = PairTally(decided=decided, losses=_losses(mine))
    return found


def _codes(cells: Columns) -> tuple[npt.NDArray[np.intp], ...]:
    return tuple(cells[name].astype(np.intp) for name in ("y_true", "decided", "base_decided"))


def _losses(cells: Columns) -> dict[str, DifferenceSums]:
    totals = {
        name: np.array([np.nansum(column)]) for name, column in cells.items() if name.startswith("sum of ")
    }
    if not totals:
        return {}
    n = float(cells["n"].sum())
    return {
        name: DifferenceSums(
            n=n, **{side: float(sum_of(totals, f"sum of {name} {side}")[0]) for side in SIDES}
        )
        for name in LOSSES
    }


def _buckets(cells: Columns) -> Buckets:
    _, codes = np.unique(cells["bucket"], return_inverse=True)
    size = int(codes.max()) + 1
    label, ours, theirs = _codes(cells)
    sides = []
    for decision in (ours, theirs):
        counts = np.zeros((size, 4))
        # True positive, false positive, false negative, true negative.
        kind = np.where(label == 1, np.where(decision == 1, 0, 2), np.where(decision == 1, 1, 3))
        np.add.at(counts, (codes, kind), cells["n"])
        sides.append(counts)
    parts = {name: np.zeros(size) for name in cells if name.startswith("sum of ")}
    for name, total in parts.items():
        np.add.at(total, codes, np.nan_to_num(cells[name]))
    losses = {
        name: (sum_of(parts, f"sum of {name} candidate"), sum_of(parts, f"sum of {name} base"))
        for name in (LOSSES if parts else ())
    }
    return Buckets(candidate=sides[0], base=sides[1], losses=losses)


def _plain(column: Sql) -> str:
    return str(column)[1:-1]
