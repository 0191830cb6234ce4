"""What each rule for launching would have done, fold by fold, without the units of that fold.

Offline gains need no units, so that a rule on them decides the same for all folds. Rules on online metrics and abgap's
own decision read estimates made of the other folds: the decision is the real one (``gap/decision.py``), guardrails and
data checks included. Of several arms that qualify the best one is launched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from abgap.gap.decision import judge
from abgap.gap.inputs import EvidenceIndex, ExperimentFacts, whole_rows
from abgap.gap.portfolio.data import AxisKind, PortfolioData
from abgap.gap.reading import turned
from abgap.online.codes import coded
from abgap.online.cross_fitting import Folds
from abgap.online.moments import concatenate
from abgap.online.scorecard import Scorecard, compare_arms, make_estimates
from abgap.records import Check, Decision, Estimate, Interval, Moments, Role
from abgap.records.moments import FloatArray
from abgap.records.words import label
from abgap.stats.arrays import BoolArray
from abgap.stats.portfolio.decision_value import best_arms
from abgap.stats.portfolio.effects import IndexArray
from abgap.study.model import Study

NEVER, ABGAP = "never", "abgap"
_DECIDING = {Role.PRIMARY, Role.GUARDRAIL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule, and what it launches: (K, folds), at most one arm of an experiment per fold. note: what to know of it."""

    name: str
    title: str
    launched: BoolArray
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """The arms that are valued. position: in the portfolio's columns, (K,). experiment: (K,), from 0 on."""

    position: IndexArray
    experiment: IndexArray
    where: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What rules read. facts: of the valued experiments. card: of all units, for how the study tests."""

    study: Study
    data: PortfolioData
    facts: Sequence[ExperimentFacts]
    checks: Sequence[Check]
    card: Scorecard
    folds: Folds


def metrics_to_fold(study: Study, data: PortfolioData) -> list[str]:
    """The online metrics that some rule reads, in the order of the study."""
    online = {axis.name for axis in data.axes if axis.kind is not AxisKind.OFFLINE}
    return [name for name, m in study.metrics.items() if name in online or m.role in _DECIDING]


def launch_rules(evidence: Evidence, arms: Arms) -> Iterator[Rule]:
    """Every rule that can be followed: never, each offline metric, each online metric, abgap's own decision."""
    shape = len(arms.position), evidence.folds.count
    yield Rule(name=NEVER, title="Launch nothing", launched=np.zeros(shape, dtype=bool))
    yield from _offline_rules(evidence, arms)
    kept, by_fold = _others(evidence)
    yield from _online_rules(evidence, arms, by_fold)
    missing = [
        name
        for name, metric in evidence.study.metrics.items()
        if metric.role is Role.PRIMARY and name not in evidence.folds
    ]
    if any(metric.role is Role.PRIMARY for metric in evidence.study.metrics.values()) and not missing:
        yield _own_rule(evidence, arms, by_fold, kept)


def _offline_rules(evidence: Evidence, arms: Arms) -> Iterator[Rule]:
    data = evidence.data
    for axis in data.positions(AxisKind.OFFLINE):
        gain, sign = data.effects.values[arms.position, axis], data.significant[arms.position, axis]
        if not np.isfinite(gain).any():
            continue
        better = np.where(np.isfinite(sign), sign > 0.0, gain > 0.0)
        launched = best_arms(gain[:, None], better[:, None], arms.experiment)
        name = data.axes[axis].name
        yield Rule(
            name=f"offline:{name}",
            title=f"Launch what improves {label(name)} offline",
            launched=np.repeat(launched, evidence.folds.count, axis=1),
            note=_without_gain(int((~np.isfinite(gain)).sum())),
        )


def _without_gain(arms: int) -> str | None:
    if not arms:
        return None
    are = "arm has no offline gain and is" if arms == 1 else "arms have no offline gain and are"
    return f"{arms} {are} not launched by it."


