"""What gains turn into: ``lift = a + b gain + N(0, tau^2)`` of true effects, behind measured ones.

True gains and lifts of arms are normal around their means, with standard deviations s_x and s_y and the correlation
``sin(angle)``, and measured with known covariances (Daniels and Hughes 1997); then ``b = sin(angle) s_y / s_x`` and
``tau = s_y cos(angle)``. A dozen experiments tell none of the three well, so nothing rests on one estimate of them:
everything is averaged over all their values, each weighted by its restricted likelihood (uniform in s_x, s_y and the
angle; and in how alike true effects of arms of one experiment are). Intervals get their tails of t by that, stay honest
where the spread of gains is hard to tell from their errors, and hold what they say in simulations (docs/portfolio.md).

Where errors of gains and lifts go together, what is fitted is ``lift - lean gain``, the lean being the slope of the
errors: the same averages over other coordinates. In those of the lifts themselves, all that errors of a correlation
near 1 allow is a ridge too thin for any nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.polynomial import legendre

from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray, Bounds
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.mixture import Mixture, Range, bounds_of
from abgap.stats.portfolio.structural import (
    Candidates,
    Fitted,
    Sums,
    are_covariances,
    components,
    fitted,
    most_together,
    sums_over,
)

FEWEST = 5
"""Experiments below which nothing is fitted."""

# Over spreads and angle; fewer where likelihoods cost much (several arms), or have no tails (many arms).
_NODES, _FEWER_NODES, _MANY = (14, 14, 20), (10, 10, 14), 200
# Over how alike arms of one experiment are.
_NODES_ALIKE = 3
# Nodes over spreads to which the logarithms of weights are interpolated where steps from one to the next would show.
_FINE = 32
# Values with a likelihood below that of the best by this factor (its logarithm) count for nothing.
_NEGLIGIBLE = 13.0
_SCANNED, _SCANS = 50, 3
_ROUNDING = 1e-12
# Nodes are used again for fewer effects whose range sticks out by at most this part, and fills at least that one.
_SLACK, _FILLED = 0.05, 0.7
# Part of the variance of lifts that what is left of it beside the errors of gains has at least.
_LEFT = 1e-8
# Arms whose errors hang together beyond which only those of one experiment are kept together.
_MOST_TOGETHER = 40
# Share of the variance of what is observed up to which errors that experiments have in common are left out: they hardly
# move the fit (on a dozen experiments by a thousandth of an interval), and cost twenty times the time.
_LITTLE_IN_COMMON = 0.02

_Ranges: TypeAlias = tuple[Range, Range, Range, Range]
_Shape: TypeAlias = tuple[int, int, int, int]


class _Grid(NamedTuple):
    """Gauss-Legendre nodes over spreads, angle and likeness (all N,), in units of the scales. step: of the quadrature.

    A spread is u / (1 - u), which takes in large ones. ranges: of u for gains and for lifts, of the angle, and of how
    alike true effects of arms of one experiment are. Lifts are those less the lean times gains.
    """

    s_x: FloatArray
    s_y: FloatArray
    angle: FloatArray
    alike: FloatArray
    step: FloatArray
    ranges: _Ranges
    shape: _Shape

    @classmethod
    def over(cls, ranges: _Ranges, shape: _Shape, lean: float) -> _Grid:
        """The nodes over these ranges; steps are those of weights that are uniform in what lifts themselves have."""
        axes, steps = zip(*(_gauss(r, n) for r, n in zip(ranges, shape, strict=True)), strict=True)
        u, v, angle, alike = (each.ravel() for each in np.meshgrid(*axes, indexing="ij"))
        step = np.einsum("i,j,k,l->ijkl", *steps).ravel() / ((1.0 - u) * (1.0 - v)) ** 2
        s_x, s_y = u / (1.0 - u), v / (1.0 - v)
        if lean:
            # Covariances map one to one, with determinant 1; their density by spreads and angle is s_x^2 s_y tau.
            step *= s_y / np.sqrt(s_y**2 + 2.0 * lean * s_x * s_y * np.sin(angle) + (lean * s_x) ** 2)
        return cls(s_x, s_y, angle, alike, step, ranges, shape)

    @property
    def truth(self) -> Candidates:
        """Covariances of true gains and lifts."""
        return _truth(self.s_x, self.s_y, self.angle, self.alike)


class _Cells(NamedTuple):
    """Pairs of spreads, close to each other; cumulative: Legendre series in the angle of the weight up to it."""

    s_x: FloatArray
    s_y: FloatArray
    cumulative: FloatArray
    angles: Range

    def below(self, angle: FloatArray) -> float:
        """The weight of angles up to those given for each pair of spreads."""
        low, high = self.angles
        place = np.clip(2.0 * (angle - low) / (high - low) - 1.0, -1.0, 1.0)
        return float(np.sum(legendre.legvander(place, self.cumulative.shape[-1] - 1) * self.cumulative))


@dataclass(frozen=True)
class TransferFit:
    """The line of gains and lifts: all values of spreads and angle that the effects allow, with their weights.

    Made by ``fit_transfer``; effects and sums in units of ``scale`` (2,), sums of effects that are leaned by ``lean``.
    """

    effects: Effects
    scale: FloatArray
    lean: float
    grid: _Grid
    sums: Sums

    @cached_property
    def _fitted(self) -> Fitted:
        return fitted(self.sums)

    @cached_property
    def weight(self) -> FloatArray:
        """Of every node; they sum to 1."""
        logs = self._fitted.log_likelihood
        weight: FloatArray = np.exp(logs - logs.max()) * self.grid.step
        return np.asarray(weight / np.sum(weight))

    @property
    def measured(self) -> Effects:
        """The effects in their own units."""
        unit = np.outer(self.scale, self.scale)
        return replace(
            self.effects,
            values=self.effects.values * self.scale,
            covariances=self.effects.covariances * unit,
            shared=self.effects.shared * unit,
        )

    @property
    def slope(self) -> FloatArray:
        """The slope b at every node."""
        unit = self.scale[1] / self.scale[0]
        return np.asarray(unit * (self.grid.s_y * np.sin(self.grid.angle) / self.grid.s_x + self.lean))

    @property
    def gain_sd(self) -> float:
        """Standard deviation of true gains, on average."""
        return float(self.scale[0] * (self.weight @ self.grid.s_x))

    @property
    def mean_gain(self) -> float:
        """Mean of true gains, on average."""
        return float(self.scale[0] * (self.weight @ self._fitted.mean[:, 0]))

    def a(self, alpha: float) -> Bounds:
        """The lift that comes without a gain."""
        return self._line(0.0, kept=np.ones_like(self.weight), beside=0.0).bounds(alpha)

    def b(self, alpha: float) -> Bounds:
        """The lift of a unit of gain."""
        unit = self.scale[1] / self.scale[0]
        cells = self._cells
        ratio = cells.s_x / cells.s_y

        def below(turn: float) -> float:
            return cells.below(np.arcsin(np.clip(np.tan(turn) * ratio, -1.0, 1.0)))

        turned = bounds_of(below, (-np.pi / 2.0, np.pi / 2.0), alpha)
        return Bounds(*(unit * (np.tan(end) + self.lean) for end in turned))

    def tau(self, alpha: float) -> Bounds:
        """Standard deviation of true lifts around the line."""
        cells = self._cells

        def below(value: float) -> float:
            half = np.arccos(np.clip(value / cells.s_y, 0.0, 1.0))
            return 1.0 - cells.below(half) + cells.below(-half)

        found = bounds_of(below, (0.0, float(cells.s_y.max())), alpha)
        return Bounds(*(self.scale[1] * end for end in found))

    def lift(self, gain: float, error: float = 0.0) -> Mixture:
        """The true lift of a new arm with this gain; tau is part of it.

        error: standard error with which the gain was measured, 0 for a true gain. A measured gain is pulled towards
        the mean of gains first, as far as its error says.
        """
        s_x = self.scale[0] * self.grid.s_x
        kept = s_x**2 / (s_x**2 + error**2)
        tau = self.scale[1] * self.grid.s_y * np.cos(self.grid.angle)
        return self._line(gain, kept=kept, beside=tau**2 + self.slope**2 * kept * error**2)

    def without(self, experiment: int) -> TransferFit | None:
        """The same without the arms of one experiment; None where nothing is left to fit.

        An experiment that was far off all others has made nodes that do not suit these: then they are fitted anew.
        """
        mine = self.effects.experiment == experiment
        leaned = _leaned(self.effects, self.lean)
        if not self._suits(leaned.take(~mine)):
            return fit_transfer(self.measured.take(~mine))
        touched = [part for part in components(leaned) if mine[part].any()]
        rest = np.zeros(len(mine), dtype=bool)
        rest[np.concatenate(touched)] = True
        truth = self.grid.truth
        kept = sums_over(leaned.take(rest & ~mine), truth)
        sums = self.sums.minus(sums_over(leaned, truth, touched)).plus(kept)
        return replace(self, effects=self.effects.take(~mine), sums=sums)

    def _suits(self, effects: Effects) -> bool:
        """Whether the nodes cover the spreads of these effects, and cover not much more."""
        if effects.experiments < FEWEST or not _differ(effects.values):
            return False
        for axis in (0, 1):
            (low, high), (least, most) = self.grid.ranges[axis], _spreads(effects.axes([axis]))
            slack = _SLACK * (high - low)
            if least < low - slack or most > high + slack or most - least < _FILLED * (high - low):
                return False
        return True

    def _line(self, gain: float, *, kept: FloatArray, beside: FloatArray | float) -> Mixture:
        """The line at a gain as far as it is kept, where the means are known up to their covariance."""
        mean, covariance = self._fitted.mean * self.scale, self._fitted.covariance
        pull = self.scale[1] / self.scale[0] * self.lean - self.slope * kept
        error = (
            self.scale[1] ** 2 * covariance[:, 1, 1]
            + 2.0 * pull * self.scale[0] * self.scale[1] * covariance[:, 0, 1]
            + (pull * self.scale[0]) ** 2 * covariance[:, 0, 0]
        )
        centre = mean[:, 1] + pull * mean[:, 0] + self.slope * kept * gain
        return Mixture(self.weight, centre, np.sqrt(error + beside))

    @property
    def _log_likelihood(self) -> FloatArray:
        """By spreads and angle, averaged over how alike arms are."""
        logs = self._fitted.log_likelihood.reshape(self.grid.shape)
        steps = _gauss(self.grid.ranges[3], self.grid.shape[3])[1]
        best = logs.max(axis=3)
        return np.asarray(best + np.log(np.exp(logs - best[..., None]) @ steps))

    @cached_property
    def _cells(self) -> _Cells:
        """Weights by logarithms in between the nodes; those of quadrature are far apart for a distribution function."""
        grid = self.grid
        closer = _Grid.over((*grid.ranges[:3], (0.0, 1.0)), (_FINE, _FINE, grid.shape[2], 1), self.lean)
        spread = [legendre.leggauss(n)[0] for n in grid.shape[:2]]
        between = [_interpolation(nodes, legendre.leggauss(_FINE)[0]) for nodes in spread]
        logs = np.einsum("ai,bj,ijk->abk", *between, self._log_likelihood)
        weight = np.exp(logs - logs.max()) * closer.step.reshape(logs.shape)
        terms = grid.shape[2]
        of_angle = legendre.legvander(legendre.leggauss(terms)[0], terms - 1) * (np.arange(terms) + 0.5)
        # Weights are densities times steps, and steps times a polynomial project on it.
        series = np.tensordot(of_angle, weight / np.sum(weight), (0, 2))
        cumulative = np.asarray(
            np.moveaxis(legendre.legint(series, lbnd=-1, axis=0), 0, -1), dtype=np.float64
        )
        s_x, s_y = (each.reshape(logs.shape)[:, :, 0] for each in (closer.s_x, closer.s_y))
        return _Cells(s_x, s_y, cumulative, grid.ranges[2])


def fit_transfer(effects: Effects) -> TransferFit | None:
    """Fit gains (first axis) and lifts (second) of arms that have both, with errors; an error of 0 is none.

    None with fewer than ``FEWEST`` experiments, and where all gains or all lifts are the same (but for rounding). The
    restricted likelihood is that of ``structural.py``; where errors of very many arms hang together, or those of
    different experiments have next to nothing in common, these count as independent.
    """
    scale = np.std(effects.values, axis=0)
    if effects.experiments < FEWEST or not _differ(effects.values):
        return None
    scaled = _tractable(
        replace(
            effects,
            values=effects.values / scale,
            covariances=effects.covariances / np.outer(scale, scale),
            shared=effects.shared / np.outer(scale, scale),
        )
    )
    lean = _lean(scaled)
    leaned = _leaned(scaled, lean)
    grid = _grid(leaned, lean)
    return TransferFit(scaled, scale, lean, grid, sums_over(leaned, grid.truth))


def _lean(effects: Effects) -> float:
    """The slope of the errors of lifts on those of gains, over all arms; 0 where they are unrelated."""
    own, both = effects.covariances[:, 0].sum(axis=0)
    return float(both / own) if own > 0.0 else 0.0


def _leaned(effects: Effects, lean: float) -> Effects:
    """Gains, and lifts less the lean times gains."""
    if not lean:
        return effects
    turn = np.array([[1.0, 0.0], [-lean, 1.0]])
    covariances = turn @ effects.covariances @ turn.T
    covariances[:, 1, 1] += _LEFT * effects.covariances[:, 1, 1]
    return replace(
        effects,
        values=effects.values @ turn.T,
        covariances=covariances,
        shared=turn @ effects.shared @ turn.T,
    )


def _differ(values: FloatArray) -> bool:
    """Whether the effects on each axis differ by more than rounding makes of equal ones."""
    return bool(np.all(np.ptp(values, axis=0) > _ROUNDING * np.abs(values).max(axis=0)))


def _tractable(effects: Effects) -> Effects:
    """Errors as far as they matter and can be: those in common go first, between experiments before the others.

    Effects are of unit spread, so that what experiments have in common may be called small.
    """
    first, second = effects.experiment[effects.pairs].T
    inside = first == second
    if most_together(effects) > _MOST_TOGETHER or not np.any(
        np.abs(effects.shared[~inside]) > _LITTLE_IN_COMMON
    ):
        effects = _sharing(effects, inside)
    if are_covariances(effects):
        return effects
    alone = _sharing(effects, np.zeros(len(effects.pairs), dtype=bool))
    return alone if are_covariances(alone) else replace(alone, covariances=alone.covariances * np.eye(2))


def _sharing(effects: Effects, kept: BoolArray) -> Effects:
    return replace(effects, pairs=effects.pairs[kept], shared=effects.shared[kept])


def _grid(effects: Effects, lean: float) -> _Grid:
    """Nodes over all spreads and angles that may be."""
    gains, lifts = _spreads(effects.axes([0])), _spreads(effects.axes([1]))
    several = len(effects) > effects.experiments
    nodes = _FEWER_NODES if several or len(effects) > _MANY else _NODES
    ranges = (gains, lifts, _angles(effects, gains, lifts), (0.0, 1.0))
    return _Grid.over(ranges, (*nodes, _NODES_ALIKE if several else 1), lean)


def _likenesses(effects: Effects) -> FloatArray:
    """Those at which ranges are looked for; of single arms it does not matter."""
    return np.array([0.0, 0.5, 0.95] if len(effects) > effects.experiments else [0.0])


def _gauss(ends: Range, nodes: int) -> tuple[FloatArray, FloatArray]:
    place, step = (np.asarray(each, dtype=np.float64) for each in legendre.leggauss(nodes))
    half = (ends[1] - ends[0]) / 2.0
    return ends[0] + half * (place + 1.0), half * step


def _interpolation(nodes: FloatArray, at: FloatArray) -> FloatArray:
    """The matrix that takes values at Gauss-Legendre nodes to those of their polynomial elsewhere."""
    degree = nodes.size - 1
    there = legendre.legvander(at, degree) @ np.linalg.inv(legendre.legvander(nodes, degree))
    return np.asarray(there, dtype=np.float64)


def _spreads(axis: Effects) -> Range:
    """The range of u in which the spread of one axis' true effects may lie, by that axis alone."""
    likenesses = _likenesses(axis)

    def log_weight(u: FloatArray) -> FloatArray:
        squares, alike = (each.ravel() for each in np.meshgrid((u / (1.0 - u)) ** 2, likenesses))
        found = fitted(sums_over(axis, Candidates(squares[:, None, None], alike))).log_likelihood
        best: FloatArray = found.reshape(-1, u.size).max(axis=0)
        return best - 2.0 * np.log1p(-u)

    return _likely(log_weight, (0.0, 1.0))


