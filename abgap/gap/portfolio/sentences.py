"""Three sentences for a leader: do gains arrive, which metric to decide by, and what launching earned.

None claims more than its interval supports: a slope, a trust or an amount whose interval holds zero is "not shown",
never "none". What cannot be told is said with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence

from abgap.gap.portfolio.rules import ABGAP
from abgap.gap.portfolio.steps import (
    correlation_in_words,
    gain_in_words,
    lift_of,
    slope_of,
    step_of,
    worth_in_words,
)
from abgap.records import Interval, NotEstimable, Portfolio
from abgap.records.portfolio import DecisionRule, PairFit, PredictorSide, Trust
from abgap.records.words import label, money_interval, percent_interval, plural

_OFFLINE_RULE = "offline:"
_BLEND = "blend"


def leading_sentences(portfolio: Portfolio, *, currency: str | None) -> tuple[str, ...]:
    """At most three sentences: about the first pair, what stands in for its business metric, and the launch rules."""
    first = portfolio.pairs[0] if portfolio.pairs else None
    said = (
        _link(first) if first else "",
        _trust(portfolio.metric_trust, first),
        _earned(portfolio.decision_rules, currency),
    )
    return tuple(sentence for sentence in said if sentence)


def _link(pair: PairFit) -> str:
    """Whether gains reach the business."""
    slope = slope_of(pair)
    name, business = label(pair.predictor), label(pair.business_metric)
    what = "Offline gains" if pair.side is PredictorSide.OFFLINE else "Gains"
    if not isinstance(slope, Interval):
        why = _reason(pair, slope)
        return f"Whether {what.lower()} in {name} reach {business} cannot be told{f': {why}' if why else ''}."
    shown = f"{gain_in_words(pair, step_of(pair))} brings {percent_interval(lift_of(pair, slope))}"
    if slope.low > 0.0:
        return f"{what} in {name} reach {business}: {shown}{_worth(pair)}."
    if slope.high < 0.0:
        return f"{what} in {name} come with losses in {business}: {shown}."
    more = pair.experiments_needed
    told = f"; about {plural(_round(more), 'more experiment')} would tell" if more else ""
    return (
        f"That {what.lower()} in {name} reach {business} is not shown by {plural(pair.experiments, 'experiment')}: "
        f"{shown}{told}."
    )


def _round(n: int) -> int:
    """Two digits of a number that is no more than a guess."""
    return int(float(f"{n:.2g}"))


def _worth(pair: PairFit) -> str:
    """From which gain on a forecast excludes a loss."""
    if pair.transfer is None:
        return ""
    least = worth_in_words(pair)
    if least is None:
        return "; no gain seen so far is large enough for a forecast without a loss"
    return f"; from {least} on, the forecast for a new gain excludes a loss"


def _reason(pair: PairFit, slope: NotEstimable | None) -> str:
    """Why there is no slope: what the number says, else what the first refusal of the pair gives as reason."""
    refusal = next(iter(pair.refusals), "")
    found = slope.detail if slope else refusal.partition(": ")[2] or refusal
    return found.strip().rstrip(".")


def _trust(rows: Sequence[Trust], first: PairFit | None) -> str:
    """Which metric stands in best for the business metric of the first pair."""
    wanted = first.business_metric if first else rows[0].business_metric if rows else ""
    ranked = [row for row in rows if row.business_metric == wanted and row.rank is not None]
    if not ranked:
        return ""
    best = min(ranked, key=_rank)
    quality, business = best.quality, label(wanted)
    if not isinstance(quality, Interval):
        return ""
    shown = correlation_in_words(quality)
    if quality.low > 0.0:
        if len(ranked) == 1:
            return f"By these experiments {_named(best)} stands in for {business}: trust {shown}, where 1 is perfect."
        among = plural(len(ranked), "metric")
        return f"Of {among}, {_named(best)} stands in best for {business}: trust {shown}, where 1 is perfect."
    return (
        f"No metric is shown to stand in for {business}: the best, {_named(best)}, has a trust of {shown}, where 1 is "
        "perfect; let tests decide."
    )


def _rank(row: Trust) -> int:
    return row.rank or 0


def _named(row: Trust) -> str:
    return "a blend" if row.side is None and row.predictor == _BLEND else label(row.predictor)


def _earned(rules: Sequence[DecisionRule], currency: str | None) -> str:
    """What launching by abgap's decision earned, beside launching by the first offline metric."""
    own = next((rule for rule in rules if rule.name == ABGAP), None)
    if own is None:
        return ""
    found = own.lift if own.money_per_year is None else own.money_per_year
    if not isinstance(found, Interval):
        return f"What a launch rule earned cannot be told: {found.detail.strip().rstrip('.')}."
    amount = _amount(own, found, currency)
    other = next((rule for rule in rules if rule.name.startswith(_OFFLINE_RULE)), None)
    beside = other and (other.lift if other.money_per_year is None else other.money_per_year)
    compared = (
        f"; launching every win in {label(other.name.removeprefix(_OFFLINE_RULE))}, {_amount(other, beside, currency)}"
        if other and isinstance(beside, Interval)
        else ""
    )
    if found.low > 0.0:
        return f"Launching by abgap's decision would have earned {amount}{compared}."
    if found.high < 0.0:
        return f"Launching by abgap's decision would have lost: {amount}{compared}."
    return f"That launching by abgap's decision would have earned anything is not shown: {amount}{compared}."


def _amount(rule: DecisionRule, found: Interval, currency: str | None) -> str:
    """``+1.4 million EUR a year [+0.3, +2.5]``; a lift where there is no money."""
    if rule.money_per_year is None:
        return f"{percent_interval(found)} of {label(rule.business_metric)} per experiment"
    return f"{money_interval(found, currency)} a year"
