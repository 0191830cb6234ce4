"""How the errors of effects hang together: from the units, else from folds, else as declared.

Metrics of one arm are measured on the same units, and so are gains where moments or test queries are of them. Their
covariances are put beside the variances that effects have already, whose size they are fitted to: those may have been
made smaller by strata.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from abgap.gap.portfolio.data import AxisKind, PortfolioData
from abgap.gap.portfolio.gains_and_lifts import Together
from abgap.online.cross_rows import CrossMoments
from abgap.records.moments import FloatArray
from abgap.stats.moments import Joint
from abgap.stats.portfolio.correlated import possible_correlation, possible_covariances, with_correlation
from abgap.stats.portfolio.effects import IndexArray
from abgap.stats.portfolio.joint_errors import (
    LogWeights,
    Places,
    joint_errors,
    log_weights,
    rescaled,
    shared_errors,
)
from abgap.stats.portfolio.more_pairs import with_more_pairs

# How errors are known, from best to worst.
_SOURCES = ("units", "folds", "declared", "unknown")
# A gain that differs from that of the moments by more than this share came from elsewhere.
_SAME = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownErrors:
    """What is known of the errors of metrics that are measured on units.

    crosses: cross moments of arms. controls: variant in control by experiment. signs: +1 or -1 by metric, so that up
    is good. by_arm: of covariate slopes. folds: correlation of the online axes in their order, as metrics stand.
    declared: one correlation for all, of effects turned so that up is good; declared_offline: of gains with lifts.
    together: what gains and lifts have in common through units that made test queries.
    """

    crosses: Sequence[CrossMoments]
    controls: Mapping[str, str]
    signs: Mapping[str, int]
    by_arm: bool = False
    folds: FloatArray | None = None
    declared: float | None = None
    declared_offline: float | None = None
    together: Together = field(default_factory=Together)


def with_joint_errors(data: PortfolioData, known: KnownErrors) -> PortfolioData:
    """The same effects with the covariances of metrics of the same units, and how these are known."""
    online = np.array([at for at, a in enumerate(data.axes) if a.kind is not AxisKind.OFFLINE], dtype=np.intp)
    if len(data.axes) < 2:
        return data
    made = _Errors(data, known, online)
    made.from_units()
    made.from_queries()
    signs = np.array([known.signs[data.axes[at].name] for at in online], dtype=np.float64)
    if known.folds is not None:
        made.from_correlation(made.of_online(known.folds * np.outer(signs, signs)), "folds")
    if known.declared is not None:
        of_all = np.where(np.eye(len(online), dtype=bool), 1.0, known.declared)
        made.from_correlation(made.of_online(possible_correlation(of_all)), "declared")
    if known.declared_offline is not None:
        made.from_correlation(np.where(made.across, known.declared_offline, np.nan), "declared")
    return made.data()


class _Errors:
    """Covariances of all axes while they are put in place. across: (p, p), a gain and a lift."""

    def __init__(self, data: PortfolioData, known: KnownErrors, online: IndexArray) -> None:
        self._data, self._known, self._online = data, known, online
        effects = data.effects
        self._own, self._shared, self._pairs = (
            effects.covariances.copy(),
            effects.shared.copy(),
            effects.pairs,
        )
        self._values = effects.values
        self._source = np.full(self._own.shape, _SOURCES.index("unknown"), dtype=np.intp)
        self._is_online = np.isin(np.arange(len(data.axes)), online)
        # A name of both sides is the online metric's: gains of moments have names of their own.
        shadowed = ~self._is_online & np.isin([axis.name for axis in data.axes], data.online)
        self._names = ["" if hidden else a.name for a, hidden in zip(data.axes, shadowed, strict=True)]
        self.across = self._is_online[:, None] != self._is_online[None, :]

    def of_online(self, correlation: FloatArray) -> FloatArray:
        """A correlation of the online axes among all axes, NaN beside the others."""
        found = np.full((len(self._names), len(self._names)), np.nan)
        found[np.ix_(self._online, self._online)] = correlation
        return found

    def from_units(self) -> None:
        """Put what cross moments say of every arm that has them."""
        for group in self._groups():
            self._put(group)

    def _groups(self) -> Iterator[_Group]:
        arms = list(zip(self._data.effects.experiment, self._data.treatment, strict=True))
        keys = [(self._data.names[at], str(treatment)) for at, treatment in arms]
        for after in self._known.crosses:
            for before in self._known.crosses:
                metrics = [m for m in self._names if m in before.metrics and m in after.metrics]
                if len(metrics) < 2:
                    continue
                rows = [
                    (arm, before.where[experiment, control], after.where[experiment, treatment])
                    for arm, (experiment, treatment) in enumerate(keys)
                    if (experiment, treatment) in after.where
                    and (control := self._known.controls.get(experiment)) is not None
                    and (experiment, control) in before.where
                ]
                if rows:
                    yield _grouped(rows, before, after, metrics, self._names)

    def _put(self, group: _Group) -> None:
        gains = np.flatnonzero(~self._is_online[group.columns])
        weights = log_weights(
            group.control,
            group.treatment,
            group.places,
            by_arm=self._known.by_arm,
            differences=gains.tolist(),
        )
        self._forget_other_gains(group, weights, gains)
        found = joint_errors(group.control, group.treatment, weights)
        arms, at = group.arms, group.columns
        own = self._own[arms[:, None], at, at]
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.sqrt(own / np.diagonal(found, axis1=1, axis2=2))
        signs = np.array([self._known.signs[self._names[column]] for column in at], dtype=np.float64)
        factor = factor * signs
        self._fill(self._own, arms, at, rescaled(found, factor, factor), mark=True)
        position = np.full(len(self._own), -1, dtype=np.intp)
        position[arms] = np.arange(len(arms))
        first, second = position[self._pairs].T
        # Arms of different experiments may share queries, but no control.
        of_pairs = self._data.effects.experiment[self._pairs]
        both = np.flatnonzero((first >= 0) & (second >= 0) & (of_pairs[:, 0] == of_pairs[:, 1]))
        first, second = first[both], second[both]
        shared = shared_errors(group.control, weights, first, second)
        self._fill(self._shared, both, at, rescaled(shared, factor[first], factor[second]))

    def _forget_other_gains(self, group: _Group, weights: LogWeights, gains: IndexArray) -> None:
        """Leave gains out that are not the difference of these means, but came from elsewhere."""
        for at in gains:
            column, entry = group.columns[at], group.places[at].value
            difference = group.treatment.means[:, entry] - group.control.means[:, entry]
            wanted = self._values[group.arms, column] * self._known.signs[self._names[column]]
            other = ~(np.abs(difference - wanted) <= _SAME * np.abs(difference))
            weights.control[other, at] = weights.treatment[other, at] = np.nan

    def _fill(
        self, into: FloatArray, rows: IndexArray, at: IndexArray, found: FloatArray, *, mark: bool = False
    ) -> None:
        """Put covariances in place, off the diagonal; where they are known already they stay."""
        block = np.ix_(rows, at, at)
        put = np.isfinite(found) & ~np.eye(len(at), dtype=bool)
        into[block] = np.where(put, found, into[block])
        if mark:
            self._source[block] = np.where(put, _SOURCES.index("units"), self._source[block])

    def from_queries(self) -> None:
        """Put what gains have in common with lifts of units that made test queries."""
        for (arm, gain, lift), covariance in self._known.together.own.items():
            self._own[arm, gain, lift] = self._own[arm, lift, gain] = covariance
            self._source[arm, gain, lift] = self._source[arm, lift, gain] = _SOURCES.index("units")

    def from_correlation(self, correlation: FloatArray, source: str) -> None:
        """Put a correlation of the errors of all arms where nothing better is known."""
        unknown: npt.NDArray[np.bool_] = self._source == _SOURCES.index("unknown")
        self._own = with_correlation(self._own, correlation, unknown)
        first, second = self._pairs.T
        self._shared = with_correlation(self._shared, correlation, unknown[first] & unknown[second])
        told = np.isfinite(correlation) & ~np.eye(len(correlation), dtype=bool)
        self._source = np.where(unknown & told, _SOURCES.index(source), self._source)

    def data(self) -> PortfolioData:
        """The portfolio with what was found."""
        own = possible_covariances(self._own, self.across)
        effects = replace(self._data.effects, covariances=own, shared=self._shared)
        noise = dict(zip(self._online.tolist(), self._noise(), strict=True))
        return replace(
            self._data,
            axes=tuple(
                replace(axis, noise=noise.get(at, axis.noise)) for at, axis in enumerate(self._data.axes)
            ),
            effects=with_more_pairs(effects, self._known.together.between),
            across=dict(self._across()),
        )

    def _noise(self) -> list[str]:
        """How each axis is known, in the arm where least is known of it and another one."""
        online = np.ix_(np.arange(len(self._own)), self._online, self._online)
        both = self._both[online] & ~np.eye(len(self._online), dtype=bool)
        worst = np.where(both, self._source[online], -1).max(axis=(0, 2), initial=-1)
        return [_SOURCES[int(at)] for at in worst]

    @property
    def _both(self) -> npt.NDArray[np.bool_]:
        """Where both effects of an arm have an error, (K, p, p)."""
        known = np.isfinite(self._values) & np.isfinite(np.diagonal(self._own, axis1=1, axis2=2))
        return np.asarray(known[:, :, None] & known[:, None, :])

    def _across(self) -> Iterator[tuple[tuple[int, int], tuple[str, ...]]]:
        """How errors of a gain and a lift are known to go together, where they are in any arm."""
        both = self._both
        for gain, lift in zip(*np.nonzero(self.across), strict=True):
            found = {_SOURCES[at] for at in self._source[both[:, gain, lift], gain, lift]}
            told = tuple(source for source in _SOURCES if source in found and source != "unknown")
            if told:
                yield (int(gain), int(lift)), told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Arms whose cross moments have the same layout, by position, with the online axes they tell of."""

    arms: IndexArray
    control: Joint
    treatment: Joint
    places: tuple[Places, ...]
    columns: IndexArray


def _grouped(
    rows: Sequence[tuple[int, int, int]],
    before: CrossMoments,
    after: CrossMoments,
    metrics: Sequence[str],
    names: Sequence[str],
) -> _Group:
    arms, controls, treatments = np.array(rows, dtype=np.intp).T
    kept = [entry for entry in after.entries if entry in before.entries]
    at = {entry: position for position, entry in enumerate(kept)}
    return _Group(
        arms=arms,
        control=_part(before, controls, [before.entries.index(entry) for entry in kept]),
        treatment=_part(after, treatments, [after.entries.index(entry) for entry in kept]),
        places=tuple(
            Places(
                value=at[metric, 0],
                covariates=tuple(at[entry] for entry in sorted(kept) if entry[0] == metric and entry[1]),
            )
            for metric in metrics
        ),
        columns=np.array([names.index(metric) for metric in metrics], dtype=np.intp),
    )


def _part(of_all: CrossMoments, rows: IndexArray, entries: Sequence[int]) -> Joint:
    joint, at = of_all.joint, np.array(entries, dtype=np.intp)
    return Joint(
        n=joint.n[rows],
        means=joint.means[np.ix_(rows, at)],
        covariances=joint.covariances[np.ix_(rows, at, at)],
    )
