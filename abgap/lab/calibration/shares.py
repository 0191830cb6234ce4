"""Proportions by the score method, and whether units are split as planned: counts, drawn as such."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abgap.lab.calibration.comparing import LIFT, SIZES, Sizes, units_of
from abgap.lab.calibration.measured import ALPHA, Measured, What, share_covered, share_rejected
from abgap.stats.proportions import Successes, score_difference, score_lift, score_p_value
from abgap.stats.reliability import few_successes
from abgap.stats.srm import sample_ratio, sequential_sample_ratio

_LOOKS = 20


def proportions(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """The score test, and intervals of differences and lifts. Retention is a proportion like any other."""
    for p, case in ((0.2, "a fifth of the units"), (0.01, "rare: one unit in a hundred")):
        for sizes in SIZES:
            yield from _proportion(rng, runs, p, case, sizes)


def _proportion(rng: np.random.Generator, runs: int, p: float, case: str, sizes: Sizes) -> Iterator[Measured]:
    without, with_effect = (_successes(rng, runs, sizes, p, lift) for lift in (0.0, LIFT))
    difference, lift = score_difference(with_effect, ALPHA), score_lift(with_effect, ALPHA)
    rates: tuple[tuple[str, What, tuple[float, int], Successes], ...] = (
        ("test", "false positives", share_rejected(score_p_value(without)[0]), without),
        ("difference", "coverage", share_covered(difference.low, difference.high, LIFT * p), with_effect),
        ("lift", "coverage", share_covered(lift.low, lift.high, LIFT), with_effect),
    )
    for name, what, (rate, count), successes in rates:
        yield Measured(
            group=f"Proportion: {name}", case=case, units=units_of(sizes), what=what, rate=rate, runs=count,
            nominal=ALPHA if what == "false positives" else 1.0 - ALPHA,
            warned=float(np.mean(few_successes(successes))),
        )  # fmt: skip


def _successes(rng: np.random.Generator, runs: int, sizes: Sizes, p: float, lift: float) -> Successes:
    control, treatment = rng.binomial(sizes[0], p, runs), rng.binomial(sizes[1], p * (1 + lift), runs)
    return Successes(
        control=control.astype(np.float64),
        n_control=np.asarray(float(sizes[0])),
        treatment=treatment.astype(np.float64),
        n_treatment=np.asarray(float(sizes[1])),
    )


def sample_ratios(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """The chi-square test of the split, once and at every one of many looks."""
    for weights in ((0.5, 0.5), (0.9, 0.1), (0.6, 0.2, 0.2)):
        split = " / ".join(f"{weight:.0%}" for weight in weights)
        for units in (200, 20_000):
            counts = rng.multinomial(units, weights, size=runs).astype(np.float64)
            rate, count = share_rejected(sample_ratio(counts, np.array(weights))[2])
            yield Measured(
                group="Sample ratio: chi-square", case=split, units=f"{units:,} in all", what="false positives",
                nominal=ALPHA, rate=rate, runs=count,
            )  # fmt: skip
            steps = (
                rng.multinomial(units // _LOOKS, weights, size=(runs, _LOOKS)).cumsum(1).astype(np.float64)
            )
            found = sequential_sample_ratio(steps, np.array(weights)).min(axis=1)
            rate, count = share_rejected(found)
            yield Measured(
                group=f"Sample ratio: any of {_LOOKS} looks", case=split, units=f"{units:,} in all",
                what="false positives", nominal=ALPHA, rate=rate, runs=count, at_most=True,
            )  # fmt: skip
