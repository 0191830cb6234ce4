"""Effects of all arms collected: log ratios from the scorecard, offline gains from the rows of their models.

Online effects come as arrays, cell by cell of the scorecard, and are put in place by position: a portfolio may have
thousands of experiments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from abgap.gap.expected import critical
from abgap.gap.inputs import EvidenceIndex, ExperimentFacts
from abgap.gap.offline_side import OfflineSide, offline_side
from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.offline.directions import direction_of
from abgap.online.families import correct
from abgap.online.scorecard import Scorecard
from abgap.records import Interval, Role
from abgap.records.moments import FloatArray
from abgap.records.words import plural
from abgap.stats.portfolio.effects import Effects, IndexArray
from abgap.stats.portfolio.log_ratio import log_ratios, shared_control
from abgap.study.model import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arms:
    """The arms that take part: position in the facts, name of the arm; where: position by experiment and arm."""

    experiment: IndexArray
    treatment: list[str]
    where: Mapping[tuple[str, str], int]
    same_model: int


@dataclass(frozen=True, slots=True)
class _Columns:
    """What is filled in place, axis by axis: (K, p) and (K, p, p), NaN until it is known; shared (m, p, p)."""

    values: FloatArray
    significant: FloatArray
    level: FloatArray
    covariances: FloatArray
    shared: FloatArray


def collect(
    study: Study, facts: Sequence[ExperimentFacts], card: Scorecard, index: EvidenceIndex
) -> PortfolioData:
    """The effects of all arms on the offline metrics, proxies and business metrics of the study."""
    axes = tuple(_axes(study))
    arms = _arms(facts)
    k, p = len(arms.treatment), len(axes)
    pairs = _pairs(arms.experiment)
    into = _Columns(
        values=np.full((k, p), np.nan),
        significant=np.full((k, p), np.nan),
        level=np.full((k, p), np.nan),
        covariances=np.full((k, p, p), np.nan),
        shared=np.zeros((len(pairs), p, p)),
    )
    _online(axes, arms, card, pairs, into)
    _offline(study, axes, facts, arms, index, into)
    _independent(into.covariances)
    return PortfolioData(
        axes=axes,
        effects=Effects(
            values=into.values,
            covariances=into.covariances,
            experiment=arms.experiment,
            pairs=pairs,
            shared=into.shared,
        ),
        names=tuple(each.name for each in facts),
        treatment=np.array(arms.treatment, dtype=object),
        trusted=np.array([not index.blocking(facts[e].name) for e in arms.experiment], dtype=bool),
        significant=into.significant,
        level=into.level,
        units=np.array(
            [
                _units(facts[e], treatment)
                for e, treatment in zip(arms.experiment, arms.treatment, strict=True)
            ],
            dtype=np.float64,
        ),
        days=np.array([np.nan if f.days is None else f.days for f in facts], dtype=np.float64),
        starts=tuple(f.start for f in facts),
        tags=tuple(f.tags for f in facts),
        alpha=study.study.alpha,
        seed=study.study.seed,
        left_out=_left_out(arms),
    )


def _axes(study: Study) -> list[Axis]:
    """Offline metrics, then business metrics: those of the gap, else the primary ones."""
    business = study.gap.business or [n for n, m in study.metrics.items() if m.role is Role.PRIMARY]
    return [
        *(Axis(name=name, kind=AxisKind.OFFLINE) for name in study.gap.offline),
        *(_online_axis(study, name, AxisKind.BUSINESS) for name in business),
    ]


def _online_axis(study: Study, name: str, kind: AxisKind) -> Axis:
    metric = study.metrics[name]
    return Axis(
        name=name,
        kind=kind,
        smallest_worthwhile=metric.smallest_worthwhile_lift,
        money=metric.money,
        noise="unknown",
    )


def _arms(facts: Sequence[ExperimentFacts]) -> _Arms:
    """All treatment arms but those that ran the control's model, which compare nothing."""
    found = [
        (at, treatment)
        for at, each in enumerate(facts)
        for treatment in each.treatments
        if not each.same_model(treatment)
    ]
    return _Arms(
        experiment=np.array([at for at, _ in found], dtype=np.intp),
        treatment=[treatment for _, treatment in found],
        where={(facts[at].name, treatment): row for row, (at, treatment) in enumerate(found)},
        same_model=sum(len(each.treatments) for each in facts) - len(found),
    )


