"""What the portfolio has to hold in its worlds, and where it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from abgap.lab.portfolio.record import Record
from abgap.lab.portfolio.tally import COVERAGE, Tally

NOT_USED = "bootstrap"
"""A group that is there to compare with."""

FEWEST_TOLD = 30
"""Intervals below which nothing is said of their coverage."""

LEAST_NOTHING = 0.93
"""Share of intervals of a rule's value that hold 0, where gains tell nothing of lifts."""

UNBIASED = ("covariance xx", "covariance xy", "covariance yy", "value, gain", "value, lift", "value, best")
"""Numbers whose mean is the truth; of ratios that cannot be asked."""


class Kind(StrEnum):
    """What is asked of a number."""

    UNBIASED = "unbiased"
    COVERAGE = "coverage"
    NOTHING = "no credit for noise"


_ALIKE = "the formula takes true effects of arms of one experiment as independent; here they are alike"
_HEAVY = "the interval takes true effects as normal; a dozen draws of heavy tails vary by more"
_EDGE = "a standard deviation of exactly 0 is the edge of what it can be, and an interval with two ends begins above it"
_ROOM = "lifts do not vary; what is averaged over leaves room for some that do, and errs on the safe side"
_HIDDEN = "errors hide how far lifts lie off the line; what goes with them is averaged over, and errs on the safe side"
_WHY: Mapping[tuple[str, str], str] = {
    **{("alike", f"covariance {axes}"): _ALIKE for axes in ("xx", "xy", "yy")},
    **{("heavy", f"reliability {axis}"): _HEAVY for axis in "xy"},
    ("nothing", "transfer tau"): _EDGE,
    **{("nothing", name): _ROOM for name in ("transfer b", "prediction", "next lift")},
    **{(world, "prediction"): _HIDDEN for world in ("weak", "tight", "six")},
    ("nothing", "correlation"): "lifts do not vary, so that there is none; 0 stands for it",
    ("six", "sign agreement"): "six signs have few possible shares, and the interval errs on the safe side",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One goal of one number in one world. met: None where the Monte-Carlo error does not let tell."""

    kind: Kind
    number: str
    world: str
    tally: Tally
    met: bool | None

    @property
    def why(self) -> str:
        """What is known of a miss; nothing where it is not understood."""
        return _WHY.get((self.world, self.number), "")


def goals_of(record: Record) -> list[Goal]:
    """All goals, kind by kind."""
    found = [
        goal
        for world, groups in record.items()
        for group, numbers in groups.items()
        if group != NOT_USED
        for goal in _of_world(world, numbers)
    ]
    return sorted(found, key=lambda goal: list(Kind).index(goal.kind))


def _of_world(world: str, numbers: Mapping[str, Tally]) -> Iterator[Goal]:
    for name, tally in numbers.items():
        if name in UNBIASED:
            yield Goal(kind=Kind.UNBIASED, number=name, world=world, tally=tally, met=tally.unbiased)
        # A number that is always exact, such as the reliability of what has no errors, has nothing to hold.
        if tally.covered is None or tally.told < FEWEST_TOLD or tally.bias == tally.bias_error == 0.0:
            continue
        if name.startswith("value in the long run"):
            if (world, name) in _OF_NOTHING:
                yield Goal(
                    kind=Kind.NOTHING,
                    number=name,
                    world=world,
                    tally=tally,
                    met=tally.holds(LEAST_NOTHING, 1.0),
                )
        elif not name.startswith("value"):
            yield Goal(kind=Kind.COVERAGE, number=name, world=world, tally=tally, met=tally.holds(*COVERAGE))


_OF_NOTHING = {
    ("zero", "value in the long run, gain"),
    *(("nothing", f"value in the long run, {rule}") for rule in ("gain", "lift", "best")),
}
