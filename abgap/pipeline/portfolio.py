"""All experiments together: effects collected, and the portfolio analysed once it is asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from abgap.gap.inputs import EvidenceIndex
from abgap.gap.portfolio.analysis import analyse_portfolio
from abgap.gap.portfolio.collecting import collect
from abgap.gap.portfolio.expecting import Expectations
from abgap.gap.portfolio.fold_errors import correlation_of_folds
from abgap.gap.portfolio.gain_errors import Gains, with_gain_errors
from abgap.gap.portfolio.gains_and_lifts import Together, gains_with_lifts, lifts_over_units
from abgap.gap.portfolio.joint_errors import KnownErrors, with_joint_errors
from abgap.gap.portfolio.sentences import leading_sentences
from abgap.gap.portfolio.surrogacy import with_surrogacy
from abgap.gap.portfolio.transfer import Transfers
from abgap.gap.portfolio.value import RuleValues, decision_rules, with_rules
from abgap.offline.directions import direction_of
from abgap.online.codes import is_null
from abgap.online.cross_rows import read_cross_moments
from abgap.pipeline.cross_moments import cross_moments
from abgap.pipeline.shared_units import shared_units
from abgap.stats.portfolio.transfer import FEWEST
from abgap.study.procedure import procedure_of

if TYPE_CHECKING:
    from abgap.gap.portfolio.data import PortfolioData
    from abgap.pipeline.analysis import Analysis
    from abgap.records import Moments, Portfolio


class PortfolioStages:
    """The portfolio of one analysis."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    @cached_property
    def data(self) -> PortfolioData:
        """Effects of all arms on all axes."""
        return with_joint_errors(self._collected, self._known_errors)

    @cached_property
    def _collected(self) -> PortfolioData:
        """The same before errors of online metrics are put together."""
        analysis = self._analysis
        index = EvidenceIndex(estimates=(), offline_rows=analysis.offline.rows, checks=analysis.checks)
        card = None if analysis.study.is_offline_only else analysis.scorecard
        given = analysis.given
        collected = collect(
            analysis.study, analysis.facts, card, index, gains=given.gains, effects=given.effects
        )
        facts = {each.name: each for each in analysis.facts}
        return with_gain_errors(collected, facts, analysis.offline.gain_errors)

    @cached_property
    def _known_errors(self) -> KnownErrors:
        """How the errors of online metrics hang together."""
        analysis = self._analysis
        study = analysis.study
        # The pass over the units is worth it only where experiments are compared.
        compared = len(analysis.declared) >= FEWEST
        crosses = read_cross_moments(cross_moments(analysis)) if compared else ()
        return KnownErrors(
            crosses=crosses,
            controls=analysis.controls,
            signs={name: direction_of(study, name).sign for name in study.gap.offline}
            | {name: metric.direction.sign for name, metric in study.metrics.items()},
            by_arm=procedure_of(study).slopes_by_arm,
            folds=correlation_of_folds(analysis.moments, self._collected.online),
            declared=study.portfolio.noise_correlation,
            together=self._together if compared else Together(),
            declared_offline=study.portfolio.offline_noise_correlation,
        )

    @property
    def _together(self) -> Together:
        """What errors of gains and lifts have in common through units that asked test queries."""
        analysis = self._analysis
        asked = shared_units(analysis)
        if asked is None:
            return Together()
        errors = analysis.offline.gain_errors
        gains = Gains(self._collected, {each.name: each for each in analysis.facts}, errors)
        lifts = lifts_over_units(
            self._collected,
            analysis.moments,
            analysis.controls,
            {name: metric.direction.sign for name, metric in analysis.study.metrics.items()},
            by_arm=procedure_of(analysis.study).slopes_by_arm,
        )
        queries = [n if place in asked.contests else 0 for place, n in enumerate(errors.shared)]
        return gains_with_lifts(self._collected, gains, queries, asked.shares, tuple(lifts))

    @cached_property
    def transfers(self) -> Transfers:
        """What gains bring, pair by pair."""
        return Transfers(self.data)

    @cached_property
    def expectations(self) -> Expectations | None:
        """What gains of other experiments lead to expect; None with too few, and where every rate is declared."""
        if len(self._analysis.facts) <= FEWEST:
            return None
        gap = self._analysis.study.gap
        pairs = (
            (gap.exchange_rate.get(offline, {}), business)
            for offline in gap.offline
            for business in gap.business
        )
        return (
            Expectations(self.transfers) if any(business not in rates for rates, business in pairs) else None
        )

    @cached_property
    def found(self) -> Portfolio:
        """All that is said of the portfolio."""
        counted = self._analysis.gaps.portfolio
        self._analysis.progress("comparing experiments")
        found = analyse_portfolio(counted, self.data, self.transfers)
        found = with_rules(with_surrogacy(found, self.data, self._known_errors), self._rules())
        said = leading_sentences(found, currency=self._analysis.study.study.currency)
        return replace(found, sentences=said)

    def _rules(self) -> RuleValues:
        """What rules for launching would have earned."""
        analysis = self._analysis
        return decision_rules(
            analysis.study,
            self.data,
            facts=analysis.facts,
            checks=analysis.checks,
            card=None if analysis.study.is_offline_only else analysis.scorecard,
            folds=self._folds,
        )

    def _folds(self) -> Moments | None:
        """The moments of single folds: made of the units, or among those that the study brings."""
        analysis = self._analysis
        if analysis.imported is None:
            return analysis.folds
        of_folds = ~is_null(analysis.moments.fold)
        return analysis.moments.take(of_folds) if of_folds.any() else None
