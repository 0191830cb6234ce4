"""What the decisions are worth in a year: the sum of what ships, and beside it what does not or is still open."""

from __future__ import annotations

from collections.abc import Sequence

from abgap.records import Decision, ExperimentResult, Interval, words
from abgap.report import numbers
from abgap.report.marks import decision_mark, is_same_model
from abgap.report.view.cells import cell
from abgap.report.view.index import Index
from abgap.report.view.model import Cell, Fact, Money

_BESIDE = (Decision.DO_NOT_SHIP, Decision.KEEP_RUNNING)


def money_of(index: Index) -> Money:
    """The money of the first screen."""
    amounts = {decision: _amounts(index, decision) for decision in Decision}
    if not any(amounts.values()):
        return Money(
            label="Money",
            amount=Cell(text=numbers.NOTHING, why=_why_none(index)),
            assumption="With money = true at a primary metric, and with the start and end of an experiment, the report "
            "says what each decision is worth in a year.",
            beside=(),
        )
    return Money(
        label=f"What ships is worth, in a year ({_results(amounts[Decision.SHIP])})",
        amount=_sum_cell(index, amounts[Decision.SHIP]),
        assumption=_assumption(index, len(amounts[Decision.SHIP])),
        beside=tuple(
            Fact(
                label=f"{decision_mark(decision).word.capitalize()} ({_results(amounts[decision])})",
                value=_sum_cell(index, amounts[decision]),
            )
            for decision in _BESIDE
            if amounts[decision]
        ),
    )


def _why_none(index: Index) -> str:
    if not any(metric.money for metric in index.results.metrics):
        return "no metric of this study is money"
    return "no trustworthy result in money has a start and an end"


def stake_of(index: Index, experiment: ExperimentResult) -> Interval | None:
    """The yearly money of an experiment: of its best arm, since only one arm can be shipped."""
    best: dict[str, Interval] = {}
    for gap in index.gaps[experiment.name]:
        if gap.money_per_year is not None:
            best.setdefault(gap.treatment, gap.money_per_year)
    return max(best.values(), key=lambda amount: amount.estimate, default=experiment.money_per_year)


def _amounts(index: Index, decision: Decision) -> list[Interval]:
    stakes = (
        stake_of(index, experiment)
        for experiment in index.ranked
        if experiment.decision is decision and not is_same_model(experiment)
    )
    return [stake for stake in stakes if stake is not None]


def _sum_cell(index: Index, amounts: Sequence[Interval]) -> Cell:
    if not amounts:
        return cell(numbers.missing("no result with money is ready to ship"))
    return cell(numbers.money(_summed(amounts), index.results.study.currency))


def _summed(amounts: Sequence[Interval]) -> Interval:
    """The sum of independent estimates: half widths add as squares, on either side."""
    estimate = sum(amount.estimate for amount in amounts)
    below = sum((amount.estimate - amount.low) ** 2 for amount in amounts) ** 0.5
    above = sum((amount.high - amount.estimate) ** 2 for amount in amounts) ** 0.5
    return Interval(
        estimate=estimate,
        low=estimate - below,
        high=estimate + above,
        level=amounts[0].level,
        method="sum of independent estimates",
    )


def _results(amounts: Sequence[Interval]) -> str:
    return words.plural(len(amounts), "experiment")


def _assumption(index: Index, shipped: int) -> str:
    level = words.percent(1.0 - index.results.study.alpha, decimals=0)
    said = f"{level} intervals. Each effect on all units of a year like the days of its experiment"
    if shipped > 1:
        said += ", added as if independent. Effects chosen because they won tend to come out smaller"
    elif shipped:
        said += ". An effect chosen because it won tends to come out smaller"
    return f"{said}."
