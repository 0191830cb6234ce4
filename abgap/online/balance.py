"""Whether the arms were alike before exposure: covariates cannot depend on the treatment.

Every covariate of every metric is compared between the arms over all units. A difference that chance does not explain
means a biased split or a join that loses units of one arm; adjusting for the covariate hides it and does not mend it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from abgap.online.arms import Pairs, pair_arms
from abgap.online.joint import covaried
from abgap.records import Check, Estimable, Kind, LiftMethod, Moments, Status
from abgap.records.checks import make_check
from abgap.records.words import count, label, p_value, plain, plural
from abgap.stats.contrast import mean_contrast, ratio_contrast
from abgap.stats.covariates import Covaried
from abgap.stats.estimable import estimable_at, in_words
from abgap.stats.intervals import fieller_lift
from abgap.stats.intervals import p_value as two_sided_p
from abgap.stats.moments import Bivariate, Univariate
from abgap.stats.multiplicity import holm
from abgap.stats.procedure import Procedure
from abgap.study.model import Metric

BALANCE_ALPHA = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """One covariate in one treatment arm and in control. p: two-sided, not corrected."""

    experiment: str
    covariate: str
    control: str
    treatment: str
    before: tuple[float, float]
    p: float


def balance_checks(
    moments: Moments, controls: Mapping[str, str], metrics: Mapping[str, Metric]
) -> list[Check]:
    """One check for every experiment that has covariates. controls: the control variant of each."""
    whole = _whole_rows(moments, metrics)
    pairs = pair_arms(whole, controls)
    found: dict[str, list[_Comparison]] = {}
    for comparison in _compare(whole, pairs, metrics):
        found.setdefault(comparison.experiment, []).append(comparison)
    return [_check(experiment, found[experiment]) for experiment in controls if experiment in found]


def _whole_rows(moments: Moments, metrics: Mapping[str, Metric]) -> Moments:
    """Whole experiments, in the metrics that have covariates."""
    with_covariates = {name for name, metric in metrics.items() if metric.covariates}
    rows = zip(moments.metric, moments.slice_name, moments.period, strict=True)
    used = [name in with_covariates and part is day is None for name, part, day in rows]
    return moments.take(np.array(used, dtype=bool))


def _compare(moments: Moments, pairs: Pairs, metrics: Mapping[str, Metric]) -> list[_Comparison]:
    control, treatment = covaried(moments, pairs.control), covaried(moments, pairs.treatment)
    contrast = mean_contrast(_covariates(control), _covariates(treatment))
    p = two_sided_p(contrast)
    seen: set[tuple[object, ...]] = set()
    found = []
    for i, row in enumerate(pairs.treatment):
        names = _names(str(moments.metric[row]), metrics[moments.metric[row]])
        for position, name in enumerate(names[: p.shape[1]]):
            means = float(control.means[i, position]), float(treatment.means[i, position])
            key = (moments.experiment[row], moments.variant[row], *means, float(p[i, position]))
            # Metrics that share a covariate test it once.
            if not np.isfinite(p[i, position]) or key in seen:
                continue
            seen.add(key)
            found.append(
                _Comparison(
                    experiment=str(moments.experiment[row]),
                    covariate=name,
                    control=str(moments.variant[pairs.control[i]]),
                    treatment=str(moments.variant[row]),
                    before=means,
                    p=float(p[i, position]),
                )
            )
    return found


def lifts_before_exposure(
    moments: Moments, controls: Mapping[str, str], metrics: Mapping[str, Metric], procedure: Procedure
) -> dict[tuple[str, str, str], Estimable]:
    """The lift of each metric in the days before exposure, over all units, by experiment, treatment and metric.

    Only metrics whose first covariate is their own history have one: another column is no earlier value of them.
    """
    own = {
        name: metric
        for name, metric in metrics.items()
        if metric.covariates and metric.covariates[0].lookback_days is not None
    }
    whole = _whole_rows(moments, own)
    pairs = pair_arms(whole, controls)
    found: dict[tuple[str, str, str], Estimable] = {}
    for i, row in enumerate(pairs.treatment):
        metric = metrics[whole.metric[row]]
        arms = [covaried(whole, rows[i : i + 1]) for rows in (pairs.control, pairs.treatment)]
        contrast = (
            ratio_contrast(*(_first_two(arm) for arm in arms))
            if metric.kind is Kind.RATIO and arms[0].means.shape[1] > 1
            else mean_contrast(*(_first(arm) for arm in arms))
        )
        lift = fieller_lift(contrast, procedure.alpha, procedure.rule)
        method = procedure.name_of(LiftMethod.FIELLER.value)
        key = (str(whole.experiment[row]), str(whole.variant[row]), str(whole.metric[row]))
        found[key] = estimable_at(lift, 0, level=1.0 - procedure.alpha, method=method, why=in_words)
    return found


def denominators_of(
    moments: Moments, controls: Mapping[str, str]
) -> dict[tuple[str, str, str | None, str | None], float]:
    """What a unit of control adds to the denominator of a ratio, by experiment, metric, name and value of a slice."""
    m = moments
    return {
        (str(m.experiment[i]), str(m.metric[i]), m.slice_name[i], m.slice_value[i]): float(
            m.denominator_mean[i]
        )
        for i in np.flatnonzero(np.isfinite(m.denominator_mean))
        if m.slice_name[i] is not None
        and m.period[i] is None
        and m.fold[i] is None
        and m.variant[i] == controls.get(m.experiment[i])
    }


def _first(arm: Covaried) -> Univariate:
    return Univariate(n=arm.value.n, mean=arm.means[:, 0], variance=arm.covariances[:, 0, 0])


def _first_two(arm: Covaried) -> Bivariate:
    return Bivariate(
        n=arm.value.n,
        mean_y=arm.means[:, 0],
        variance_y=arm.covariances[:, 0, 0],
        mean_x=arm.means[:, 1],
        variance_x=arm.covariances[:, 1, 1],
        covariance=arm.covariances[:, 0, 1],
    )


def _covariates(arm: Covaried) -> Univariate:
    """The covariates as values of their own, side by side."""
    n = np.broadcast_to(arm.value.n[:, None], arm.means.shape)
    return Univariate(n=n, mean=arm.means, variance=np.diagonal(arm.covariances, axis1=-2, axis2=-1))


def _names(name: str, metric: Metric) -> list[str]:
    """What each covariate of a metric is, in the order of its columns."""
    names: list[str] = []
    for covariate in metric.covariates:
        if covariate.column is not None:
            names.append(label(covariate.column))
        else:
            sides = ["numerator of ", "denominator of "] if metric.kind is Kind.RATIO else [""]
            names += [f"{side}{label(name)} before exposure" for side in sides]
    return names


def _check(experiment: str, comparisons: Sequence[_Comparison]) -> Check:
    corrected = holm([comparison.p for comparison in comparisons])
    worst = int(np.argmin(corrected))
    p, tests = float(corrected[worst]), plural(len(comparisons), "test")
    failed = p < BALANCE_ALPHA
    sentence = f"Before exposure the arms were alike ({tests}, smallest corrected {p_value(p)})."
    if failed:
        one = comparisons[worst]
        others = sum(float(q) < BALANCE_ALPHA for q in corrected) - 1
        more = f" and {count(others)} more" if others else ""
        sentence = (
            f"The arms differed before exposure: {one.covariate} was {plain(one.before[0])} per unit in {one.control} "
            f"and {plain(one.before[1])} in {one.treatment} ({p_value(p)} corrected for {tests}){more}. "
            "The split is biased, or the join loses units of one arm; adjustment does not repair that."
        )
    return make_check(
        "covariate_balance",
        experiment,
        Status.FAIL if failed else Status.PASS,
        sentence,
        value=p,
        threshold=BALANCE_ALPHA,
        sql="rollup",
    )