def _angles(effects: Effects, gains: Range, lifts: Range) -> Range:
    """The range in which the angle may lie, whatever the spreads."""
    u, v = (np.linspace(*ends, 7)[1:-1] for ends in (gains, lifts))
    likenesses = _likenesses(effects)[-2:]

    def log_weight(angle: FloatArray) -> FloatArray:
        axes = (u / (1.0 - u), v / (1.0 - v), likenesses, angle)
        s_x, s_y, alike, each = (a.ravel() for a in np.meshgrid(*axes, indexing="ij"))
        found = fitted(sums_over(effects, _truth(s_x, s_y, each, alike))).log_likelihood
        best: FloatArray = found.reshape(-1, angle.size).max(axis=0)
        return best

    return _likely(log_weight, (-np.pi / 2.0, np.pi / 2.0))


def _likely(log_weight: Callable[[FloatArray], FloatArray], within: Range) -> Range:
    """Where a weight with one peak counts for something, found by looking closer and closer."""
    low, high = within
    for _ in range(_SCANS):
        step = (high - low) / _SCANNED
        at: FloatArray = np.linspace(low + step / 2.0, high - step / 2.0, _SCANNED)
        logs = log_weight(at)
        kept = at[logs > logs.max() - _NEGLIGIBLE]
        low, high = max(low, float(kept[0]) - step), min(high, float(kept[-1]) + step)
    return low, high


def _truth(s_x: FloatArray, s_y: FloatArray, angle: FloatArray, alike: FloatArray) -> Candidates:
    """Covariances of true gains and lifts."""
    covariance = s_x * s_y * np.sin(angle)
    rows = [np.stack([s_x**2, covariance], axis=-1), np.stack([covariance, s_y**2], axis=-1)]
    return Candidates(np.stack(rows, axis=-2), alike)
