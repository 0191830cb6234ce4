"""What rules for launching earn in worlds where it is known, cross-fitted as ``abgap portfolio`` does it, and regret.

The gain is an offline metric, which no fold changes; where its errors go with those of the lift it is a quick online
metric of the same units, and decided on without the fold left out. True value: what was launched, at its true lifts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from abgap.lab.portfolio.tally import LEVEL, Outcome
from abgap.lab.portfolio.worlds import FOLDS, Drawn
from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray
from abgap.stats.portfolio.decision_value import FoldParts, best_arms, earned, regret
from abgap.stats.tails import normal_quantile

RULES: Mapping[str, str] = {
    "gain": "launch what improves the gain",
    "lift": "launch what improves the business",
    "best": "launch what looks best",
}
"""Significant gains, significant lifts, and whatever looks above 0."""


def decisions(drawn: Drawn) -> Mapping[str, Sequence[Outcome]]:
    """Value of each rule, the same as it looks without folds, and the regret of each rule as a number.

    A value is held against what the launches of these experiments truly earned, and against the mean of that over all
    replicates: what the rule earns in the long run.
    """
    rows = [dict(_decisions(drawn, run)) for run in range(len(drawn))]
    found = {name: [row[name] for row in rows] for name in rows[0]}
    for rule in RULES:
        values = found[f"value, {rule}"]
        nothing = rule == "gain" and drawn.world.slope == drawn.world.direct == 0.0
        truth = 0.0 if nothing else float(np.mean([each.truth for each in values]))
        found[f"value in the long run, {rule}"] = [each._replace(truth=truth) for each in values]
    return found


def _decisions(drawn: Drawn, run: int) -> Iterator[tuple[str, Outcome]]:
    experiment, errors = drawn.errors.experiment, drawn.errors.errors
    parts = FoldParts(parts=drawn.parts[run, :, 1], variance=errors[:, 1] ** 2, experiment=experiment)
    lifts, true_lifts = drawn.values[run, :, 1], drawn.truth[run, :, 1]
    for rule in RULES:
        launched, seen = _launched(drawn, run, rule), _launched(drawn, run, rule, cross_fitted=False)
        found = earned(launched, parts)
        value, on_all, naive = (
            float(np.bincount(experiment, share * lift).mean())
            for share, lift in (
                (launched.mean(axis=1), true_lifts),
                (seen[:, 0], true_lifts),
                (seen[:, 0], lifts),
            )
        )
        yield f"value, {rule}", Outcome(value, found.value, *found.interval(1.0 - LEVEL))
        yield f"value without folds, {rule}", Outcome(on_all, naive)
        yield f"regret, {rule}", Outcome(0.0, float(regret(true_lifts, seen, experiment).mean()))


def _launched(drawn: Drawn, run: int, rule: str, *, cross_fitted: bool = True) -> BoolArray:
    """What a rule launches, (K, folds): decided on all other units, or, without folds, on all of them."""
    axis = 0 if rule == "gain" else 1
    errors = drawn.errors.errors[:, axis][:, None]
    by_units = cross_fitted and (axis == 1 or drawn.world.errors_together != 0.0)
    values = drawn.values[run, :, axis][:, None]
    seen = _without_each(drawn.parts[run, :, axis]) if by_units else np.repeat(values, FOLDS, axis=1)
    if by_units:
        errors = errors * np.sqrt(FOLDS / (FOLDS - 1.0))
    least = 0.0 if rule == "best" else float(normal_quantile(0.5 + LEVEL / 2.0))
    return best_arms(seen, seen > least * errors, drawn.errors.experiment)


def _without_each(parts: FloatArray) -> FloatArray:
    """Effects as they look without each fold, (K, folds)."""
    rest = parts.sum(axis=1, keepdims=True) - parts
    return np.asarray(rest * FOLDS / (FOLDS - 1.0))
