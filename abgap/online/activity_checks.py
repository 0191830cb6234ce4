"""The data checks of what units did: are events lost in one arm, do a few units do most of it?

Each raises a false alarm in at most about one of a thousand sound experiments, and none blocks: they say where to
look. An effect changes how much units do, and with it a little how many do anything at all; so the share of units with
events speaks of lost events only where nearly all units have some, and where those that have some do not have fewer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from abgap.online.activity import STEPS, Activity, ByArm, units_of
from abgap.online.arm_checks import SRM_ALPHA
from abgap.online.counts import ArmCounts
from abgap.online.missing_days import daily_series, missing_days_check
from abgap.online.value_checks import same_share_p
from abgap.records import Check, Status
from abgap.records.checks import MOST_NAMES, make_check
from abgap.records.order import natural_order
from abgap.records.words import label, listed, p_value, percent, plural
from abgap.stats.outliers import far_beyond

# Below this share of units with events, having some is an outcome.
NEARLY_ALL = 0.9
# Of an arm's value: what so few units carry may decide.
BOT_SHARE = 0.01


def activity_checks(
    controls: Mapping[str, str], activity: Activity, counts: Mapping[str, ArmCounts], *, by_unit: bool
) -> list[Check]:
    """The checks of every experiment that has units.

    controls: by experiment. by_unit: whether units were randomised, and not clusters.
    """
    found: list[Check | None] = []
    for name, control in controls.items():
        arms = counts[name].whole if name in counts else {}
        if arms:
            found.append(_tracking(name, activity, arms, control) if by_unit else None)
            found.append(missing_days_check(name, daily_series(name, activity, counts[name])))
            found.append(_bots(name, activity, arms))
    return [check for check in found if check is not None]


# --- tracking -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """Units with events of one fact table, by arm. events: of those that have some, on average."""

    fact: str
    units: Mapping[str, int]
    seen: Mapping[str, int]
    events: Mapping[str, float]

    def share(self, variant: str) -> float:
        """Of the arm's units, those with events."""
        return self.seen[variant] / self.units[variant]

    @property
    def p(self) -> float:
        """Of all arms having the same share."""
        return same_share_p(list(self.units.values()), [self.units[v] - self.seen[v] for v in self.units])

    @property
    def fewest(self) -> str:
        """The arm of which the fewest units have events."""
        return min(self.units, key=self.share)

    @property
    def most(self) -> str:
        """The arm of which most units have events."""
        return max(self.units, key=self.share)

    @property
    def loses(self) -> bool:
        """Whether units are gone and the others do as much as before, which no effect does; or all are gone."""
        if not self.seen[self.fewest]:
            return True
        fewer = self.events[self.fewest] / self.events[self.most]
        return fewer > self.share(self.fewest) / self.share(self.most)


def _tracking(name: str, activity: Activity, arms: Mapping[str, int], control: str) -> Check | None:
    facts = list(dict.fromkeys(activity.facts.values()))
    tracked = [_tracked(name, fact, activity, arms, control) for fact in facts]
    return tracking_check(name, [one for one in tracked if one is not None])


def _tracked(
    name: str, fact: str, activity: Activity, arms: Mapping[str, int], control: str
) -> Tracked | None:
    """By the part that most units have; None without events in control, which a feature of the treatment has not."""
    units = {variant: n for variant, n in arms.items() if n > 0}
    parts = [activity.sizes.get((name, part), {}) for part, of in activity.facts.items() if of == fact]
    best = max(parts, key=lambda of_part: units_of(of_part, units), default={})
    if not best.get(control):
        return None
    seen = {variant: units_of(best, [variant]) for variant in units}
    events = {v: _value(best[v]) / n if n else 0.0 for v, n in seen.items()}
    return Tracked(fact=fact, units=units, seen=seen, events=events)


