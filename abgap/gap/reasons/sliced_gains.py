"""An offline gain taken apart by a slice of the test set, and put together again in another mix.

Only a metric that is a mean over examples can be: then the gains of the slices, weighted by their examples, give the
gain of all, and that is tested instead of being looked up by the metric's name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abgap.gap.reasons.case import Case
from abgap.records import Interval, OfflineRow
from abgap.records.moments import FloatArray
from abgap.stats.arrays import MIN_UNITS
from abgap.stats.mix import Reweighted, reweighted
from abgap.stats.tails import t_quantile

_SAME = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicedGain:
    """The gain of a model by the values of one slice; up is good. Arrays as long as ``values``.

    examples, gain, variance: of every value, the variance that of one example (0 where none can be told).
    """

    slice_name: str
    values: tuple[str, ...]
    examples: FloatArray
    gain: FloatArray
    variance: FloatArray

    @property
    def shares(self) -> FloatArray:
        """Of the test set."""
        return np.asarray(self.examples / np.sum(self.examples))

    def row(self, value: str) -> int:
        """Where a value stands."""
        return self.values.index(value)

    def interval(self, value: str, alpha: float) -> Interval:
        """The gain at one value."""
        i = self.row(value)
        n = float(self.examples[i])
        return as_interval(
            Reweighted(float(self.gain[i]), math.sqrt(float(self.variance[i]) / n), n - 1.0),
            alpha,
            "paired-t",
        )

    def at_mix(self, other: FloatArray, alpha: float) -> Interval:
        """The gain in another mix, whose shares count as known."""
        weight = other**2 * self.variance / self.examples
        unsure = float(np.sum(weight**2 / np.maximum(self.examples - 1.0, 1.0)))
        df = float(np.sum(weight)) ** 2 / unsure if unsure > 0.0 else np.inf
        found = Reweighted(float(np.sum(other * self.gain)), math.sqrt(float(np.sum(weight))), df)
        return as_interval(found, alpha, "re-weighted")

    def lost_at(self, other: FloatArray, size: float) -> Reweighted:
        """The gain minus that in another mix. size: how many draws the other mix was counted over."""
        return reweighted(self.gain, self.variance, self.examples, other, size=size)

    def only(self, keep: Sequence[int]) -> SlicedGain:
        """Some values only."""
        at = np.array(keep, dtype=np.intp)
        return SlicedGain(
            slice_name=self.slice_name,
            values=tuple(self.values[i] for i in keep),
            examples=self.examples[at],
            gain=self.gain[at],
            variance=self.variance[at],
        )


def as_interval(found: Reweighted, alpha: float, method: str) -> Interval:
    """The t interval of an estimate."""
    reach = float(t_quantile(1.0 - alpha / 2.0, found.df)) * found.standard_error
    return Interval(
        estimate=found.difference,
        low=found.difference - reach,
        high=found.difference + reach,
        level=1.0 - alpha,
        method=method,
    )


def sliced_rows(case: Case) -> dict[str, list[OfflineRow]]:
    """The rows of the claimed comparison by slice."""
    found: dict[str, list[OfflineRow]] = {}
    if case.model is None or case.target is None:
        return found
    for row in case.evidence.offline_rows(case.model, case.offline_metric):
        if row.baseline == case.target.baseline and row.slice_name is not None:
            found.setdefault(row.slice_name, []).append(row)
    return found


def is_mean(case: Case) -> bool | None:
    """Whether the metric is a mean over examples; None when it has no slices to tell by."""
    rows = sliced_rows(case)
    if case.model is None or case.target is None or not rows:
        return None
    whole = case.evidence.offline_row(case.model, case.target.baseline, case.offline_metric)
    return whole is not None and all(_adds_up(whole, parts) for parts in rows.values())


def _adds_up(whole: OfflineRow, parts: Sequence[OfflineRow]) -> bool:
    if whole.nearest_to is not None or whole.difference is None or not whole.n:
        return False
    known = [(row.n or 0, row.difference) for row in parts if row.n]
    if any(difference is None for _, difference in known) or sum(n for n, _ in known) != whole.n:
        return False
    mean = sum(n * (difference or 0.0) for n, difference in known) / whole.n
    return math.isclose(mean, whole.difference, rel_tol=_SAME, abs_tol=_SAME)


def sliced_gain(name: str, rows: Sequence[OfflineRow]) -> SlicedGain | None:
    """The gain by the known values of a slice that have enough examples; None where none has."""
    usable = [row for row in rows if row.slice_value is not None and (row.n or 0) >= MIN_UNITS]
    if not usable:
        return None
    return SlicedGain(
        slice_name=name,
        values=tuple(str(row.slice_value) for row in usable),
        examples=np.array([float(row.n or 0) for row in usable]),
        gain=np.array([row.bare_improvement or 0.0 for row in usable]),
        variance=np.array([_variance(row) for row in usable]),
    )


def _variance(row: OfflineRow) -> float:
    """Of the difference of one example, out of the interval of the mean; 0 where the gain is the same everywhere."""
    if not isinstance(row.gain, Interval) or not row.n:
        return 0.0
    reach = float(t_quantile((1.0 + row.gain.level) / 2.0, row.n - 1.0))
    return row.n * ((row.gain.high - row.gain.low) / 2.0 / reach) ** 2
