"""Worlds of a dozen experiments of very unequal size: true gains and lifts, and effects as experiments measure them.

Sizes run over two orders of magnitude, evenly in logarithms. Arms of one experiment share its control, which is half of
the variance of each of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.portfolio.effects import Effects, IndexArray
from abgap.stats.streams import named_stream

FOLDS = 10
SEED = 20_261_122

_GAIN_SD = 0.02
_USUAL = np.array([_GAIN_SD**2, (0.4 * _GAIN_SD) ** 2 + 0.0055**2])
_SHARED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is true: ``lift = direct + slope gain + N(0, own^2)``, gains having a mean and a deviation of 0.02.

    arms: of each experiment. range: of sizes, largest over smallest. gain_noise, lift_noise: variance of the errors of
    a usual arm over that of true effects in the first world. errors_together: correlation of the errors of gain and
    lift of an arm. alike: correlation of true effects of arms of one experiment. heavy: degrees of freedom of
    Student's t, of true effects.
    """

    name: str
    title: str
    arms: tuple[int, ...] = (1,) * 12
    range: float = 100.0
    mean_gain: float = 0.0
    direct: float = 0.0
    slope: float = 0.4
    own: float = 0.0055
    gain_noise: float = 0.3
    lift_noise: float = 0.3
    errors_together: float = 0.0
    alike: float = 0.0
    heavy: float | None = None

    @property
    def signal(self) -> FloatArray:
        """The covariance of true gains and lifts, (2, 2)."""
        xx = _GAIN_SD**2
        return np.array([[xx, self.slope * xx], [self.slope * xx, self.slope**2 * xx + self.own**2]])

    @property
    def correlation(self) -> float:
        """Of true gains and lifts."""
        whole = float(np.sqrt(self.signal[0, 0] * self.signal[1, 1]))
        return float(self.signal[0, 1]) / whole if whole > 0.0 else 0.0

    @property
    def mean_lift(self) -> float:
        """Of true lifts."""
        return self.direct + self.slope * self.mean_gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Replicates of a world. values, truth: (runs, K, 2), as measured and as it is. errors: with values left out.

    parts: (runs, K, 2, folds), what each fold of units adds to a measured effect. next_gain, next_lift: (runs,), the
    truth of one more experiment.
    """

    world: World
    errors: Effects
    values: FloatArray
    truth: FloatArray
    parts: FloatArray
    next_gain: FloatArray
    next_lift: FloatArray

    def __len__(self) -> int:
        return len(self.values)

    def effects(self, run: int) -> Effects:
        """What the experiments of one replicate measured."""
        return replace(self.errors, values=self.values[run])


def draw(world: World, runs: int, seed: int = SEED) -> Drawn:
    """Draw replicates of a world."""
    rng = np.random.Generator(named_stream(seed, world.name))
    errors = _errors(world)
    k = len(errors)
    root = np.linalg.cholesky(errors.dense() + 1e-300 * np.eye(2 * k))
    # Errors of folds are independent, and add up to the errors of all units.
    by_fold = (rng.normal(size=(runs, FOLDS, 2 * k)) @ root.T / np.sqrt(FOLDS)).reshape(runs, FOLDS, k, 2)
    truth = _truth(world, rng, runs, errors.experiment)
    parts = np.moveaxis(by_fold, 1, -1) + truth[..., None] / FOLDS
    following = _truth(world, rng, runs, np.zeros(1, dtype=np.intp))[:, 0]
    return Drawn(
        world=world,
        errors=errors,
        values=parts.sum(axis=-1),
        truth=truth,
        parts=parts,
        next_gain=following[:, 0],
        next_lift=following[:, 1],
    )


def _errors(world: World) -> Effects:
    """The errors of all arms; they are the same in every replicate."""
    experiment = np.repeat(np.arange(len(world.arms)), world.arms)
    size = np.geomspace(1.0, world.range, len(world.arms))[experiment]
    usual = _USUAL * [world.gain_noise, world.lift_noise]
    together = np.array([[1.0, world.errors_together], [world.errors_together, 1.0]])
    own = np.sqrt(np.outer(usual, usual)) * together * (np.median(size) / size)[:, None, None]
    pairs = [(k, m) for k, m in combinations(range(len(size)), 2) if experiment[k] == experiment[m]]
    at = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return Effects(
        values=np.zeros((len(size), 2)),
        covariances=own,
        experiment=experiment,
        pairs=at,
        shared=_SHARED * own[at[:, 0]],
    )


def _truth(world: World, rng: np.random.Generator, runs: int, experiment: IndexArray) -> FloatArray:
    """True gains and lifts, (runs, arms, 2)."""

    def standard() -> FloatArray:
        own, common = (_standard(world, rng, (runs, n)) for n in (len(experiment), experiment.max() + 1))
        return np.asarray(np.sqrt(1.0 - world.alike) * own + np.sqrt(world.alike) * common[:, experiment])

    gain = world.mean_gain + _GAIN_SD * standard()
    lift = world.direct + world.slope * gain + world.own * standard()
    return np.stack([gain, lift], axis=-1)


def _standard(world: World, rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Draws of mean 0 and variance 1."""
    if world.heavy is None:
        return rng.normal(size=shape)
    return np.asarray(rng.standard_t(world.heavy, size=shape) * np.sqrt(1.0 - 2.0 / world.heavy))


_SEVERAL = (1, 3, 2, 1, 4, 1, 2, 1, 3, 1, 2, 1)

WORLDS = (
    World(name="unequal", title="12 experiments of very unequal size"),
    World(name="shared", title="12 experiments of 1 to 4 arms that share a control", arms=_SEVERAL),
    World(name="alike", title="the same, arms of an experiment being alike", arms=_SEVERAL, alike=0.5),
    World(
        name="direct", title="lifts that come without gains (direct effects)", direct=0.03, mean_gain=0.01
    ),
    World(name="weak", title="weak signal: errors are larger than true effects", gain_noise=1.5, lift_noise=1.5),
    World(name="zero", title="no correlation: gains tell nothing of lifts", slope=0.0, own=0.01),
    World(name="nothing", title="no experiment changes the business", slope=0.0, own=0.0),
    World(
        name="proxy", title="errors of gain and lift go together (the same users)", errors_together=0.6,
        gain_noise=0.6, lift_noise=0.6,
    ),
    World(name="tight", title="lifts lie on the line but for little", own=0.002),
    World(name="heavy", title="true effects with heavy tails (t with 4 degrees of freedom)", heavy=4.0),
    World(name="exact", title="gains without errors", gain_noise=0.0),
    World(name="six", title="6 experiments", arms=(1,) * 6),
    World(name="forty", title="40 experiments, sizes over three orders of magnitude", arms=(1,) * 40, range=1000.0),
)  # fmt: skip
"""All of them; seeds do not depend on the order."""
