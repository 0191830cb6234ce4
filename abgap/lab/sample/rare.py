"""Predictions of a rare event: the trap of a metric that rewards doing nothing, with its numbers written down.

One case in two hundred is one. Who never raises the alarm is right in 99.5 % of the cases. The candidate raises it
fifteen times and finds 5 of the 200: its accuracy is above that of the rule that is live, and its recall is 2.5 %. Both
are exact at the threshold .5, whatever the seed; below it the candidate knows more than its threshold lets it say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from abgap.lab.sample.population import Floats, stream

CASES = 40_000
POSITIVES = 200
CHANNELS = ("web", "app", "phone")
CHANNEL_SHARES = (0.6, 0.3, 0.1)
DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A model of the rare event. found, false_alarms: above .5. separation: of the two classes, in logits."""

    name: str
    found: int
    false_alarms: int
    separation: float


ALARMS = (
    Alarm(name="rule-1", found=40, false_alarms=400, separation=1.2),
    Alarm(name="alarm-2", found=5, false_alarms=10, separation=2.4),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RareEvents:
    """All cases. scores: of every model, by its name."""

    happened: Floats
    channel: list[str]
    scores: dict[str, Floats]


def rare_events(*, seed: int) -> RareEvents:
    """The cases and what the models say of them."""
    rng = stream(seed, "rare")
    happened = np.zeros(CASES)
    happened[rng.permutation(CASES)[:POSITIVES]] = 1.0
    channel = rng.choice(CHANNELS, CASES, p=CHANNEL_SHARES)
    return RareEvents(
        happened=happened,
        channel=channel.tolist(),
        scores={alarm.name: _scores(alarm, happened, seed=seed) for alarm in ALARMS},
    )


def _scores(alarm: Alarm, happened: Floats, *, seed: int) -> Floats:
    raw = expit(stream(seed, "rare", alarm.name).normal(alarm.separation * happened, 1.0) - 4.0)
    scores = np.empty(CASES)
    for value, above in ((1.0, alarm.found), (0.0, alarm.false_alarms)):
        of_class = np.flatnonzero(happened == value)
        scores[of_class] = _with_above(raw[of_class], above)
    return np.round(scores, DECIMALS)


def _with_above(raw: Floats, above: int) -> Floats:
    """The same order, with exactly the highest ``above`` of them at .5 or more."""
    order = np.argsort(raw)
    low, high = order[:-above], order[-above:]
    moved = raw.copy()
    moved[low] = 0.499 * raw[low] / raw[low].max()
    moved[high] = np.linspace(0.5, 0.95, above)
    return moved
