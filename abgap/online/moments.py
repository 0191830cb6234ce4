"""Exact sums made into the moments table: means and centred second moments per metric.

``mean = centre + S / n`` and ``M2 = SS - S^2 / n`` over centred values, whose sums are exact; the centre
keeps the subtraction free of cancellation. From here on nothing knows of logs or SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from abgap.engine.exact import centred
from abgap.engine.protocol import text_or_none
from abgap.online import tables
from abgap.online.experiments import Variants, is_analysed
from abgap.online.joint import as_lists, ratio_columns
from abgap.online.plan import MetricColumns
from abgap.online.sums import Sums
from abgap.records import Kind, Moments
from abgap.records.moments import FLOAT_COLUMNS, KEYS, LIST_COLUMNS, FloatArray, ObjectArray
from abgap.stats.moments import Bivariate


def make_moments(sums: Sums, variants: Variants) -> Moments:
    """The moments of all metrics and funnels, for declared experiments and variants only.

    Without quantiles, which sums cannot tell (``quantiles.py``).
    """
    keep = np.array(
        [
            is_analysed(variants, experiment, variant)
            for experiment, variant in zip(sums.rows["experiment"], sums.rows["variant"], strict=True)
        ],
        dtype=bool,
    )
    reader = _Reader(sums, keep)
    parts = [reader.metric(metric) for metric in sums.plan.metrics if metric.kind is not Kind.QUANTILE]
    parts += [reader.funnel(name, columns) for name, columns in sums.plan.funnels]
    return concatenate(parts)


def concatenate(parts: Sequence[Moments]) -> Moments:
    """Several moments tables one after the other."""
    if not parts:
        return make_rows(0, {})
    return Moments(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Moments)}
    )


def make_rows(length: int, columns: Mapping[str, FloatArray | ObjectArray]) -> Moments:
    """A moments table of ``length`` rows; columns that are not given are null."""
    filled: dict[str, FloatArray | ObjectArray] = {}
    for name in (*KEYS, *FLOAT_COLUMNS, *LIST_COLUMNS):
        if name in columns:
            filled[name] = columns[name]
        elif name in FLOAT_COLUMNS:
            filled[name] = np.full(length, np.nan)
        else:
            filled[name] = np.full(length, None, dtype=object)
    return Moments(**filled)  # type: ignore[arg-type]  # names decide which of the two array types it is


class _Reader:
    """Reads means and second moments out of the sums of the rows to keep."""

    def __init__(self, sums: Sums, keep: npt.NDArray[np.bool_]) -> None:
        self.sums, self.keep = sums, keep
        self.length = int(keep.sum())

    def metric(self, metric: MetricColumns) -> Moments:
        n = self.known(metric.value)
        columns = self.keys(metric.metric) | {"n": n, "mean": self.mean(metric.value, n)}
        if metric.kind.is_share:
            p = columns["mean"]
            columns["variance"] = _undefined_below_two(n, p * (1.0 - p) * n / np.maximum(n - 1.0, 1.0))
        elif metric.denominator is None:
            columns["variance"] = self.second(metric.value, metric.value, n)
        else:
            columns |= self.ratio(metric.value, metric.denominator, n)
        if metric.covariates:
            columns |= self.covariates(metric, n)
        cut = self.sums.rows.get(tables.cut_name(metric.value))
        if metric.cut is not None:
            columns["capped_units"] = np.asarray(
                np.round(np.nan_to_num(self.mean(metric.cut, n) * n)), dtype=np.float64
            )
        elif cut is not None:
            columns["capped_units"] = np.nan_to_num(cut[self.keep])
        if metric.uncapped is not None:
            columns["capped_value"] = self.mean(metric.uncapped, n) - self.mean(metric.value, n)
        return make_rows(self.length, columns)

    def ratio(self, top: str, bottom: str, n: FloatArray) -> dict[str, FloatArray]:
        parts = Bivariate(
            n=n,
            mean_y=self.mean(top, n),
            variance_y=self.second(top, top, n),
            mean_x=self.mean(bottom, n),
            variance_x=self.second(bottom, bottom, n),
            covariance=self.second(top, bottom, n),
        )
        return ratio_columns(parts)

    def covariates(self, metric: MetricColumns, n: FloatArray) -> dict[str, FloatArray | ObjectArray]:
        """A single covariate of a single value in columns of its own, others in lists."""
        names, values = metric.covariates, metric.measured()
        known = np.min([self.known(covariate) for covariate in names], axis=0)
        # Of clusters nobody counted them.
        without = n - known if self.sums.counted.issuperset(names) else np.full(self.length, np.nan)
        found: dict[str, FloatArray | ObjectArray] = {"without_history": without}
        if len(names) == len(values) == 1:
            return found | {
                "covariate_mean": self.mean(names[0], n),
                "covariate_variance": self.second(names[0], names[0], n),
                "covariate_covariance": self.second(values[0], names[0], n),
            }
        seconds = {
            "covariate_covariances": [(a, b) for a in names for b in names],
            "covariate_crosses": [(value, covariate) for value in values for covariate in names],
        }
        means = np.stack([self.mean(covariate, n) for covariate in names], axis=-1)
        return found | {
            "covariate_means": as_lists(means),
            **{
                name: as_lists(np.stack([self.second(*pair, n) for pair in pairs], axis=-1))
                for name, pairs in seconds.items()
            },
        }

    def funnel(self, name: str, stages: Sequence[str]) -> Moments:
        n = self.known(stages[0])
        means = np.stack([self.mean(stage, n) for stage in stages], axis=-1)
        covariances = np.stack([self.second(a, b, n) for a in stages for b in stages], axis=-1)
        if self.sums.plan.by_cluster:
            means, covariances = _per_unit(means, covariances)
        columns = self.keys(name) | {
            "n": n,
            "stage_means": as_lists(means),
            "stage_covariances": as_lists(covariances),
        }
        return make_rows(self.length, columns)

    def keys(self, metric: str) -> dict[str, FloatArray | ObjectArray]:
        names = ("experiment", "variant", "slice_name", "slice_value", "period")
        found: dict[str, FloatArray | ObjectArray] = {
            name: text_or_none(self.sums.rows[name][self.keep]) for name in names
        }
        return found | {"metric": np.full(self.length, metric, dtype=object)}

    def known(self, column: str) -> FloatArray:
        return self.sums.known(column)[self.keep]

    def mean(self, column: str, n: FloatArray) -> FloatArray:
        centre = self.sums.centres[column][self.keep]
        return np.where(n > 0, centre + self.total(column) / np.maximum(n, 1.0), np.nan)

    def second(self, left: str, right: str, n: FloatArray) -> FloatArray:
        """Variance or covariance with ddof 1; null below two units."""
        pair = (left, right) if tables.sum_name(left, right) in self.sums.rows else (right, left)
        rest = centred(self.total(*pair), self.total(left), self.total(right), n)
        if left == right:
            rest = np.maximum(rest, 0.0)
        return _undefined_below_two(n, rest / np.maximum(n - 1.0, 1.0))

    def total(self, left: str, right: str | None = None) -> FloatArray:
        return self.sums.total(left, right)[self.keep]


def _per_unit(means: FloatArray, covariances: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Stages of a funnel per unit, out of sums of clusters of which the first counts units, by the delta method.

    Means and covariances (k x k, row by row) have one entry less: those of ``(y - m u) / mean u`` for each stage y with
    the ratio m to the units u.
    """
    size = means.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        units = np.where(means[..., :1] > 0.0, means[..., :1], np.nan)
        ratios = means[..., 1:] / units
    square = covariances.reshape(*means.shape[:-1], size, size)
    shared = square[..., 1:, :1] * ratios[..., None, :]
    rest = square[..., 1:, 1:] - shared - np.swapaxes(shared, -1, -2)
    rest = rest + square[..., :1, :1] * ratios[..., :, None] * ratios[..., None, :]
    per_unit = rest / units[..., None] ** 2
    return ratios, per_unit.reshape(*means.shape[:-1], (size - 1) ** 2)


def _undefined_below_two(n: FloatArray, value: FloatArray) -> FloatArray:
    return np.where(n >= 2.0, value, np.nan)
