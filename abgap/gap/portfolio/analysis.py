"""The portfolio put together: what was counted, then one answer after the other from the effects of all arms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from abgap.gap.portfolio.agreement import cells_of_effects, with_agreement
from abgap.gap.portfolio.covariance import noise_corrected
from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.gap.portfolio.gains_and_lifts import across_notes
from abgap.gap.portfolio.moved_alone import moved_alone
from abgap.gap.portfolio.over_time import with_saturation, with_trust_over_time
from abgap.gap.portfolio.points import points_of
from abgap.gap.portfolio.reviews import with_review_dates
from abgap.gap.portfolio.transfer import Transfers, with_transfer
from abgap.gap.portfolio.trust import metric_trust
from abgap.gap.portfolio.typical import typical_lifts
from abgap.records import Interval, Portfolio
from abgap.records.portfolio import PairFit, PredictorSide

_NO_PAIR = (
    "No correlation, slope or transfer: nothing is held against a business metric; declare offline and business in "
    "[gap], or proxies in [portfolio]."
)


def analyse_portfolio(counted: Portfolio, data: PortfolioData, transfers: Transfers) -> Portfolio:
    """All that the effects say, added to what verdicts were counted."""
    pairs = tuple(_fits(data, transfers))
    first = pairs[0] if pairs else None
    corrected = None if first is None else first.noise_corrected
    return replace(
        counted,
        n_experiments=len(data.names),
        refusals=tuple(_refusals(counted, data, first)),
        nine_cells=cells_of_effects(counted.nine_cells, data),
        pairs=pairs,
        metric_trust=with_review_dates(metric_trust(data, pairs), pairs, data),
        sign_agreement=None if first is None else first.sign_agreement,
        correlation=_told(None if corrected is None else corrected.correlation),
        slope=_told(None if corrected is None else corrected.slope),
        transfer=None if first is None else first.transfer,
        smallest_gain_worth_testing=None if first is None else first.smallest_gain_worth_testing,
        typical=tuple(typical_lifts(data)),
    )


def _fits(data: PortfolioData, transfers: Transfers) -> Iterator[PairFit]:
    """Every predictor against every business metric: offline metrics first, in the order of the study."""
    for business in data.positions(AxisKind.BUSINESS):
        for place, predictor in enumerate(data.predictors(business)):
            found = with_agreement(_fit(data, predictor, business), data, predictor, business)
            found = with_transfer(found, transfers, predictor, business)
            found = with_trust_over_time(found, data, predictor, business)
            found = with_saturation(found, data, predictor, business)
            yield found if place else replace(found, points=points_of(data, predictor, business))


def _fit(data: PortfolioData, predictor: int, business: int) -> PairFit:
    effects = data.pair(predictor, business)
    measured = data.effects.axes([predictor, business]).measured
    corrected = noise_corrected(data, predictor, business)
    return PairFit(
        predictor=data.axes[predictor].name,
        side=side_of(data.axes[predictor]),
        business_metric=data.axes[business].name,
        experiments=effects.experiments,
        arms=len(effects),
        untrusted=int((measured & ~data.trusted).sum()),
        noise_corrected=corrected.record,
        transfer=None,
        smallest_gain_worth_testing=None,
        experiments_needed=None,
        sign_agreement=None,
        refusals=corrected.refusals,
        notes=(
            *corrected.notes,
            *across_notes(data, predictor, business),
            *moved_alone(data, predictor, business),
        ),
    )


def side_of(predictor: Axis) -> PredictorSide:
    """Where a predictor is measured."""
    return PredictorSide.OFFLINE if predictor.kind is AxisKind.OFFLINE else PredictorSide.PROXY


def _refusals(counted: Portfolio, data: PortfolioData, first: PairFit | None) -> Iterator[str]:
    """What is not said of the portfolio, and why: of the first pair, of what was counted, of what takes no part."""
    if first is None:
        yield _NO_PAIR
    else:
        yield from first.refusals
    yield from counted.refusals
    yield from data.left_out


def _told(found: object) -> Interval | None:
    return found if isinstance(found, Interval) else None
