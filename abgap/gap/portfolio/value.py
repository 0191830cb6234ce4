"""What rules for launching would have earned: every decision is paid for by units that took no part in it.

All rules are held against launching nothing, on the same experiments and in one business metric: the first one that is
money, else the first. A year's money is the mean per experiment, at the traffic of each, times
the experiments of a year.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from abgap.gap.inputs import ExperimentFacts
from abgap.gap.money import DAYS_PER_YEAR, Denominators, yearly_volume
from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.gap.portfolio.rules import NEVER, Arms, Evidence, Rule, launch_rules, metrics_to_fold
from abgap.online.cross_fitting import ArmParts, Folds
from abgap.online.scorecard import Scorecard
from abgap.records import Check, Estimable, Interval, Moments, NotEstimable, Portfolio, Reason
from abgap.records.moments import FloatArray
from abgap.records.portfolio import DecisionRule
from abgap.records.words import label, money_interval, percent_interval, plain, plural
from abgap.stats.portfolio.decision_value import FEWEST_EXPERIMENTS, Earned, FoldParts, earned
from abgap.study.model import Study

_FEWEST_FOLDS = 2
_METHOD = "cross-fitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleValues:
    """What rules earned, and why nothing is said where it is not known."""

    rules: tuple[DecisionRule, ...] = ()
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Valued:
    """What all rules are valued by. worth: (K,), money per year of a lift of 1, NaN where not known; pace: per year."""

    business: Axis
    arms: Arms
    parts: FoldParts
    worth: FloatArray
    pace: float | None
    alpha: float
    currency: str | None


def decision_rules(
    study: Study,
    data: PortfolioData,
    *,
    facts: Sequence[ExperimentFacts],
    checks: Sequence[Check],
    card: Scorecard | None,
    folds: Callable[[], Moments | None],
) -> RuleValues:
    """The value of every rule, or one sentence why there is none.

    folds: gives the rows of the moments table of single folds, None without any; asked only when there is something to
    value. card: of all units, None without logs or moments.
    """
    business = _business(data)
    if business is None:
        return RuleValues()
    trusted = len(np.unique(data.effects.experiment[data.trusted]))
    if trusted < FEWEST_EXPERIMENTS:
        return _too_few(trusted)
    of_folds = None if card is None else folds()
    if card is None or of_folds is None:
        return _refused("there are no moments of folds of units to decide on and to value by")
    found = Folds(of_folds, metrics_to_fold(study, data))
    if business.name not in found or found.count < _FEWEST_FOLDS:
        return _refused(f"{label(business.name)} is not known by folds of units")
    controls = {each.name: each.control for each in facts}
    parts = found.parts(business.name, controls)
    direction = study.metrics[business.name].direction.sign
    arms, fold_parts, rows = _arms(data, parts, direction)
    if fold_parts.experiments < FEWEST_EXPERIMENTS:
        return _too_few(fold_parts.experiments)
    valued = [each for each in facts if any(name == each.name for name, _ in arms.where)]
    what = _Valued(
        business=business,
        arms=arms,
        parts=fold_parts,
        worth=_worth(study, business.name, valued, parts, rows, Denominators(card.moments)),
        pace=study.portfolio.experiments_per_year or _pace(valued),
        alpha=data.alpha,
        currency=study.study.currency,
    )
    evidence = Evidence(study=study, data=data, facts=valued, checks=checks, card=card, folds=found)
    return RuleValues(rules=tuple(_record(rule, what) for rule in launch_rules(evidence, arms)))


def with_rules(portfolio: Portfolio, found: RuleValues) -> Portfolio:
    """The portfolio with what rules earned."""
    refusals = (*portfolio.refusals, *found.refusals)
    return replace(portfolio, decision_rules=found.rules, refusals=refusals)


def _too_few(experiments: int) -> RuleValues:
    many = plural(experiments, "experiment")
    return _refused(f"{many} can be valued, at least {FEWEST_EXPERIMENTS} are needed")


def _refused(why: str) -> RuleValues:
    return RuleValues(refusals=(f"What a rule for launching earned is not told: {why}.",))


def _business(data: PortfolioData) -> Axis | None:
    axes = [axis for axis in data.axes if axis.kind is AxisKind.BUSINESS]
    return next((axis for axis in axes if axis.money), axes[0] if axes else None)


def _arms(data: PortfolioData, parts: ArmParts, direction: int) -> tuple[Arms, FoldParts, list[int]]:
    """Trusted arms that have parts, in the order of the portfolio, and their rows among the parts."""
    row = {arm: at for at, arm in enumerate(zip(parts.experiment, parts.treatment, strict=True))}
    names = [data.names[e] for e in data.effects.experiment]
    kept = [
        (position, row[arm])
        for position, arm in enumerate(zip(names, data.treatment, strict=True))
        if data.trusted[position] and arm in row
    ]
    position = np.array([at for at, _ in kept], dtype=np.intp)
    rows = [at for _, at in kept]
    _, experiment = np.unique(data.effects.experiment[position], return_inverse=True)
    arms = Arms(
        position=position,
        experiment=experiment.astype(np.intp),
        where={(names[at], str(data.treatment[at])): k for k, at in enumerate(position)},
    )
    of_arms = FoldParts(
        parts=direction * parts.parts[rows], variance=parts.variance[rows], experiment=arms.experiment
    )
    return arms, of_arms, rows


def _worth(
    study: Study,
    name: str,
    facts: Sequence[ExperimentFacts],
    parts: ArmParts,
    rows: Sequence[int],
    denominators: Denominators,
) -> FloatArray:
    """Money per year of a lift of 1 in the traffic of each arm's experiment."""
    volume = {each.name: yearly_volume(name, study.metrics[name], each, denominators) for each in facts}
    of_rows = [volume[parts.experiment[row]] for row in rows]
    per_unit = np.array([np.nan if found is None else found for found in of_rows], dtype=np.float64)
    return np.asarray(per_unit * parts.control_value[list(rows)])


