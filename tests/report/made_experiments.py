"""Experiments made by hand: the year of a search team, with estimates and gaps that follow from planted lifts."""

from __future__ import annotations

import math

import numpy as np

from abgap.records import (
    Adjustment,
    Check,
    Decision,
    Direction,
    Estimable,
    Estimate,
    ExperimentResult,
    FunnelStage,
    Gap,
    Interval,
    Kind,
    NonInferiority,
    Role,
    Status,
    VerdictName,
)

METRICS = (
    ("revenue_per_user", Kind.MEAN, Role.PRIMARY, Direction.UP, 4.2, 1.9),
    ("clicks_per_session", Kind.RATIO, Role.SECONDARY, Direction.UP, 0.61, 0.45),
    ("conversion", Kind.PROPORTION, Role.SECONDARY, Direction.UP, 0.084, 1.0),
    ("orders_per_user", Kind.MEAN, Role.SECONDARY, Direction.UP, 0.11, 1.2),
    ("revenue_per_order", Kind.RATIO, Role.SECONDARY, Direction.UP, 38.4, 0.8),
    ("latency_mean_ms", Kind.RATIO, Role.GUARDRAIL, Direction.DOWN, 252.0, 0.25),
    ("complaints_per_user", Kind.MEAN, Role.GUARDRAIL, Direction.DOWN, 0.004, 4.0),
    ("sessions_per_user", Kind.MEAN, Role.DIAGNOSTIC, Direction.UP, 3.4, 0.5),
    ("zero_result_rate", Kind.RATIO, Role.DIAGNOSTIC, Direction.DOWN, 0.031, 1.1),
)
V, D = VerdictName, Decision
# name, units per arm, offline gain in ndcg@10, true lift of revenue, of clicks, verdict, decision
STORY = (
    ("purchase_weighted", 240_000, 0.031, 0.019, 0.03, V.TRANSLATED, D.SHIP),
    ("query_spelling", 180_000, 0.012, 0.022, 0.02, V.TRANSLATED, D.SHIP),
    ("freshness_boost", 150_000, 0.024, 0.014, 0.021, V.FELL_SHORT, D.SHIP),
    ("click_ndcg_ranker", 420_000, 0.060, 0.0006, 0.04, V.DID_NOT_MOVE, D.DO_NOT_SHIP),
    ("dense_retrieval", 200_000, 0.041, -0.024, -0.012, V.REVERSED, D.DO_NOT_SHIP),
    ("longer_titles", 400_000, 0.011, 0.0004, 0.006, V.DID_NOT_MOVE, D.DO_NOT_SHIP),
    ("cheaper_model", 160_000, -0.008, -0.017, -0.01, V.LOSS_CONFIRMED, D.DO_NOT_SHIP),
    ("typo_tolerance", 21_000, 0.018, 0.012, 0.014, V.INCONCLUSIVE, D.KEEP_RUNNING),
    ("small_market", 9_000, 0.027, -0.009, 0.008, V.INCONCLUSIVE, D.KEEP_RUNNING),
    ("category_prior", 120_000, 0.001, 0.018, 0.011, V.MISSED_BY_OFFLINE, D.SHIP),
    ("same_model_aa", 90_000, 0.0, 0.001, 0.0, V.NO_OFFLINE_GAIN, D.KEEP_RUNNING),
    ("personal_rerank", 130_000, 0.036, 0.028, 0.03, V.UNTRUSTWORTHY, D.CANNOT_BE_JUDGED),
    ("query_rewrite", 30_000, 0.022, 0.006, 0.017, V.INCONCLUSIVE, D.KEEP_RUNNING),
)


def interval(estimate: float, half: float, method: str = "fieller") -> Interval:
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=0.95, method=method)


def two_sided_p(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2.0))