def _others(evidence: Evidence) -> tuple[tuple[str, ...], list[EvidenceIndex]]:
    """Estimates of every fold's other units; kept: guardrails that have no folds and are read on all units."""
    study, card = evidence.study, evidence.card
    left_out = evidence.folds.without_each()
    kept = tuple(
        name
        for name, metric in study.metrics.items()
        if metric.role is Role.GUARDRAIL and name not in evidence.folds and name in set(card.moments.metric)
    )
    moments = concatenate([left_out.moments, *_whole(card.moments, kept, left_out.experiments)])
    control = {each.name: each.control for each in evidence.facts}
    controls = {key: control[name] for key, (name, _) in left_out.experiments.items() if name in control}
    traits = {trait.name: trait for trait in card.traits.values}
    by_fold: list[list[Estimate]] = [[] for _ in range(evidence.folds.count)]
    for estimate in make_estimates(compare_arms(moments, controls, traits, card.procedure)):
        name, fold = left_out.experiments[estimate.experiment]
        by_fold[fold].append(replace(estimate, experiment=name))
    order = {name: at for at, name in enumerate(study.metrics)}
    return kept, [
        EvidenceIndex(
            estimates=sorted(estimates, key=lambda e: order[e.metric]),
            offline_rows=(),
            checks=evidence.checks,
        )
        for estimates in by_fold
    ]


def _whole(
    moments: Moments, metrics: Sequence[str], experiments: Mapping[str, tuple[str, int]]
) -> Iterator[Moments]:
    """The rows of all units of these metrics, once for every experiment and fold."""
    whole = whole_rows(moments, coded(moments.metric).where(lambda metric: metric in metrics))
    if not whole:
        return
    rows = moments.take(np.array(whole, dtype=np.intp))
    for key, (name, _) in experiments.items():
        of_experiment = rows.take(np.asarray(rows.experiment == name, dtype=bool))
        yield replace(of_experiment, experiment=np.full(len(of_experiment), key, dtype=object))


def _online_rules(evidence: Evidence, arms: Arms, by_fold: Sequence[EvidenceIndex]) -> Iterator[Rule]:
    for axis in evidence.data.axes:
        if axis.kind is AxisKind.OFFLINE or axis.name not in evidence.folds:
            continue
        score = np.column_stack([_significant(axis.name, arms, index, evidence) for index in by_fold])
        yield Rule(
            name=f"significant:{axis.name}",
            title=f"Launch what significantly improves {label(axis.name)}",
            launched=best_arms(score, np.isfinite(score), arms.experiment),
        )


def _significant(metric: str, arms: Arms, index: EvidenceIndex, evidence: Evidence) -> FloatArray:
    """The lift of every arm in which the metric is significantly better, not corrected; NaN of the others."""
    score = np.full(len(arms.position), np.nan)
    for (experiment, treatment), row in arms.where.items():
        estimate = index.online(experiment, treatment).get(metric)
        if estimate is None or estimate.p_value is None or estimate.p_value >= evidence.data.alpha:
            continue
        difference, lift = turned(estimate, estimate.difference), turned(estimate, estimate.lift)
        if isinstance(difference, Interval) and difference.estimate > 0.0:
            score[row] = lift.estimate if isinstance(lift, Interval) else difference.estimate
    return score


def _own_rule(evidence: Evidence, arms: Arms, by_fold: Sequence[EvidenceIndex], kept: Sequence[str]) -> Rule:
    launched = np.zeros((len(arms.position), len(by_fold)), dtype=bool)
    for fold, index in enumerate(by_fold):
        for facts in evidence.facts:
            found = judge(evidence.study, facts, index)
            row = arms.where.get((facts.name, found.treatment or ""))
            if found.decision is Decision.SHIP and row is not None:
                launched[row, fold] = True
    names = " and ".join(label(name) for name in kept)
    return Rule(
        name=ABGAP,
        title="Launch what abgap says to ship",
        launched=launched,
        note=f"{names} cannot be told by folds, so the decision reads it on all units." if kept else None,
    )
