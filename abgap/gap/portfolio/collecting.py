"""Effects of all arms collected: log ratios from the scorecard, offline gains of their models, ready-made effects.

The study's own data come first; ready-made gains and effects fill in what is missing (``columns.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from abgap.gap.given_gains import GivenGains
from abgap.gap.inputs import EvidenceIndex, ExperimentFacts
from abgap.gap.offline_side import OfflineSide, offline_side
from abgap.gap.portfolio.arms import Arms, list_arms
from abgap.gap.portfolio.columns import Columns, empty_columns, positions, put_gains, put_lifts, put_scorecard
from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.offline.directions import direction_of
from abgap.online.given_effects import GivenEffects
from abgap.online.scorecard import Scorecard
from abgap.records import Interval, OfflineRow
from abgap.records.moments import FloatArray
from abgap.records.words import declared_percent, label, plural
from abgap.stats.portfolio.effects import Effects
from abgap.study.compared import business_metrics
from abgap.study.model import Study


def collect(
    study: Study,
    facts: Sequence[ExperimentFacts],
    card: Scorecard | None,
    index: EvidenceIndex,
    *,
    gains: GivenGains,
    effects: GivenEffects,
) -> PortfolioData:
    """The effects of all arms on the offline metrics, proxies and business metrics of the study.

    card: None where the study has no units. index: offline rows and checks, without ready-made gains. gains: the
    ready-made ones. effects: computed elsewhere; those of online metrics are taken.
    """
    axes = tuple(_axes(study))
    arms = list_arms(facts, effects)
    into = empty_columns(arms, len(axes))
    if card is not None:
        put_scorecard(axes, arms, card, into)
    _put_models(study, axes, arms, index, into)
    put_gains(axes, arms, gains, into, study.study.alpha)
    signs = {name: float(metric.direction.sign) for name, metric in study.metrics.items()}
    impossible = put_lifts(axes, arms, effects, signs, into, study.study.alpha)
    into.share_control()
    into.count_as_independent()
    return PortfolioData(
        axes=axes,
        effects=Effects(
            values=into.values,
            covariances=into.covariances,
            experiment=arms.experiment,
            pairs=into.pairs,
            shared=into.shared,
        ),
        names=arms.names,
        treatment=np.array(arms.treatment, dtype=object),
        trusted=_trusted(arms, index),
        significant=into.significant,
        level=into.level,
        units=_units(arms),
        days=_days(arms),
        starts=arms.starts,
        tags=arms.tags,
        alpha=study.study.alpha,
        seed=study.study.seed,
        left_out=tuple(_left_out(axes, arms, effects, impossible)),
    )


def _axes(study: Study) -> Iterator[Axis]:
    """Offline metrics, proxies, then business metrics: those of the gap, else the primary ones."""
    business = business_metrics(study)
    yield from (Axis(name=name, kind=AxisKind.OFFLINE) for name in study.gap.offline)
    proxies = [name for name in study.portfolio.proxies if name not in business]
    yield from (_online_axis(study, name, AxisKind.PROXY) for name in proxies)
    yield from (_online_axis(study, name, AxisKind.BUSINESS) for name in business)


def _online_axis(study: Study, name: str, kind: AxisKind) -> Axis:
    metric = study.metrics[name]
    return Axis(
        name=name,
        kind=kind,
        smallest_worthwhile=metric.smallest_worthwhile_lift,
        money=metric.money,
        noise="unknown",
        also_proxy=kind is AxisKind.BUSINESS and name in study.portfolio.proxies,
        sign=metric.direction.sign,
    )


def _put_models(study: Study, axes: Sequence[Axis], arms: Arms, index: EvidenceIndex, into: Columns) -> None:
    """Put the offline gains in place that arms' models have over the model in control."""
    if not index.has_offline_rows:
        return
    level = 1.0 - study.study.alpha
    for name, column in positions(axes, online=False).items():
        direction = direction_of(study, name)
        for row, (at, treatment) in enumerate(zip(arms.experiment, arms.treatment, strict=True)):
            if at >= len(arms.facts):
                break
            of_arm = arms.facts[at]
            side = offline_side(of_arm, treatment, name, index, direction=direction, level=level)
            of_models = _row_of(index, of_arm, treatment, name)
            gain, error, sign = _measured(side)
            into.values[row, column], into.covariances[row, column, column] = gain, error**2
            into.significant[row, column] = sign
            into.level[row, column] = _level(of_models)


def _measured(side: OfflineSide) -> tuple[float, float, float]:
    """Gain, standard error and established sign; NaN where not known."""
    gain = side.gain
    if isinstance(gain, Interval):
        error = np.nan if side.error is None else side.error
        return gain.estimate, error, float(np.sign(gain.estimate)) if gain.excludes_zero() else 0.0
    if side.face_value is not None:
        return side.face_value, np.nan, np.nan
    return np.nan, np.nan, np.nan


def _row_of(index: EvidenceIndex, facts: ExperimentFacts, treatment: str, metric: str) -> OfflineRow | None:
    """The comparison of an arm's model with the model in control."""
    model, live = facts.models.get(treatment), facts.models.get(facts.control)
    return None if model is None or live is None else index.offline(model, metric).get(live)


def _level(row: OfflineRow | None) -> float:
    """The offline metric of the model in control, up is good."""
    return np.nan if row is None or row.baseline_value is None else row.turned(row.baseline_value)


def _trusted(arms: Arms, index: EvidenceIndex) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether no blocking check failed; of experiments without data there are no checks."""
    sound = [not index.blocking(each.name) for each in arms.facts]
    sound += [True] * (len(arms.names) - len(arms.facts))
    return np.array(sound, dtype=bool)[arms.experiment]


def _units(arms: Arms) -> FloatArray:
    """Units of control and treatment, NaN where there are none."""
    found = np.full(len(arms), np.nan)
    for row, (at, treatment) in enumerate(zip(arms.experiment, arms.treatment, strict=True)):
        if at < len(arms.facts):
            facts = arms.facts[at]
            found[row] = facts.arms.get(facts.control, 0) + facts.arms.get(treatment, 0)
    return found


def _days(arms: Arms) -> FloatArray:
    """How long each experiment was observed, NaN where not known."""
    days = [np.nan if each.days is None else each.days for each in arms.facts]
    return np.array(days + [np.nan] * (len(arms.names) - len(arms.facts)), dtype=np.float64)


def _left_out(axes: Sequence[Axis], arms: Arms, effects: GivenEffects, impossible: int) -> Iterator[str]:
    if arms.same_model:
        yield f"Left out: {plural(arms.same_model, 'arm')} with the control's model, where nothing is compared."
    known = {axis.name for axis in axes}
    strangers = [name for name in effects.metric if name not in known]
    if strangers:
        yield (
            f"Left out: {plural(len(strangers), 'ready-made effect')} on metrics that are held against nothing, "
            f"such as {label(strangers[0])}."
        )
    if impossible:
        least = declared_percent(-1.0)
        yield f"Left out: {plural(impossible, 'ready-made lift')} of {least} or less, without a logarithm."
