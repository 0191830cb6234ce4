"""The errors of offline gains put together: of metrics of one arm, and of arms whose models saw the same queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from abgap.gap.inputs import ExperimentFacts
from abgap.gap.portfolio.data import AxisKind, PortfolioData
from abgap.offline.gain_pairs import GainErrors
from abgap.records.moments import FloatArray
from abgap.stats.portfolio.more_pairs import with_more_pairs

# A gain that differs from that of the contest by more than this share came from elsewhere.
_SAME = 1e-9


def with_gain_errors(
    data: PortfolioData, facts: Mapping[str, ExperimentFacts], errors: GainErrors
) -> PortfolioData:
    """The same effects with the covariances of gains over shared queries; gains that came ready-made have none."""
    found = Gains(data, facts, errors)
    if not found.arms_at:
        return data
    covariances = data.effects.covariances.copy()
    between: dict[tuple[int, int], FloatArray] = {}
    for (one, other), correlation in found.correlations():
        for arm, axis in found.arms_at[one]:
            for arm_too, axis_too in found.arms_at[other]:
                value = correlation * found.error[arm, axis] * found.error[arm_too, axis_too]
                if arm == arm_too:
                    covariances[arm, axis, axis_too] = covariances[arm, axis_too, axis] = value
                    continue
                (first, row), (second, column) = sorted([(arm, axis), (arm_too, axis_too)])
                size = len(data.axes)
                between.setdefault((first, second), np.zeros((size, size)))[row, column] = value
    effects = replace(data.effects, covariances=covariances)
    return replace(data, effects=with_more_pairs(effects, between))


class Gains:
    """Which contest every gain is of, and its error, with the sign that turns it so that up is good.

    error: (K, p). arms_at: by place of the contest, arms with the positions of their axes.
    """

    def __init__(self, data: PortfolioData, facts: Mapping[str, ExperimentFacts], errors: GainErrors) -> None:
        self._errors = errors
        self.error = np.zeros(data.effects.values.shape)
        self.arms_at: dict[int, list[tuple[int, int]]] = {}
        own = data.effects.errors
        for arm, (at, treatment) in enumerate(zip(data.effects.experiment, data.treatment, strict=True)):
            of_arm = facts.get(data.names[at])
            models = {} if of_arm is None else of_arm.models
            model, baseline = models.get(treatment), None if of_arm is None else models.get(of_arm.control)
            if model is None or baseline is None:
                continue
            for axis in data.positions(AxisKind.OFFLINE):
                place = errors.places.get((model, baseline, data.axes[axis].name))
                value = data.effects.values[arm, axis]
                if place is None or not _same(value, errors.gains[place]) or not own[arm, axis] > 0.0:
                    continue
                self.error[arm, axis] = own[arm, axis] * np.sign(value * errors.gains[place])
                self.arms_at.setdefault(place, []).append((arm, axis))

    def correlations(self) -> list[tuple[tuple[int, int], float]]:
        """Of contests that arms are at; arms that ran the same models have the same gain."""
        known = self._errors.correlations.items()
        crossed = [(pair, r) for pair, r in known if all(place in self.arms_at for place in pair)]
        return [*crossed, *(((place, place), 1.0) for place, arms in self.arms_at.items() if len(arms) > 1)]


def _same(value: float, gain: float) -> bool:
    return value != 0.0 and abs(abs(value) - abs(gain)) <= _SAME * abs(gain)
