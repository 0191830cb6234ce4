"""What the portfolio is made of: effects of every arm on every axis, as columns, with what they are called.

Built from estimates and offline rows (``collecting.py``), never from verdicts: a verdict may ask the portfolio what was
to be expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray, ObjectArray
from abgap.stats.portfolio.effects import Effects


class AxisKind(StrEnum):
    """What an axis measures."""

    OFFLINE = "offline"
    PROXY = "proxy"
    BUSINESS = "business"


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One metric of the portfolio. Effects are turned by its direction, so that up is good.

    Offline: gain in the metric's own units. Proxy and business: log ratio of treatment to control. noise: how the
    covariance of its errors with other online metrics is known: ``units`` (from the units themselves), ``folds``,
    ``declared``, or ``unknown`` (taken as 0, with a range as sensitivity); None of offline axes. also_proxy: of a
    business metric that is a proxy of others as well. sign: +1 when more of the metric is better, -1 when less is.
    """

    name: str
    kind: AxisKind
    smallest_worthwhile: float | None = None
    money: bool = False
    noise: str | None = None
    also_proxy: bool = False
    sign: int = 1

    def relative(self, logs: FloatArray) -> FloatArray:
        """Log ratios as relative lifts, up is good: 20 % less of what is better low is +20 %, not 1 / 0.8 - 1."""
        return np.asarray(self.sign * np.expm1(self.sign * logs))

    @property
    def is_proxy(self) -> bool:
        """Whether it stands for other business metrics."""
        return self.kind is AxisKind.PROXY or self.also_proxy

    @property
    def is_offline(self) -> bool:
        """Whether effects are gains in the metric's own units; else they are log ratios."""
        return self.kind is AxisKind.OFFLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioData:
    """Arms by axes, with columns beside them; all of one length K, in the order of the experiments.

    names: experiment of each number in ``effects.experiment``. treatment: (K,) arm. trusted: (K,) whether no blocking
    check failed; other arms are shown and counted in nothing. significant: (K, p) -1, 0, 1: established at the
    study's alpha, NaN where not known. level: (K, p) value of offline metrics of the model in control, up is good,
    NaN else. units: (K,) units of control and treatment. days: (n experiments,) observed, NaN where not known.
    starts, tags: of each experiment. left_out: sentences about what takes no part. across: how errors of a gain and
    a lift (positions of their axes, either way round) are known to go together, ``units`` or ``declared``; others count
    as independent.
    """

    axes: tuple[Axis, ...]
    effects: Effects
    names: tuple[str, ...]
    treatment: ObjectArray
    trusted: npt.NDArray[np.bool_]
    significant: FloatArray
    level: FloatArray
    units: FloatArray
    days: FloatArray
    starts: tuple[str | None, ...]
    tags: tuple[tuple[str, ...], ...]
    alpha: float
    seed: int
    left_out: tuple[str, ...] = ()
    money_per_lift: Mapping[str, FloatArray] = field(default_factory=dict)
    across: Mapping[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)

    def positions(self, kind: AxisKind) -> Sequence[int]:
        """Of the axes of a kind, in order."""
        return [at for at, axis in enumerate(self.axes) if axis.kind is kind]

    @property
    def online(self) -> list[str]:
        """Names of the axes that are measured on units, in order."""
        return [axis.name for axis in self.axes if axis.kind is not AxisKind.OFFLINE]

    def predictors(self, business: int) -> Sequence[int]:
        """Of the axes held against a business metric: offline metrics, then proxies, in the order of the study.

        A business metric that is declared as a proxy too stands for the other ones.
        """
        offline = self.positions(AxisKind.OFFLINE)
        quick = [at for at, axis in enumerate(self.axes) if axis.is_proxy and at != business]
        return [*offline, *quick]

    def axis(self, name: str) -> int:
        """Position of the axis of this name."""
        return next(at for at, axis in enumerate(self.axes) if axis.name == name)

    def pair(self, predictor: int, business: int) -> Effects:
        """Trusted arms measured on both axes: predictor first."""
        both = self.effects.axes([predictor, business])
        return both.take(self.trusted & both.measured)

    @property
    def level_of_confidence(self) -> float:
        """Of all intervals."""
        return 1.0 - self.alpha