def estimate_of(
    experiment: str,
    metric: tuple[str, Kind, Role, Direction, float, float],
    lift: float,
    n: int,
    *,
    treatment: str = "B",
    slice_name: str | None = None,
    slice_value: str | None = None,
    period: str | None = None,
) -> Estimate:
    """An estimate whose standard error follows from the spread of the metric and the number of units."""
    name, kind, role, direction, level, spread = metric
    se = spread * math.sqrt(2.0 / max(n, 2))
    p = two_sided_p(lift / se)
    primary = role is Role.PRIMARY and slice_name is None and period is None
    guard = None
    if role is Role.GUARDRAIL:
        worst = -direction.sign * lift + 1.645 * se
        guard = NonInferiority(margin=0.05, p_value=min(1.0, p), holds=worst < 0.05)
    worthwhile = 0.01
    return Estimate(
        experiment=experiment,
        metric=name,
        role=role,
        kind=kind,
        direction=direction,
        control="A",
        treatment=treatment,
        slice_name=slice_name,
        slice_value=slice_value,
        period=period,
        n_control=n,
        n_treatment=n + 37,
        value_control=level,
        value_treatment=level * (1.0 + lift),
        difference=interval(level * lift, 1.96 * se * level, "welch"),
        lift=interval(lift, 1.96 * se),
        p_value=p,
        p_adjusted=min(1.0, p * (1.0 if primary else 2.0)),
        adjustment=Adjustment.HOLM
        if primary
        else (Adjustment.NONE if role is Role.GUARDRAIL else Adjustment.BENJAMINI_HOCHBERG),
        significant=min(1.0, p * 2.0) < 0.05,
        effect_size=interval(lift / spread, 1.96 * se / spread, "cohen d"),
        mde=2.8 * se,
        power_at_smallest_worthwhile=min(0.999, max(0.05, 1.0 - two_sided_p(worthwhile / se - 1.96) / 2.0)),
        equivalence_p=two_sided_p(max(0.0, (worthwhile - abs(lift)) / se)) / 2.0 if primary else None,
        non_inferiority=guard,
        covariate_variance_removed=0.31 if name == "revenue_per_user" else None,
        capped_units=round(n * 0.001) if name == "revenue_per_user" else None,
    )


def funnel_of(revenue: float, clicks: float, n: int) -> tuple[FunnelStage, ...]:
    total, click = math.log1p(revenue), math.log1p(clicks)
    orders = (total - click) * 0.8
    stages = (
        ("sessions_per_user", 3.4, 0.0),
        ("clicks_per_session", 0.61, click),
        ("orders_per_click", 0.053, orders),
        ("revenue_per_order", 38.4, total - click - orders),
    )
    half = 0.9 / math.sqrt(n)
    return tuple(
        FunnelStage(
            stage=stage,
            value_control=level,
            value_treatment=level * math.exp(log),
            log_lift=log,
            low=log - half * (place + 1),
            high=log + half * (place + 1),
            money=4.2 * log,
            money_low=4.2 * (log - half * (place + 1)),
            money_high=4.2 * (log + half * (place + 1)),
            method="lmdi",
        )
        for place, (stage, level, log) in enumerate(stages)
    )


def funnel_total_of(revenue: float, n: int) -> FunnelStage:
    total, half = math.log1p(revenue), 3.6 / math.sqrt(n)
    return FunnelStage(
        stage="revenue_per_user",
        value_control=4.2,
        value_treatment=4.2 * math.exp(total),
        log_lift=total,
        low=total - half,
        high=total + half,
        money=4.2 * total,
        money_low=4.2 * (total - half),
        money_high=4.2 * (total + half),
        method="lmdi",
    )


def gap_of(
    experiment: str,
    offline: str,
    business: str,
    gain: Estimable,
    estimate: Estimate,
    *,
    clicks: float,
    row: int,
) -> Gap:
    name, n, _, _, _, verdict, _ = STORY[row]
    revenue = business == "revenue_per_user"
    lift = estimate.lift
    assert isinstance(lift, Interval)
    inconclusive = verdict is V.INCONCLUSIVE
    return Gap(
        experiment=experiment,
        treatment=estimate.treatment,
        control="A",
        offline_metric=offline,
        business_metric=business,
        offline_gain=gain,
        offline_face_value=None,
        online_lift=lift,
        smallest_worthwhile_lift=0.01 if revenue else 0.005,
        expected_lift=interval(0.031, 0.004, "exchange rate")
        if verdict is V.FELL_SHORT and revenue
        else None,
        expected_source="declared exchange rate" if verdict is V.FELL_SHORT and revenue else None,
        verdict=verdict if revenue else V.TRANSLATED if lift.low > 0 else V.INCONCLUSIVE,
        sentence=HEADLINES[verdict] if revenue else f"{name}: {business} {verdict.value}.",
        next_action="",
        correction="holm over 2 pairs",
        power_at_smallest_worthwhile=estimate.power_at_smallest_worthwhile,
        power_at_expected=None,
        units_needed=480_000 if inconclusive else None,
        weeks_needed=11.4 if inconclusive else None,
        money_per_year=lift.scaled(n * 4.2 * 13) if revenue else None,
        funnel=funnel_of(lift.estimate, clicks, n) if revenue else (),
        funnel_note=None if revenue else "no funnel is declared for this metric",
        funnel_total=funnel_total_of(lift.estimate, n) if revenue else None,
    )