def tracking_check(name: str, tracked: Sequence[Tracked]) -> Check | None:
    """Whether one arm loses the events of units; None without events."""
    if not tracked:
        return None
    testable = [one for one in tracked if one.share(one.most) >= NEARLY_ALL]
    if not testable:
        most = max(tracked, key=lambda one: one.share(one.most))
        sentence = (
            f"{_shares(most)}: where so many have none, lost events cannot be told from an effect; "
            "a fact table with a row for every visit would tell."
        )
        return make_check("tracking_loss", name, Status.NOT_TESTABLE, sentence, sql="unit_activity")
    # Lost events first, then by p.
    worst = min(testable, key=lambda one: (not one.loses, one.p))
    p = min(worst.p * len(testable), 1.0)
    status, sentence = Status.PASS, f"{_shares(worst)}, {p_value(p)}."
    if p < SRM_ALPHA and not worst.loses:
        sentence = f"{_shares(worst)}, {p_value(p)}; units with events differ as much, as they do when it is an effect."
    elif p < SRM_ALPHA:
        status = Status.WARN
        sentence = (
            f"{_shares(worst)} ({p_value(p)}){_as_many(worst)}: {worst.fewest!r} seems to "
            "lose the events of units. See whether it logs to the end (blocked scripts, redirects, crashes), and hold "
            "it against the server's own log."
        )
    return make_check(
        "tracking_loss", name, status, sentence, value=p, threshold=SRM_ALPHA, sql="unit_activity"
    )


def _as_many(one: Tracked) -> str:
    return ", and those that have some do not have fewer" if one.seen[one.fewest] else ""


def _shares(one: Tracked) -> str:
    shares = [f"{percent(one.share(variant))} of {variant!r}" for variant in _in_order(one.units)]
    return f"After exposure {listed(shares[:MOST_NAMES])} have events in {one.fact}"


# --- bots -----------------------------------------------------------------------------------------------------------


def _bots(name: str, activity: Activity, arms: Mapping[str, int]) -> Check | None:
    by_metric = {
        metric: {v: n for v, n in activity.sizes[name, part].items() if arms.get(v)}
        for part, metric in activity.valued.items()
        if (name, part) in activity.sizes
    }
    return bots_check(name, by_metric)


def bots_check(name: str, metrics: Mapping[str, ByArm]) -> Check | None:
    """Units with far more than all others. metrics: units by size of their value in each arm; None without any."""
    limits = {metric: _limit(arms) for metric, arms in metrics.items()}
    known = {metric: limit for metric, limit in limits.items() if limit is not None}
    if not metrics:
        return None
    if not known:
        sentence = "Too few units have a value to say which are far beyond the rest."
        return make_check("bots", name, Status.NOT_TESTABLE, sentence, sql="unit_activity")
    carried = {
        metric: {variant: _carried(units, limit) for variant, units in metrics[metric].items()}
        for metric, limit in known.items()
    }
    worst = max(carried, key=lambda metric: max(carried[metric].values()))
    share = max(carried[worst].values())
    far = sum(n for units in metrics[worst].values() for size, n in units.items() if size >= known[worst])
    sentence = "No unit has far more than what the others let expect."
    if far:
        each = [f"{percent(carried[worst][v])} of {v!r}" for v in _in_order(metrics[worst])]
        carry = f"carry {listed(each[:MOST_NAMES])} in {label(worst)}"
        sentence = f"{plural(far, 'unit')} with far more than all others {carry}."
    if share >= BOT_SHARE:
        sentence += (
            " Bots, testers or resellers? Leave them out with a query, or set cap_percentile on the metric."
        )
    status = Status.WARN if share >= BOT_SHARE else Status.PASS
    return make_check("bots", name, status, sentence, value=share, threshold=BOT_SHARE, sql="unit_activity")


def _limit(arms: ByArm) -> int | None:
    """From which size on a unit is far beyond the rest of all arms."""
    units: dict[int, int] = {}
    for of_arm in arms.values():
        for size, n in of_arm.items():
            units[size] = units.get(size, 0) + n
    return far_beyond(units, STEPS, SRM_ALPHA)


def _carried(units: Mapping[int, int], limit: int) -> float:
    """The share of an arm's value that units from this size on carry."""
    return _value({size: n for size, n in units.items() if size >= limit}) / _value(units)


def _value(units: Mapping[int, int]) -> float:
    """What units have together, each the middle of its size."""
    return math.fsum(n * math.exp2((size + 0.5) / STEPS) for size, n in units.items())


def _in_order(variants: Iterable[str]) -> list[str]:
    return sorted(variants, key=natural_order)
