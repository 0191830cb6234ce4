"""Scores of numeric predictions out of sums over examples: of errors, of their sizes and squares, of the truth.

Errors are prediction minus truth. Squares of the truth are taken around a point near its mean, so that R2 keeps its
digits. MAPE and WAPE are fractions; sMAPE goes from 0 to 200, as in the M competitions, and an example of which truth
and prediction are both 0 has no error. MASE is the mean of absolute errors over the mean absolute error of the
(seasonal) naive forecast in the training series: Hyndman and Koehler, "Another look at measures of forecast accuracy"
(2006).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.score_of_sums import ScoreOfSums, mean_of, mean_unless


def _first_over_second(sums: FloatArray) -> FloatArray:
    return np.asarray(sums[..., 0] / sums[..., 1])


def _root_of_mean(sums: FloatArray) -> FloatArray:
    return np.sqrt(_first_over_second(sums))


def _r2(sums: FloatArray) -> FloatArray:
    square, truth, truth_square, n = np.moveaxis(sums, -1, 0)
    spread = truth_square - truth**2 / n
    # What rounding leaves of a truth that does not vary is no spread.
    varies = spread > 1e-12 * truth_square
    return np.asarray(1.0 - square / np.where(varies, spread, np.nan))


ERROR_SCORES: Mapping[str, ScoreOfSums] = {
    "mae": mean_of("absolute"),
    "mse": mean_of("square"),
    "rmse": ScoreOfSums(terms=("square",), of=_root_of_mean),
    "r2": ScoreOfSums(terms=("square", "truth", "truth_square"), of=_r2),
    "bias": mean_of("error"),
    "mape": mean_unless("relative", "zero"),
    "smape": mean_of("symmetric"),
    "wape": ScoreOfSums(terms=("absolute", "size"), of=_first_over_second),
    "mase": mean_unless("scaled", "unscaled"),
}
"""Every score by its name. The count comes last among the sums of each."""
