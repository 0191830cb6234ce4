"""The few numbers that carry the portfolio: what a gain brings, which is worth a test, what launching earned."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.gap.portfolio.rules import ABGAP
from abgap.gap.portfolio.steps import gain_in_words, slope_of, step_of, worth_in_words
from abgap.records import Interval, Portfolio, words
from abgap.records.portfolio import DecisionRule, PairFit
from abgap.report import numbers
from abgap.report.numbers import Shown
from abgap.report.view.cells import cell, joined
from abgap.report.view.model import Cell, Fact
from abgap.report.view.portfolio.terms import lift_of_step


def key_facts(portfolio: Portfolio, currency: str | None) -> tuple[Fact, ...]:
    """At most five, of the first pair and of the launch rules."""
    pair = portfolio.pairs[0] if portfolio.pairs else None
    of_pair = _of_pair(pair) if pair else iter(())
    return (*of_pair, *_typical(portfolio, pair), *_earned(portfolio, currency))


def _of_pair(pair: PairFit) -> Iterator[Fact]:
    slope = slope_of(pair)
    if slope is not None:
        name = words.label(pair.predictor)
        yield Fact(
            label=f"{gain_in_words(pair, step_of(pair))} in {name} brings",
            value=cell(lift_of_step(pair, slope), sub=words.label(pair.business_metric)),
        )
    if pair.transfer is not None:
        yield Fact(label="Smallest gain worth testing", value=_worth(pair))
    if pair.sign_agreement is not None:
        noise = pair.sign_agreement.by_noise
        yield Fact(
            label="Gain and lift point the same way",
            value=cell(
                numbers.share(pair.sign_agreement.observed),
                sub="" if noise is None else f"noise alone: {words.percent(noise, decimals=0)}",
            ),
        )


def _worth(pair: PairFit) -> Cell:
    least = worth_in_words(pair)
    if least is None:
        return cell(numbers.missing("none: every forecast includes a loss"))
    return cell(Shown(text=least), sub="from it on, a forecast excludes a loss")


def _typical(portfolio: Portfolio, pair: PairFit | None) -> Iterator[Fact]:
    for found in portfolio.typical:
        if (pair is None or found.business_metric == pair.business_metric) and isinstance(
            found.mean, Interval
        ):
            prediction = numbers.lift(found.prediction)
            yield Fact(
                label=f"Typical lift in {words.label(found.business_metric)}",
                value=cell(
                    numbers.lift(found.mean),
                    sub=joined("next one:", prediction.range) if prediction.range else "",
                ),
            )
            return


def _earned(portfolio: Portfolio, currency: str | None) -> Iterator[Fact]:
    rule = own_rule(portfolio)
    if rule is None:
        return
    money = rule.money_per_year
    shown = numbers.lift(rule.lift) if money is None else numbers.money(money, currency)
    unit = "per experiment" if money is None else "a year"
    yield Fact(label="Launching by abgap's decision earned", value=cell(shown, sub=unit))


def own_rule(portfolio: Portfolio) -> DecisionRule | None:
    """What launching by abgap's own decision earned."""
    return next((rule for rule in portfolio.decision_rules if rule.name == ABGAP), None)
