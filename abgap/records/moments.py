"""The moments table: the narrow waist between logs and statistics.

One row per experiment x variant x metric x slice x period x fold. Whole-experiment rows have ``slice_name``,
``period`` and ``fold`` null. A row of a funnel carries the funnel's name in ``metric`` and its cross moments in
``stage_means`` (length k) and ``stage_covariances`` (k x k, row-major).

Here it is a set of equally long numpy columns, so that thousands of experiments are one vectorised pass;
on disk it is a parquet table with the same names.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
ObjectArray = npt.NDArray[np.object_]

SCHEMA_VERSION = "1"
# The note in parquet files on how far the logs reached: days of exposure do not tell it.
UNTIL = "abgap_data_until"

KEYS = ("experiment", "variant", "metric", "slice_name", "slice_value", "period", "fold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Columns of the moments table, all of one length.

    Keys (object, None where null): experiment, variant, metric, slice_name, slice_value, period (ISO date), fold.
    Numbers (float64, NaN where null): n units; mean and variance (ddof 1) of the metric's value per unit
    (for a ratio: the ratio, and its variance per unit by the delta method); the parts of a ratio; the covariate.
    Several covariates (k), and those of a ratio, stand in lists: covariate_means (k), covariate_covariances (k x k,
    row-major), and covariate_crosses, their covariances with the value (k), or with numerator and denominator (2k).
    capped_units: units whose value was cut; capped_value: what was cut off, per unit; without_history: units without a
    pre-period value.
    """

    experiment: ObjectArray
    variant: ObjectArray
    metric: ObjectArray
    slice_name: ObjectArray
    slice_value: ObjectArray
    period: ObjectArray
    fold: ObjectArray
    n: FloatArray
    mean: FloatArray
    variance: FloatArray
    numerator_mean: FloatArray
    numerator_variance: FloatArray
    denominator_mean: FloatArray
    denominator_variance: FloatArray
    covariance: FloatArray
    covariate_mean: FloatArray
    covariate_variance: FloatArray
    covariate_covariance: FloatArray
    capped_units: FloatArray
    capped_value: FloatArray
    without_history: FloatArray
    covariate_means: ObjectArray
    covariate_covariances: ObjectArray
    covariate_crosses: ObjectArray
    stage_means: ObjectArray
    stage_covariances: ObjectArray

    def __len__(self) -> int:
        return len(self.experiment)

    def take(self, where: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Moments:
        """The rows selected by a mask or by positions."""
        return Moments(**{f.name: getattr(self, f.name)[where] for f in fields(self)})


FLOAT_COLUMNS = (
    "n",
    "mean",
    "variance",
    "numerator_mean",
    "numerator_variance",
    "denominator_mean",
    "denominator_variance",
    "covariance",
    "covariate_mean",
    "covariate_variance",
    "covariate_covariance",
    "capped_units",
    "capped_value",
    "without_history",
)
LIST_COLUMNS = (
    "covariate_means",
    "covariate_covariances",
    "covariate_crosses",
    "stage_means",
    "stage_covariances",
)