ACTIONS = {
    D.SHIP: "Ship {0} to all traffic and keep a 1 % holdback for a month.",
    D.DO_NOT_SHIP: "Keep the control and look at the funnel stage where {0} lost what it won.",
    D.KEEP_RUNNING: "Let {0} run until each arm has 480,000 units, about 11 more weeks.",
    D.CANNOT_BE_JUDGED: "Find out why {0} lost 3 % of its treatment units, then run it again.",
}
HEADLINES = {
    V.TRANSLATED: "The offline gain arrived: revenue per user rose with it.",
    V.FELL_SHORT: "Revenue per user rose, but by less than the offline gain should have brought.",
    V.DID_NOT_MOVE: "The offline gain is real and revenue did not move: any change is too small to matter.",
    V.REVERSED: "Better offline, worse online: revenue per user fell.",
    V.LOSS_CONFIRMED: "Worse offline and worse online.",
    V.INCONCLUSIVE: "The test was too small to tell: the interval allows a gain and a loss that matter.",
    V.MISSED_BY_OFFLINE: "Revenue rose although the offline metric saw nothing.",
    V.NO_OFFLINE_GAIN: "No offline gain and no online change is established.",
    V.UNTRUSTWORTHY: "The split is broken, so nothing follows from the estimates.",
}


def experiment_parts(
    row: int, name: str, *, detailed: bool = True
) -> tuple[ExperimentResult, list[Estimate], list[Gap], list[Check]]:
    _, n, gain, revenue, clicks, verdict, decision = STORY[row]
    random = np.random.default_rng(row)
    lifts = {"revenue_per_user": revenue, "clicks_per_session": clicks}
    lifts |= {m[0]: float(random.normal(0.0, 0.004)) for m in METRICS if m[0] not in lifts}
    estimates = [estimate_of(name, metric, lifts[metric[0]], n) for metric in METRICS]
    if detailed:
        slices = (
            ("device", ("desktop", "mobile", "tablet")),
            ("country", ("DE", "FR", "PL", None)),
            ("new_user", ("no", "yes")),
        )
        estimates += [
            estimate_of(
                name,
                metric,
                lifts[metric[0]] + float(random.normal(0.0, 0.006)),
                n // len(values),
                slice_name=slice_name,
                slice_value=value,
            )
            for metric in METRICS
            for slice_name, values in slices
            for value in values
        ]
        estimates += [
            estimate_of(
                name,
                METRICS[0],
                revenue + float(random.normal(0.0, 0.02)) / day,
                n * day // 28,
                period=f"2026-{1 + row % 9:02d}-{day:02d}",
            )
            for day in range(1, 29)
        ]
    gains = {
        "ndcg@10": interval(gain, 0.006, "paired t"),
        "mrr@10": interval(gain * 1.2, 0.009, "paired t"),
    }
    gaps = [
        gap_of(name, offline, e.metric, gains[offline], e, clicks=clicks, row=row)
        for offline in gains
        for e in estimates[:2]
    ]
    broken = verdict is V.UNTRUSTWORTHY
    checks = [
        Check(
            name="sample_ratio",
            experiment=name,
            status=Status.FAIL if broken else Status.PASS,
            value=3.2e-14 if broken else 0.412,
            threshold=0.001,
            sentence="The treatment arm has 3 % fewer units than planned; units were lost after assignment."
            if broken
            else "The arms have the sizes that were planned.",
            sql="enrolment_counts",
            blocking=True,
        ),
        Check(
            name="units_in_two_variants",
            experiment=name,
            status=Status.WARN if row == 4 else Status.PASS,
            value=212 if row == 4 else 0,
            threshold=0.0,
            sentence="212 units saw both variants and are left out."
            if row == 4
            else "No unit saw both variants.",
            sql="enrolments",
        ),
        Check(
            name="events_before_exposure",
            experiment=name,
            status=Status.NOT_TESTABLE,
            value=None,
            threshold=None,
            sentence="The events have no time.",
            sql=None,
        ),
    ]
    result = ExperimentResult(
        name=name,
        control="A",
        arms={"A": n, "B": n + 37},
        start=f"2026-{1 + row % 9:02d}-01",
        end=f"2026-{1 + row % 9:02d}-29",
        models={"A": f"ranker-{row}", "B": f"ranker-{row + 1}"},
        decision=decision,
        headline=HEADLINES[verdict],
        decision_reason="The primary metric is above zero and every guardrail holds."
        if decision is D.SHIP
        else "The primary metric does not carry a launch.",
        next_action=ACTIONS[decision].format(name),
        tags=("ranking", "search"),
        hypothesis="Better NDCG brings more revenue." if row % 2 == 0 else None,
    )
    return result, estimates, gaps, checks
