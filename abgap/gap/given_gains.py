"""Offline gains that come ready for an arm, so that no models have to be matched: of moments, or computed elsewhere.

A moments table may have rows of an offline metric per variant, over n queries or examples: the gain is then the
difference of two means, as if the two models had been tested on different queries. That is wider than a paired
comparison, never narrower where models agree on which queries are hard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from abgap.offline.directions import direction_of
from abgap.online.arms import pair_arms, univariate
from abgap.online.codes import coded, is_whole
from abgap.online.given_effects import GivenEffects
from abgap.records import Moments
from abgap.records.moments import FloatArray, ObjectArray
from abgap.stats.contrast import mean_contrast
from abgap.study.model import Study

# A difference of two independent means of equal variance has half of its variance from the control.
HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenGains:
    """Columns of one length; of several rows for one key the first one counts.

    gain: turned so that up is good. error: standard error, NaN where not given, with df degrees of freedom. shared: the
    part of its variance that every arm of the experiment has in common, the control's. level: of the control, up is
    good, NaN where not known.
    """

    experiment: ObjectArray
    treatment: ObjectArray
    metric: ObjectArray
    gain: FloatArray
    error: FloatArray
    df: FloatArray
    shared: FloatArray
    level: FloatArray
    _rows: dict[tuple[str, str, str], int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        keys = zip(self.experiment, self.treatment, self.metric, strict=True)
        for row, key in enumerate(keys):
            self._rows.setdefault(key, row)

    def __len__(self) -> int:
        return len(self.gain)

    def row(self, experiment: str, treatment: str, metric: str) -> int | None:
        """Where the gain of an arm stands; None where none was given."""
        return self._rows.get((experiment, treatment, metric))


def no_gains() -> GivenGains:
    """Nothing given."""
    none, empty = np.zeros(0, dtype=object), np.zeros(0)
    return GivenGains(
        experiment=none,
        treatment=none,
        metric=none,
        gain=empty,
        error=empty,
        df=empty,
        shared=empty,
        level=empty,
    )


def gains_of_moments(study: Study, moments: Moments, controls: Mapping[str, str]) -> GivenGains:
    """Gains of the rows of offline metrics in a moments table. controls: the control variant of each experiment."""
    moments = moments.take(is_whole(moments))
    pairs = pair_arms(moments, controls)
    contrast = mean_contrast(univariate(moments, pairs.control), univariate(moments, pairs.treatment))
    measured = ~np.isnan(contrast.difference)
    rows = pairs.treatment[measured]
    contrast = contrast.take(np.flatnonzero(measured))
    sign = _signs(study, moments.metric[rows])
    return GivenGains(
        experiment=moments.experiment[rows],
        treatment=moments.variant[rows],
        metric=moments.metric[rows],
        gain=sign * contrast.difference,
        error=np.where(contrast.usable, contrast.standard_error, np.nan),
        df=contrast.df,
        shared=contrast.control_variance,
        level=sign * contrast.control,
    )


def gains_of_effects(study: Study, effects: GivenEffects) -> GivenGains:
    """Gains computed elsewhere: the rows of the study's offline metrics, with normal errors."""
    rows = coded(effects.metric).where(lambda name: name in study.gap.offline)
    error = effects.standard_error[rows]
    return GivenGains(
        experiment=effects.experiment[rows],
        treatment=effects.treatment[rows],
        metric=effects.metric[rows],
        gain=_signs(study, effects.metric[rows]) * effects.effect[rows],
        error=error,
        df=np.full(len(error), np.inf),
        shared=HALF * error**2,
        level=np.full(len(error), np.nan),
    )


def joined(first: GivenGains, second: GivenGains) -> GivenGains:
    """Both, the first one preferred."""
    names = [each.name for each in fields(GivenGains) if each.init]
    return GivenGains(
        **{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names}
    )


def _signs(study: Study, metrics: ObjectArray) -> FloatArray:
    return coded(metrics).numbers(lambda name: direction_of(study, name).sign)
