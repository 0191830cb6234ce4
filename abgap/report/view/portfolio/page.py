"""The page itself: a question, three sentences, one picture, a few numbers, what to trust, what launching earned."""

from __future__ import annotations

from abgap.records import Interval, Portfolio, words
from abgap.records.portfolio import PairFit, PredictorSide
from abgap.report.view.cells import joined
from abgap.report.view.index import Index
from abgap.report.view.limits import Limits
from abgap.report.view.model import PortfolioView
from abgap.report.view.portfolio.details import folds_of
from abgap.report.view.portfolio.facts import key_facts
from abgap.report.view.portfolio.picture import picture_of
from abgap.report.view.portfolio.tables import rules_table, trust_tables


def portfolio_of(index: Index, limits: Limits) -> PortfolioView | None:
    """The page, or None where experiments together say nothing."""
    portfolio = index.results.portfolio
    if not says_something(portfolio):
        return None
    currency = index.results.study.currency
    pair = portfolio.pairs[0] if portfolio.pairs else None
    return PortfolioView(
        title=question(portfolio),
        scope=scope(portfolio),
        sentences=portfolio.sentences,
        facts=key_facts(portfolio, currency),
        picture=picture_of(index, pair, limits) if pair else None,
        trust=next(iter(trust_tables(portfolio, limits)), None),
        rules=rules_table(portfolio, currency),
        folds=folds_of(index, limits),
        remarks=remarks(portfolio),
    )


def says_something(portfolio: Portfolio) -> bool:
    """Whether there is an answer to show, and not only reasons why there is none."""
    return bool(
        portfolio.sentences
        or portfolio.metric_trust
        or portfolio.decision_rules
        or any(pair.transfer or pair.sign_agreement or pair.noise_corrected for pair in portfolio.pairs)
        or any(isinstance(typical.mean, Interval) for typical in portfolio.typical)
    )


def question(portfolio: Portfolio) -> str:
    """What the page answers."""
    if not portfolio.pairs:
        return "What did all experiments together bring?"
    pair = portfolio.pairs[0]
    business = words.label(pair.business_metric)
    if pair.side is PredictorSide.OFFLINE:
        return f"Do offline gains reach {business}?"
    return f"Does {words.label(pair.predictor)} stand in for {business}?"


def scope(portfolio: Portfolio) -> str:
    """What the answer rests on."""
    if not portfolio.pairs:
        return words.plural(portfolio.n_experiments, "experiment")
    pair = portfolio.pairs[0]
    arms = "" if pair.arms == pair.experiments else f", {words.plural(pair.arms, 'arm')}"
    return joined(
        f"{words.plural(pair.experiments, 'experiment')}{arms} with {words.label(pair.predictor)} and "
        f"{words.label(pair.business_metric)}.",
        f"{words.plural(pair.untrusted, 'result')} left out: a blocking data check failed."
        if pair.untrusted
        else "",
    )


def remarks(portfolio: Portfolio) -> tuple[str, ...]:
    """What cannot be said and what to know, of the portfolio and of its first pair."""
    pair: PairFit | None = portfolio.pairs[0] if portfolio.pairs else None
    of_pair = (*pair.refusals, *pair.notes) if pair else ()
    return tuple(dict.fromkeys((*of_pair, *portfolio.refusals)))