def _pairs(experiment: IndexArray) -> IndexArray:
    """Positions of all two arms of one experiment; arms stand in the order of the experiments."""
    bounds = np.flatnonzero(np.diff(experiment)) + 1
    groups = np.split(np.arange(len(experiment)), bounds)
    found = [pair for group in groups if len(group) > 1 for pair in combinations(group.tolist(), 2)]
    return np.array(found, dtype=np.intp).reshape(-1, 2)


def _online(
    axes: Sequence[Axis],
    arms: _Arms,
    card: Scorecard,
    pairs: IndexArray,
    into: _Columns,
) -> None:
    """Put the log ratios in place, turned so that up is good."""
    moments, rows = card.moments, card.pairs.treatment
    cell = np.full(into.values.shape, -1, dtype=np.intp)
    columns = {axis.name: at for at, axis in enumerate(axes) if axis.kind is not AxisKind.OFFLINE}
    for position, row in enumerate(rows):
        column = columns.get(moments.metric[row])
        arm = arms.where.get((moments.experiment[row], moments.variant[row]))
        if column is None or arm is None or moments.slice_name[row] or moments.period[row]:
            continue
        cell[arm, column] = position
    contrast = card.numbers.contrasts.judged
    ratios = log_ratios(contrast)
    sign = np.array([trait.direction.sign for trait in card.traits], dtype=np.float64)
    p_adjusted = correct(moments, card.pairs, card.traits, card.numbers.verdicts.p).p
    established = np.where(np.isnan(p_adjusted), np.nan, p_adjusted < card.procedure.alpha)
    arm_at, column_at = np.nonzero(cell >= 0)
    at = cell[arm_at, column_at]
    into.values[arm_at, column_at] = sign[at] * ratios.value[at]
    into.covariances[arm_at, column_at, column_at] = ratios.variance[at]
    into.significant[arm_at, column_at] = established[at] * np.sign(sign[at] * contrast.difference[at])
    for column in columns.values():
        first, second = cell[pairs[:, 0], column], cell[pairs[:, 1], column]
        both = np.flatnonzero((first >= 0) & (second >= 0))
        into.shared[both, column, column] = shared_control(contrast, ratios, first[both], second[both])


def _offline(
    study: Study,
    axes: Sequence[Axis],
    facts: Sequence[ExperimentFacts],
    arms: _Arms,
    index: EvidenceIndex,
    into: _Columns,
) -> None:
    """Put the offline gains in place: of each arm's model over the model in control."""
    for column, axis in enumerate(axes):
        if axis.kind is not AxisKind.OFFLINE:
            continue
        direction = direction_of(study, axis.name)
        for row, (experiment, treatment) in enumerate(zip(arms.experiment, arms.treatment, strict=True)):
            of_arm = facts[experiment]
            side = offline_side(
                of_arm, treatment, axis.name, index, direction=direction, level=1.0 - study.study.alpha
            )
            gain, error, sign = _measured(side)
            into.values[row, column], into.covariances[row, column, column] = gain, error**2
            into.significant[row, column] = sign
            into.level[row, column] = _level(index, of_arm, treatment, axis.name)


def _measured(side: OfflineSide) -> tuple[float, float, float]:
    """Gain, standard error and established sign; NaN where not known."""
    gain = side.gain
    if isinstance(gain, Interval):
        error = (gain.high - gain.low) / 2.0 / critical(gain.level)
        return gain.estimate, error, float(np.sign(gain.estimate)) if gain.excludes_zero() else 0.0
    if side.face_value is not None:
        return side.face_value, np.nan, np.nan
    return np.nan, np.nan, np.nan


def _level(index: EvidenceIndex, facts: ExperimentFacts, treatment: str, metric: str) -> float:
    """The offline metric of the model in control, up is good."""
    model, live = facts.models.get(treatment), facts.models.get(facts.control)
    row = None if model is None or live is None else index.offline(model, metric).get(live)
    return np.nan if row is None or row.baseline_value is None else row.turned(row.baseline_value)


def _independent(covariances: FloatArray) -> None:
    """Errors of different axes count as independent where nothing is known about them."""
    own = np.diagonal(covariances, axis1=1, axis2=2)
    known: npt.NDArray[np.bool_] = np.isfinite(own)
    both = known[:, :, None] & known[:, None, :]
    covariances[both & np.isnan(covariances)] = 0.0


def _units(facts: ExperimentFacts, treatment: str) -> int:
    return facts.arms.get(facts.control, 0) + facts.arms.get(treatment, 0)


def _left_out(arms: _Arms) -> tuple[str, ...]:
    if not arms.same_model:
        return ()
    return (
        f"{plural(arms.same_model, 'arm')} that ran the control's model compare nothing and are left out.",
    )
