"""A portfolio made by hand: the year of the search team taken together, with every field of the records filled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from abgap.gap.portfolio.sentences import leading_sentences
from abgap.records import Estimable, Interval, NineCells, NotEstimable, Portfolio, Reason, VerdictName
from abgap.records.portfolio import (
    BandPoint,
    DecisionRule,
    NoiseCorrected,
    PairFit,
    PortfolioPoint,
    PredictorSide,
    Refitted,
    RollingTrust,
    SensitivityLine,
    ShrunkLift,
    SignAgreement,
    Surrogacy,
    Transfer,
    Trust,
    TypicalLift,
)
from tests.report.made_experiments import STORY

BUSINESS = "revenue_per_user"
SLOPE = 0.41


def around(estimate: float, half: float, method: str = "bootstrap over experiments") -> Interval:
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=0.95, method=method)


def portfolio_of(names: Sequence[str], rows: Sequence[int]) -> Portfolio:
    """All of it. rows: which of STORY each name tells."""
    told = [(name, STORY[row]) for name, row in zip(names, rows, strict=True)]
    pairs = tuple(
        pair_fit(told, predictor, side)
        for predictor, side in (
            ("ndcg@10", PredictorSide.OFFLINE),
            ("mrr@10", PredictorSide.OFFLINE),
            ("clicks_per_session", PredictorSide.PROXY),
        )
    )
    first = pairs[0]
    assert first.noise_corrected is not None
    correlation, slope = first.noise_corrected.correlation, first.noise_corrected.slope
    assert isinstance(correlation, Interval)
    assert isinstance(slope, Interval)
    verdicts = [story[5] for _, story in told]
    made = Portfolio(
        n_experiments=len(names),
        verdicts={verdict.value: verdicts.count(verdict) for verdict in VerdictName},
        nine_cells=(
            NineCells(
                offline_metric="ndcg@10",
                business_metric=BUSINESS,
                counts=((1, 0, 0), (0, 1, 1), (1, 5, 3)),
                untrustworthy=1,
            ),
        ),
        refusals=("No sign table for MRR@5: it was measured in 2 experiments.",),
        sign_agreement=first.sign_agreement,
        correlation=correlation,
        slope=slope,
        transfer=first.transfer,
        smallest_gain_worth_testing=first.smallest_gain_worth_testing,
        decision_rules=decision_rules(len(told)),
        metric_trust=metric_trust(len(told)),
        pairs=pairs,
        typical=(typical_lift(told),),
    )
    return replace(made, sentences=leading_sentences(made, currency="EUR"))


def pair_fit(told: Sequence[tuple[str, tuple[object, ...]]], predictor: str, side: PredictorSide) -> PairFit:
    proxy = side is PredictorSide.PROXY
    points = tuple(_point(name, story, predictor) for name, story in told)
    return PairFit(
        predictor=predictor,
        side=side,
        business_metric=BUSINESS,
        experiments=len(points) - 1,
        arms=len(points) - 1,
        untrusted=1,
        noise_corrected=noise_corrected(),
        transfer=transfer(),
        smallest_gain_worth_testing=0.0263,
        experiments_needed=9,
        sign_agreement=SignAgreement(
            experiments=12,
            observed=Interval(estimate=9 / 12, low=0.47, high=0.91, level=0.95, method="wilson"),
            by_noise=0.5,
            if_measured_exactly=around(0.73, 0.14, "1/2 + arcsin(rho)/pi"),
            sentence="9 of 12 gains had the sign of their lift; no relation at all would give 50 %.",
        ),
        surrogacy=surrogacy(predictor) if proxy else None,
        leave_one_out=tuple(
            Refitted(name=name, experiments=len(told) - 1, slope=around(SLOPE + 0.02 * math.sin(row), 0.4))
            for row, (name, _) in enumerate(told)
        ),
        by_tag=(
            Refitted(name="ranking", experiments=8, slope=around(0.55, 0.5)),
            Refitted(name="search", experiments=4, slope=without(Reason.TOO_FEW_UNITS)),
        ),
        over_time=tuple(_month(row, name, str(story[0])) for row, (name, story) in enumerate(told)),
        over_time_sentence="Since dense_retrieval gains bring less than the experiments before them promised.",
        saturation_sentence="Gains bring no less where the model in control is already good.",
        points=points,
        refusals=("No fit within tag search: 4 experiments, at least 5 are needed.",),
        notes=("Errors of clicks and revenue are taken as independent.",),
    )


def _point(name: str, story: tuple[object, ...], predictor: str) -> PortfolioPoint:
    _, n, gain, lift, clicks, verdict, _ = story
    assert isinstance(n, int)
    assert isinstance(gain, float)
    assert isinstance(lift, float)
    assert isinstance(clicks, float)
    shown = {"ndcg@10": gain, "mrr@10": 1.2 * gain, "clicks_per_session": clicks}[predictor]
    error = {"ndcg@10": 0.003, "mrr@10": 0.0045, "clicks_per_session": 0.45 * math.sqrt(2.0 / n)}[predictor]
    return PortfolioPoint(
        experiment=name,
        treatment="B",
        gain=shown,
        gain_error=error,
        lift=lift,
        lift_error=1.9 * math.sqrt(2.0 / n),
        start="2026-03-01",
        untrusted=verdict is VerdictName.UNTRUSTWORTHY,
    )


def _month(row: int, name: str, story: str) -> RollingTrust:
    warning = story == "dense_retrieval"
    return RollingTrust(
        experiment=name,
        start=f"2026-{1 + row % 9:02d}-01",
        residual=-2.9 if warning else 0.9 * math.cos(row),
        cusum_up=max(0.0, 0.4 * math.cos(row)),
        cusum_down=4.6 if warning else 0.3,
        warning=warning,
    )


def noise_corrected() -> NoiseCorrected:
    return NoiseCorrected(
        observed_xx=4.1e-4,
        observed_xy=1.5e-4,
        observed_yy=2.6e-4,
        noise_xx=9.0e-6,
        noise_xy=2.0e-7,
        noise_yy=7.0e-5,
        signal_xx=4.0e-4,
        signal_xy=1.5e-4,
        signal_yy=1.9e-4,
        reliability_x=around(0.94, 0.05),
        reliability_y=around(0.73, 0.15),
        smallest_eigenvalue=1.0e-4,
        observed_correlation=0.46,
        slope=around(SLOPE, 0.36),
        correlation=Interval(estimate=0.63, low=0.12, high=0.88, level=0.95, method="bootstrap"),
        sensitivity=(
            SensitivityLine(
                method="york",
                slope=around(0.44, 0.4, "york"),
                intercept=0.001,
                chi_square=31.2,
                df=10,
                sentence="York's line, which knows no scatter but measurement error, has a slope of 0.44.",
            ),
            SensitivityLine(
                method="noise correlation 0.6",
                slope=around(0.39, 0.36),
                intercept=None,
                chi_square=None,
                df=None,
                sentence="With a correlation of errors of 0.6 the slope is 0.39.",
            ),
        ),
    )


def transfer() -> Transfer:
    return Transfer(
        a=around(0.0008, 0.009, "likelihood"),
        b=around(SLOPE, 0.34, "likelihood"),
        tau=Interval(estimate=0.0115, low=0.0062, high=0.021, level=0.95, method="likelihood"),
        mean_gain=0.021,
        gain_sd=0.02,
        band=tuple(_forecast(step / 100.0) for step in range(-6, 13)),
    )


def _forecast(gain: float) -> BandPoint:
    lift = 0.0008 + SLOPE * gain
    half = 2.2 * math.sqrt(0.004**2 + 2.0e-6 + 0.012 * (gain - 0.021) ** 2)
    return BandPoint(gain=gain, lift=lift, low=lift - half, high=lift + half)


def decision_rules(experiments: int) -> tuple[DecisionRule, ...]:
    told = (
        ("never", "Never launch", 0.0, 0.0, 0.0),
        ("offline:ndcg@10", "Launch what wins in NDCG@10", 8.0, 0.0031, 0.0041),
        ("significant:clicks_per_session", "Launch what wins in clicks per session", 7.4, 0.0046, 0.0040),
        (
            "significant:revenue_per_user",
            "Launch what wins in revenue per user, significantly",
            3.1,
            0.0058,
            0.0031,
        ),
        ("abgap", "Launch what abgap says to ship", 4.0, 0.0062, 0.0030),
    )
    return tuple(
        DecisionRule(
            name=name,
            title=title,
            business_metric=BUSINESS,
            experiments=experiments,
            launches=launches,
            lift=around(lift, half, "between experiments, t"),
            money_per_year=around(230e6 * lift, 230e6 * half, "between experiments, t"),
            sentence=f"{title}: {launches:g} launches.",
        )
        for name, title, launches, lift, half in told
    )


def metric_trust(experiments: int) -> tuple[Trust, ...]:
    told: tuple[tuple[str, PredictorSide | None, float, float], ...] = (
        ("blend", None, 0.61, 0.36),
        ("ndcg@10", PredictorSide.OFFLINE, 0.58, 0.37),
        ("mrr@10", PredictorSide.OFFLINE, 0.49, 0.41),
        ("clicks_per_session", PredictorSide.PROXY, 0.22, 0.51),
    )
    return tuple(
        Trust(
            predictor=predictor,
            side=side,
            business_metric=BUSINESS,
            rank=rank,
            experiments=experiments,
            quality=around(quality, half),
            correlation=around(min(quality + 0.05, 0.95), min(half, 0.04)),
            kendall=around(quality * 0.6, half),
            reliability=None if side is None else 0.9,
            sensitivity=Interval(estimate=5 / 7, low=0.36, high=0.92, level=0.95, method="wilson"),
            wrong_direction=Interval(estimate=1 / 5, low=0.04, high=0.62, level=0.95, method="wilson"),
            weights={"ndcg@10": 0.8, "mrr@10": 0.2} if side is None else None,
            apparent=0.74 if side is None else None,
            review_by="2027-03-31",
            review_reason="a warning in trust over time"
            if rank == 2
            else "six months after the last experiment",
            sentence=f"{predictor} is number {rank}.",
        )
        for rank, (predictor, side, quality, half) in enumerate(told, start=1)
    )


def typical_lift(told: Sequence[tuple[str, tuple[object, ...]]]) -> TypicalLift:
    shrunk = []
    for name, story in told:
        n, lift = story[1], story[3]
        assert isinstance(n, int)
        assert isinstance(lift, float)
        error = 1.9 * math.sqrt(2.0 / n)
        kept = 1.9e-4 / (1.9e-4 + error**2)
        middle = 0.006 + kept * (lift - 0.006)
        spread = math.sqrt(kept) * error
        shrunk.append(
            ShrunkLift(
                experiment=name,
                treatment="B",
                raw=around(lift, 1.96 * error, "fieller"),
                shrunk=around(middle, 1.96 * spread, "empirical bayes"),
                probability_positive=0.5 * math.erfc(-middle / spread / math.sqrt(2.0)),
                type_s=0.04,
                type_m=1.6,
            )
        )
    return TypicalLift(
        business_metric=BUSINESS,
        experiments=len(told),
        arms=len(told),
        mean=around(0.006, 0.0094, "hartung-knapp"),
        prediction=around(0.006, 0.0332, "hartung-knapp"),
        tau={"dersimonian-laird": 0.0121, "paule-mandel": 0.0136, "reml": 0.0139},
        q=118.4,
        df=11,
        p_value=1e-9,
        i_squared=0.89,
        shrunk=tuple(shrunk),
        sentence="A typical launch moves revenue per user by +0.6 % [−0.3, +1.5]; the next one lies between "
        "−2.7 % and +3.9 %.",
    )


def surrogacy(predictor: str) -> Surrogacy:
    return Surrogacy(
        predictor=predictor,
        business_metric=BUSINESS,
        units=1_240_000,
        individual_correlation=around(0.52, 0.002, "over units"),
        individual_slope=around(0.74, 0.01, "over units"),
        experiment_correlation=around(0.24, 0.5),
        experiment_slope=around(0.2, 0.45),
        sentence="Who clicks more buys more, but making people click more has not made them buy more: the first is "
        "about people, the second about changes.",
    )


def without(reason: Reason) -> NotEstimable:
    return NotEstimable(reason=reason, detail=f"because of {reason.value}")


def without_numbers(portfolio: Portfolio) -> Portfolio:
    """The same portfolio with a reason wherever a number could stand."""
    nothing: Estimable = without(Reason.NO_INTERVAL_GIVEN)
    return replace(
        portfolio,
        sign_agreement=None,
        correlation=None,
        slope=None,
        transfer=None,
        smallest_gain_worth_testing=None,
        decision_rules=tuple(replace(r, lift=nothing, money_per_year=None) for r in portfolio.decision_rules),
        metric_trust=tuple(
            replace(
                row,
                rank=None,
                quality=nothing,
                correlation=nothing,
                kendall=nothing,
                sensitivity=nothing,
                wrong_direction=nothing,
                reliability=None,
                apparent=None,
                review_by=None,
                review_reason=None,
            )
            for row in portfolio.metric_trust
        ),
        pairs=tuple(_pair_without(pair) for pair in portfolio.pairs),
        typical=tuple(
            replace(
                one,
                mean=nothing,
                prediction=nothing,
                tau={},
                q=None,
                df=None,
                p_value=None,
                i_squared=None,
                shrunk=(),
            )
            for one in portfolio.typical
        ),
    )


def _pair_without(pair: PairFit) -> PairFit:
    nothing = without(Reason.NO_INTERVAL_GIVEN)
    assert pair.noise_corrected is not None
    bare = replace(
        pair.noise_corrected,
        noise_xx=None, noise_xy=None, noise_yy=None, signal_xx=None, signal_xy=None, signal_yy=None,
        reliability_x=nothing, reliability_y=nothing, smallest_eigenvalue=None, observed_correlation=None,
        slope=nothing, correlation=nothing, sensitivity=(),
    )  # fmt: skip
    assert pair.sign_agreement is not None
    return replace(
        pair,
        noise_corrected=bare,
        transfer=None,
        smallest_gain_worth_testing=None,
        experiments_needed=None,
        sign_agreement=replace(
            pair.sign_agreement, observed=nothing, by_noise=None, if_measured_exactly=None
        ),
        surrogacy=None,
        leave_one_out=(),
        by_tag=(),
        over_time=(),
        over_time_sentence=None,
        saturation_sentence=None,
        points=tuple(replace(p, gain_error=None, lift_error=None, start=None) for p in pair.points),
        refusals=("No noise correction: the errors of NDCG@10 are not known.",),
    )
