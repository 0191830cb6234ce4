"""Target policies judged from a log: four estimates and their diagnostics, or the reason why there are none."""

from __future__ import annotations

import numpy as np

from abgap.offline.judged_policies import PolicySums
from abgap.offline.logged import LoggedDecisions, Problem
from abgap.offline.policies import UNIFORM
from abgap.records import Estimable, Interval, NotEstimable, Reason, words
from abgap.records.counterfactual import Counterfactual, OffPolicyEstimate, PositionRate, WeightDiagnosis
from abgap.records.order import natural_order
from abgap.stats.arrays import MIN_UNITS
from abgap.stats.off_policy import (
    LEAST_EFFECTIVE,
    MEAN_WEIGHT,
    Estimated,
    OffPolicySums,
    diagnostics,
    estimate,
    refusal,
)
from abgap.stats.proportions import wilson_interval
from abgap.stats.tails import normal_bounds

_WORDS = {
    "ips": "IPS: mean of weight x reward",
    "clipped_ips": "clipped IPS: mean of weight x reward, weights cut at {clip:g}",
    "snips": "SNIPS: weight x reward over the sum of weights",
    "dr": "DR: expected reward of the policy, corrected by weight x (reward - expected); expected is the mean reward "
    "per action{place}, learnt from the other hash folds",
}
_OWN = "; a weight is the policy's probability over the propensity"
_MIXED = "; a weight is the policy's probability over that of all logging policies by their share (balance heuristic)"
HEADLINE = "snips"


def make_counterfactuals(found: PolicySums, *, clip: float, alpha: float) -> tuple[Counterfactual, ...]:
    """Every target policy with its estimates."""
    return tuple(_judged(found, name, clip, alpha) for name in found.names)


def _judged(found: PolicySums, name: str, clip: float, alpha: float) -> Counterfactual:
    sums = found.sums.get(name)
    problem = found.problem or _unusable(sums)
    estimates = tuple(_estimated(found, key, sums, problem, clip, alpha) for key in _WORDS)
    decisions = 0 if sums is None else int(sums.total[0])
    logged = None if sums is None else _interval(estimate(sums, "logged"), "normal", alpha)
    headline = next(e for e in estimates if e.name == HEADLINE)
    return Counterfactual(
        policy=name,
        loggers=found.log.loggers,
        decisions=decisions,
        skipped=found.log.decisions - decisions,
        units=0 if sums is None else int(sums.units),
        logged_value=logged if isinstance(logged, Interval) else None,
        estimates=estimates,
        weights=None if sums is None else _weights(sums, clip),
        sentence=_sentence(name, headline, logged),
        next_action=next_action(name, headline),
    )


def _weights(sums: OffPolicySums, clip: float) -> WeightDiagnosis | None:
    told = diagnostics(sums)
    if not np.isfinite([told.mean, told.effective]).all():
        return None
    return WeightDiagnosis(
        mean_weight=float(told.mean),
        max_weight=float(told.largest),
        effective_sample=float(told.effective),
        clip=clip,
        clipped=float(told.cut),
        unsupported=float(told.unsupported),
    )


def _unusable(sums: OffPolicySums | None) -> Problem | None:
    """Why nothing can be told of a policy, None when it can."""
    if sums is None:
        return Problem(reason=Reason.NOT_MATCHED, detail="the policy says nothing of any logged decision")
    told = diagnostics(sums)
    reason = refusal(float(sums.units), float(told.mean), float(told.effective))
    if reason is None:
        return None
    return Problem(reason=reason, detail=_why(reason, sums))


def _why(reason: Reason, sums: OffPolicySums) -> str:
    told = diagnostics(sums)
    if reason is Reason.TOO_FEW_UNITS:
        return f"there are {int(sums.units)} units, at least {MIN_UNITS} are needed"
    if reason is Reason.SMALL_EFFECTIVE_SAMPLE:
        worth = 0.0 if np.isnan(told.effective) else float(told.effective)
        return f"the weighted log is worth {worth:,.1f} decisions, at least {LEAST_EFFECTIVE:.0f} are needed"
    low, high = MEAN_WEIGHT
    return (
        f"weights average {float(told.mean):.3f} and should average 1 ({low:g} to {high:g}): the propensities are "
        f"wrong, or the policy chooses what was not tried (never logged: {float(told.unsupported):.1%} of its choices)"
    )