def _pace(facts: Sequence[ExperimentFacts]) -> float | None:
    """Experiments per year, from the first start to the last end; None without dates."""
    starts, ends = [each.start for each in facts if each.start], [each for each in facts if each.end]
    if len(starts) < len(facts) or len(ends) < len(facts):
        return None
    last = max(ends, key=lambda each: str(each.end))
    days = replace(last, start=min(starts)).days
    return None if days is None else len(facts) / days * DAYS_PER_YEAR


def _record(rule: Rule, what: _Valued) -> DecisionRule:
    found = earned(rule.launched, what.parts)
    lift = _estimable(rule, found, what)
    money = _money(rule, what)
    return DecisionRule(
        name=rule.name,
        title=rule.title,
        business_metric=what.business.name,
        experiments=what.parts.experiments,
        launches=found.launches,
        lift=lift,
        money_per_year=money,
        sentence=_sentence(rule, found, lift, money, what),
    )


def _estimable(rule: Rule, found: Earned, what: _Valued, scale: float = 1.0) -> Estimable:
    """What was earned with its interval; exactly 0 for launching nothing, and no interval for a rule that never did."""
    level = 1.0 - what.alpha
    if rule.name == NEVER:
        return Interval(estimate=0.0, low=0.0, high=0.0, level=level, method="by definition")
    if not rule.launched.any():
        detail = "it launched nothing in any fold, and so earned what launching nothing earns"
        return NotEstimable(reason=Reason.ZERO_VARIANCE, detail=detail)
    low, high = found.interval(what.alpha)
    return Interval(estimate=found.value, low=low, high=high, level=level, method=_METHOD).scaled(scale)


def _money(rule: Rule, what: _Valued) -> Estimable | None:
    """Money per year over the experiments whose traffic is known; None without any, or without a pace."""
    known = np.isfinite(what.worth)
    if what.pace is None or len(np.unique(what.parts.experiment[known])) < FEWEST_EXPERIMENTS:
        return None
    _, experiment = np.unique(what.parts.experiment[known], return_inverse=True)
    parts = FoldParts(
        parts=what.parts.parts[known],
        variance=what.parts.variance[known],
        experiment=experiment.astype(np.intp),
    )
    return _estimable(rule, earned(rule.launched[known], parts, what.worth[known]), what, what.pace)


def _sentence(rule: Rule, found: Earned, lift: Estimable, money: Estimable | None, what: _Valued) -> str:
    experiments, business = plural(what.parts.experiments, "experiment"), label(what.business.name)
    if rule.name == NEVER:
        return f"Launching nothing earns nothing; {experiments} are what other rules are held against it on."
    if isinstance(lift, NotEstimable):
        return f"{rule.title}: {lift.detail}."
    a_year = ""
    if isinstance(money, Interval) and what.pace is not None:
        pace = plural(round(what.pace), "experiment")
        a_year = f", {money_interval(money, what.currency)} per year at {pace} a year"
    verdict = "not told apart from launching nothing"
    if lift.excludes_zero():
        verdict = "more than launching nothing" if lift.low > 0.0 else "less than launching nothing"
    decimals = 0 if found.launches == round(found.launches) else 1
    launches = f"{plain(found.launches, decimals=decimals)} launches in {experiments}"
    told = f"{rule.title}: {launches}, {percent_interval(lift)} {business} per experiment{a_year}; {verdict}."
    return f"{told} {rule.note[:1].upper()}{rule.note[1:]}" if rule.note else told
