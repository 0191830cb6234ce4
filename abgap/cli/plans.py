"""A planned test as tables and a curve for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from abgap.cli.terminal import Terminal, columns
from abgap.records import words
from abgap.records.planning import PlannedMetric, PlannedOption, PlannedTest, PlannedWeek, TestPlan
from abgap.report import numbers

_BAR = 40
_EFFECTS = {
    PlannedTest.SUPERIORITY: "{}{}",
    PlannedTest.NON_INFERIORITY: "not worse by {1}",
    PlannedTest.EQUIVALENCE: "within ±{1}",
}


def show_plan(plan: TestPlan, *, weeks: int | None) -> None:
    """Sizes and durations, detectable effects by week, one curve, and what to keep in mind. weeks: asked for."""
    out = Terminal()
    _opening(out, plan)
    _sizes(out, plan, weeks)
    if any(metric.by_week for metric in plan.metrics):
        out.line()
        _weeks(out, plan)
        _curve(out, plan)
    for reason in dict.fromkeys(metric.reason for metric in plan.metrics if metric.reason):
        named = dict.fromkeys(_name(metric) for metric in plan.metrics if metric.reason == reason)
        out.line(f"{words.listed(list(named))}: {reason}")
    for note in plan.notes:
        out.line((note, "dim"))
    out.show()


def _opening(out: Terminal, plan: TestPlan) -> None:
    days = f" over {words.plural(plan.days_in_history, 'day')}" if plan.days_in_history else ""
    out.line(
        (plan.experiment, "bold"),
        f"   history: {plan.history}, {words.plural(plan.units_in_history, 'unit')}{days}",
    )
    split = ", ".join(f"{arm} {words.percent(part)}" for arm, part in plan.split.items())
    weekly = (
        f", {words.count(plan.weekly_units)} units in the first week" if plan.weekly_units is not None else ""
    )
    out.line(
        f"alpha {plan.alpha:g}, power {words.percent(plan.power, decimals=0)}, "
        f"{words.percent(plan.share, decimals=0)} of the traffic{weekly}; {split}"
    )


def _sizes(out: Terminal, plan: TestPlan, weeks: int | None) -> None:
    arms = list(plan.split)
    equal = len(set(plan.split.values())) == 1
    per_arm = [">units per arm"] if equal else [f">{arm}" for arm in arms]
    chance = (
        [f">power after {words.plural(weeks, 'week')}"] if weeks and plan.weekly_units is not None else []
    )
    head = columns(
        "metric", "test", ">to find", ">baseline", ">sd", ">variance removed", *per_arm, ">units", ">weeks", *chance,
        spare=("sd", "variance removed", "baseline"),
    )  # fmt: skip
    rows = [
        [
            _name(metric),
            metric.test.value,
            _effect(metric),
            numbers.side_by_side(metric.baseline, None, metric.kind)[0].text,
            numbers.number(metric.sd).text,
            "" if metric.variance_removed is None else words.percent(metric.variance_removed, decimals=0),
            *_arms(metric, arms[:1] if equal else arms),
            numbers.count(metric.units_total).text,
            numbers.count(metric.weeks).text,
            *([_chance(metric, weeks)] if chance else []),
        ]
        for metric in plan.metrics
    ]
    used = [i for i in range(len(head)) if any(str(row[i]) for row in rows)]
    out.table([head[i] for i in used], [[row[i] for i in used] for row in rows])


def _name(metric: PlannedMetric) -> str:
    option = metric.option
    return metric.metric if option is PlannedOption.AS_DECLARED else f"{metric.metric}, {option.value}"


def _effect(metric: PlannedMetric) -> str:
    if metric.effect is None:
        return numbers.NOTHING
    sign = "+" if metric.direction.sign > 0 else words.MINUS
    return _EFFECTS[metric.test].format(sign, words.declared_percent(metric.effect))


def _arms(metric: PlannedMetric, arms: Sequence[str]) -> list[str]:
    return [numbers.count(None if metric.units is None else metric.units[arm]).text for arm in arms]


def _chance(metric: PlannedMetric, weeks: int | None) -> str:
    found = next((w.power for w in metric.by_week if w.week == weeks), None)
    return numbers.NOTHING if found is None else words.percent(found, decimals=0)


def _weeks(out: Terminal, plan: TestPlan) -> None:
    """Detectable effects, a column per week."""
    planned = [metric for metric in plan.metrics if metric.by_week]
    weeks = planned[0].by_week
    out.line(("The smallest effect found with this power, by weeks of the whole test", "bold"))
    titles = [f">{words.plural(week.week, 'week')}" for week in weeks]
    head = columns("metric", *titles, spare=tuple(title[1:] for title in titles[-1:2:-1]))
    rows: list[list[str | Text]] = [
        [_name(metric), *(_detectable(metric, week) for week in metric.by_week)] for metric in planned
    ]
    out.table(head, rows)


def _detectable(metric: PlannedMetric, week: PlannedWeek) -> str:
    if week.detectable is None:
        return numbers.NOTHING
    size = words.percent(week.detectable, decimals=1 if week.detectable >= 0.01 else 2)
    if metric.test is PlannedTest.SUPERIORITY:
        return f"{'+' if metric.direction.sign > 0 else words.MINUS}{size}"
    return f"±{size}" if metric.test is PlannedTest.EQUIVALENCE else size


def _curve(out: Terminal, plan: TestPlan) -> None:
    """The first metric that is planned, as bars."""
    metric = next(metric for metric in plan.metrics if metric.by_week)
    found = [(week, week.detectable) for week in metric.by_week if week.detectable is not None]
    if len(found) < 2:
        return
    longest = max(size for _, size in found)
    out.line()
    out.line((_name(metric), "bold"))
    for week, size in found:
        bar = "█" * max(round(_BAR * size / longest), 1)
        reached = metric.effect is not None and size <= metric.effect
        out.line(f"{week.week:>4} ", (bar, "green" if reached else "dim"), f" {_detectable(metric, week)}")