def _estimated(
    found: PolicySums,
    name: str,
    sums: OffPolicySums | None,
    problem: Problem | None,
    clip: float,
    alpha: float,
) -> OffPolicyEstimate:
    if name == "dr" and problem is None and not found.log.has_folds:
        detail = "the reward model needs folds of requests: map the column of the request or of the context"
        problem = Problem(reason=Reason.NOT_DECLARED, detail=detail)
    place = " and position" if found.log.by_position else ""
    definition = _WORDS[name].format(clip=clip, place=place) + (_MIXED if found.mixed else _OWN)
    if problem is not None or sums is None:
        why = problem or Problem(reason=Reason.NOT_MATCHED, detail="")
        nothing = NotEstimable(reason=why.reason, detail=why.detail)
        return OffPolicyEstimate(
            name=name, definition=definition, value=nothing, standard_error=None, gain=nothing
        )
    got = estimate(sums, name)
    gain = Estimated(got.gain, got.gain_standard_error, got.gain, got.gain_standard_error)
    return OffPolicyEstimate(
        name=name,
        definition=definition,
        value=_interval(got, name, alpha),
        standard_error=float(got.standard_error),
        gain=_interval(gain, name, alpha),
    )


def _interval(found: Estimated, method: str, alpha: float) -> Estimable:
    value, low, high = (float(x) for x in normal_bounds(found.value, found.standard_error, alpha))
    if not found.standard_error > 0.0:
        return NotEstimable(
            reason=Reason.ZERO_VARIANCE, detail="all units say the same, so that nothing can be tested"
        )
    return Interval(estimate=value, low=low, high=high, level=1.0 - alpha, method=method)


def _sentence(name: str, headline: OffPolicyEstimate, logged: Estimable | None) -> str:
    value, gain = headline.value, headline.gain
    if isinstance(value, NotEstimable):
        return f"What {name!r} would have earned cannot be told from this log: {value.detail}."
    text = f"{name!r} would have earned {words.plain_interval(value)} per decision (SNIPS)"
    if not isinstance(gain, Interval) or not isinstance(logged, Interval):
        return f"{text}."
    before = f"{text}, where the log earned {words.plain(logged.estimate)}"
    if gain.excludes_zero():
        return f"{before}: {'more' if gain.estimate > 0.0 else 'less'} by {words.signed_interval(gain)}."
    return f"{before}; whether that is more or less is not established ({words.signed_interval(gain)})."


def next_action(name: str, headline: OffPolicyEstimate) -> str:
    """What to do about a policy, in a sentence. headline: the estimate that decides."""
    value, gain = headline.value, headline.gain
    if isinstance(value, NotEstimable):
        return _REMEDIES.get(value.reason, "Log more decisions with their propensities.")
    if not isinstance(gain, Interval) or not gain.excludes_zero():
        return "Log more decisions, or explore more, before this decides anything."
    if name == UNIFORM and gain.estimate > 0.0:
        return (
            "Look into the policy that is live: the log says that choosing at random would have earned more."
        )
    if gain.estimate > 0.0:
        return "Worth an A/B test: the log says that it would have earned more."
    return "Do not launch it: the log says that it would have earned less."


_REMEDIES = {
    Reason.BAD_PROPENSITIES: "Have the service write down the probability of every choice when it makes it.",
    Reason.SMALL_EFFECTIVE_SAMPLE: "Let the logging policy try what this one would choose more often, or log longer.",
    Reason.WEIGHTS_OFF: "Look at how propensities are logged, and let the logging policy try every action.",
    Reason.NOT_MATCHED: "Give the policy's probabilities for the contexts of the log.",
}


def position_rates(log: LoggedDecisions, alpha: float) -> tuple[PositionRate, ...]:
    """What was earned by position, of each logging policy; empty when the log has no positions."""
    if not log.by_position:
        return ()
    rows = log.places
    order = sorted(
        range(len(rows.decisions)),
        key=lambda i: (natural_order(rows.logger[i] or ""), natural_order(rows.position[i] or "")),
    )
    return tuple(_rate(log, i, alpha) for i in order)


def _rate(log: LoggedDecisions, i: int, alpha: float) -> PositionRate:
    n, mean = float(log.places.decisions[i]), float(log.places.reward[i] / log.places.decisions[i])
    value: Estimable
    if n < MIN_UNITS:
        value = NotEstimable(reason=Reason.TOO_FEW_UNITS, detail=f"there are {int(n)} decisions")
    elif log.binary:
        _, low, high = (float(x) for x in wilson_interval(log.places.reward[i], n, alpha))
        value = Interval(estimate=mean, low=low, high=high, level=1.0 - alpha, method="wilson")
    else:
        second = max(float(log.places.squared_reward[i]) - n * mean * mean, 0.0)
        error = np.asarray(np.sqrt(second / (n - 1.0) / n))
        spread = Estimated(np.asarray(mean), error, np.asarray(mean), error)
        value = _interval(spread, "normal", alpha)
    return PositionRate(
        logger=log.places.logger[i], position=log.places.position[i], decisions=int(n), value=value
    )
