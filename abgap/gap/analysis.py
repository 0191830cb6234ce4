"""The whole floor in one call: estimates, offline rows and checks in; gaps, decisions, portfolio out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from abgap.gap.decision import judge
from abgap.gap.funnel import FunnelDraws
from abgap.gap.given_gains import GivenGains
from abgap.gap.inputs import EvidenceIndex, ExperimentFacts
from abgap.gap.money import Denominators, money_per_year
from abgap.gap.pairs import JudgedPair, PairFinder
from abgap.gap.portfolio.counting import count_portfolio
from abgap.gap.portfolio.expecting import Expectations
from abgap.gap.power import power_of
from abgap.gap.reading import Reading, read
from abgap.gap.sentences import chances_of
from abgap.gap.verdict import Sign
from abgap.records import (
    Check,
    Estimate,
    ExperimentResult,
    Gap,
    Interval,
    Moments,
    OfflineRow,
    Portfolio,
    Role,
)
from abgap.records.words import sentence_case
from abgap.stats.procedure import Procedure
from abgap.study.model import Study
from abgap.study.procedure import procedure_of


@dataclass(frozen=True, kw_only=True)
class GapAnalysis:
    """What the floor found: gaps and experiments in the order of the experiments given.

    decide: the decisions, made when they are asked for: the portfolio of thousands of experiments needs none.
    """

    gaps: tuple[Gap, ...]
    portfolio: Portfolio
    decide: Callable[[], tuple[ExperimentResult, ...]]

    @cached_property
    def experiments(self) -> tuple[ExperimentResult, ...]:
        """Every experiment with its decision."""
        return self.decide()


def analyse_gaps(  # noqa: PLR0913 - one argument per kind of evidence
    study: Study,
    *,
    experiments: Sequence[ExperimentFacts],
    estimates: Iterable[Estimate],
    offline_rows: Iterable[OfflineRow] = (),
    checks: Iterable[Check] = (),
    moments: Moments | None = None,
    funnel_draws: FunnelDraws | None = None,
    expectations: Expectations | None = None,
    gains: GivenGains | None = None,
) -> GapAnalysis:
    """Verdicts of all pairs, decisions on all experiments, and the counts over them.

    estimates: whole-experiment rows are picked out of all, once one is asked for. moments: needed for funnels, and for
    the money of ratio metrics; rows of other metrics are passed over. funnel_draws: of the bootstrap, of funnels
    with few orders. gains: offline gains that came ready for an arm, instead of offline rows. expectations: of the
    portfolio, for pairs without a declared exchange rate.
    Raises nothing on account of the data.
    """
    index = EvidenceIndex(estimates=estimates, offline_rows=offline_rows, checks=checks, gains=gains)
    finder = PairFinder(study, index, moments, funnel_draws or {}, expectations)
    by_experiment = [tuple(finder.pairs(facts)) for facts in experiments]
    pairs = [pair for found in by_experiment for pair in found]
    return GapAnalysis(
        gaps=tuple(pair.gap for pair in pairs),
        portfolio=count_portfolio(pairs, n_experiments=len(experiments)),
        decide=lambda: tuple(
            _result(study, facts, index, found, finder.denominators)
            for facts, found in zip(experiments, by_experiment, strict=True)
        ),
    )


def _result(
    study: Study,
    facts: ExperimentFacts,
    index: EvidenceIndex,
    pairs: Sequence[JudgedPair],
    denominators: Denominators,
) -> ExperimentResult:
    judgement = judge(study, facts, index)
    spoken_of = [pair for pair in pairs if pair.gap.treatment == judgement.treatment] or pairs
    headline = spoken_of[0].gap.sentence if spoken_of else None
    return ExperimentResult(
        name=facts.name,
        control=facts.control,
        arms=facts.arms,
        start=facts.start,
        end=facts.end,
        models=facts.models,
        decision=judgement.decision,
        headline=headline or _metric_headline(study, facts, index, judgement.treatment) or judgement.reason,
        decision_reason=judgement.reason,
        next_action=judgement.next_action,
        tags=facts.tags,
        hypothesis=facts.hypothesis,
        treatment=judgement.treatment,
        money_per_year=_money(study, facts, index, judgement.treatment, spoken_of, denominators),
    )


def _money(
    study: Study,
    facts: ExperimentFacts,
    index: EvidenceIndex,
    treatment: str | None,
    pairs: Sequence[JudgedPair],
    denominators: Denominators,
) -> Interval | None:
    """The yearly money of the arm decided on: of its pairs, else of its primary metrics."""
    if pairs:
        return next((pair.gap.money_per_year for pair in pairs if pair.gap.money_per_year is not None), None)
    if treatment is None or index.blocking(facts.name):
        return None
    for name, estimate in index.online(facts.name, treatment).items():
        metric = study.metrics.get(name)
        if metric is not None and estimate.role is Role.PRIMARY:
            found = money_per_year(estimate, metric, facts, denominators)
            if found is not None:
                return found.interval
    return None


def _metric_headline(
    study: Study, facts: ExperimentFacts, index: EvidenceIndex, treatment: str | None
) -> str | None:
    """The first primary metric of one arm in a sentence, for a study without gap pairs."""
    if treatment is None:
        return None
    for name, estimate in index.online(facts.name, treatment).items():
        if estimate.role is Role.PRIMARY:
            reading = read(estimate, study.metrics.get(name), study.study.alpha)
            text = f"{reading.clause}{_chances(reading, procedure_of(study), facts.days)}"
            arm = f"{treatment}: " if len(facts.treatments) > 1 else ""
            return f"{arm}{sentence_case(text)}."
    return None


def _chances(reading: Reading, procedure: Procedure, days: float | None) -> str:
    """What the test could have seen, where it established nothing."""
    if reading.sign is not Sign.FLAT or reading.equivalent:
        return ""
    power = power_of(reading.estimate, delta=reading.delta, expected=None, procedure=procedure, days=days)
    return chances_of(reading.delta, None, power)
