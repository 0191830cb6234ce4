"""Results made by hand, so that the report is tested without the floors below it.

``example`` tells the year of a search team; the others are what a report must survive.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

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
    InputFile,
    InputSource,
    Interval,
    Kind,
    MetricDefinition,
    ModelFacts,
    NineCells,
    NonInferiority,
    NotEstimable,
    OfflineRow,
    Portfolio,
    Provenance,
    QueryText,
    Reason,
    Results,
    Role,
    Status,
    StudySummary,
    VerdictName,
)

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; drop table units; --",
    "pipe | in | name",
    "new\nline and\ttab",
    "`tick` **bold** _em_ [link](javascript:alert(1)) ![i](x)",
    "&lt; &amp; {{ 7 * 7 }} {% raw %} $x^2$ \\frac",
    "   ",
    "# heading\n\n- list\n\n| a | b |\n|---|---|",
    "nul\x00bell\x07 \u202eright to left",
    "名前 🚀 ñandú",
    "https://example.invalid/x www.example.invalid @everyone",
    "</style></svg></title></details>",
]

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


def definitions() -> tuple[MetricDefinition, ...]:
    return tuple(
        MetricDefinition(
            name=name,
            kind=kind,
            role=role,
            direction=direction,
            definition=f"{kind.value} of {name.replace('_', ' ')} within 14 days after the first exposure",
            money=name == "revenue_per_user",
            smallest_worthwhile_lift=0.01 if role is Role.PRIMARY else None,
            non_inferiority_margin=0.05 if role is Role.GUARDRAIL else None,
            why="What the company lives on." if role is Role.PRIMARY else None,
            owner="search" if role is Role.PRIMARY else None,
            review_by="2026-12-31" if role is Role.PRIMARY else None,
        )
        for name, kind, role, direction, _, _ in METRICS
    )


def provenance() -> Provenance:
    sql = """WITH first AS (
  SELECT unit, min(at) AS at
  FROM exposures
  WHERE n < 3 AND a > 1
  GROUP BY unit
)
SELECT * FROM first"""
    return Provenance(
        abgap_version="0.1.0",
        study_file="abgap.toml",
        study_sha256="ab" * 32,
        inputs=tuple(
            InputFile(
                source="exposures",
                path=f"logs/exposures/day={d:02d}.parquet",
                size_bytes=1_234_567 * d,
                sha256="cd" * 32,
            )
            for d in range(1, 8)
        ),
        sources=(
            InputSource(source="exposures", rows=3_204_511, rejected=14, notes=("14 rows without a unit",)),
            InputSource(source="events", rows=18_204_000, rejected=0),
        ),
        queries=(
            QueryText(
                name="enrolments", purpose="First exposure of every unit.", sql=sql, template_sha256="ef" * 32
            ),
            QueryText(
                name="enrolment_counts", purpose="Units per arm.", sql=sql * 5, template_sha256="01" * 32
            ),
        ),
        versions={"python": "3.11.7", "duckdb": "2.0.0", "numpy": "2.4.6"},
    )


def offline_rows() -> tuple[OfflineRow, ...]:
    rows = []
    for row, (_, _, gain, *_) in enumerate(STORY):
        for metric, factor in (("ndcg@10", 1.0), ("mrr@10", 1.2)):
            for slice_name, slice_value in ((None, None), ("device", "mobile"), ("device", "desktop")):
                rows.append(
                    OfflineRow(
                        model=f"ranker-{row + 1}",
                        baseline=f"ranker-{row}",
                        metric=metric,
                        definition=f"{metric}, linear gain, ties by document id",
                        direction=Direction.UP,
                        slice_name=slice_name,
                        slice_value=slice_value,
                        n=4_000 if slice_name is None else 2_000,
                        skipped=12 if slice_name is None else 0,
                        value=0.72 + gain * factor,
                        baseline_value=0.72,
                        gain=interval(gain * factor, 0.006, "paired t"),
                        p_value=two_sided_p(gain / 0.003),
                        p_adjusted=min(1.0, two_sided_p(gain / 0.003) * 13),
                        lazy={"popularity": 0.51} if slice_name is None and metric == "ndcg@10" else {},
                    )
                )
    return tuple(rows)


def results_of(
    names: list[str],
    *,
    detailed: bool = True,
    study: str = "Search ranking 2026",
    rows: list[int] | None = None,
) -> Results:
    """One experiment per name; ``rows`` of STORY, one after the other when not given."""
    told = [row % len(STORY) for row in range(len(names))] if rows is None else rows
    parts = [experiment_parts(row, name, detailed=detailed) for row, name in zip(told, names, strict=True)]
    gaps = tuple(gap for part in parts for gap in part[2])
    headlines = [
        gap for gap in gaps if gap.offline_metric == "ndcg@10" and gap.business_metric == "revenue_per_user"
    ]
    return Results(
        study=StudySummary(
            name=study, currency="EUR", timezone="UTC", alpha=0.05, looks="fixed", seed=20260101
        ),
        generated_at="2026-09-29T00:00:00+00:00",
        provenance=provenance(),
        metrics=definitions(),
        models=tuple(
            ModelFacts(
                name=f"ranker-{n}",
                version=f"2.{n}",
                trained_until="2026-02-15",
                latency_p50_ms=250.0 + 10 * n,
            )
            for n in range(14)
        ),
        experiments=tuple(part[0] for part in parts),
        checks=(
            Check(
                name="refused_rows",
                experiment=None,
                status=Status.WARN,
                value=14,
                threshold=0.0,
                sentence="14 exposures have no unit.",
                sql=None,
            ),
            *(check for part in parts for check in part[3]),
        ),
        estimates=tuple(estimate for part in parts for estimate in part[1]),
        offline=offline_rows(),
        gaps=gaps,
        portfolio=Portfolio(
            n_experiments=len(names),
            verdicts={v.value: sum(g.verdict is v for g in headlines) for v in VerdictName},
            nine_cells=(
                NineCells(
                    offline_metric="ndcg@10",
                    business_metric="revenue_per_user",
                    counts=((1, 0, 0), (0, 1, 1), (1, 5, 3)),
                    untrustworthy=1,
                ),
            ),
            refusals=("A correlation between offline and online is not estimated by this version.",),
        ),
    )


@pytest.fixture(scope="session")
def example() -> Results:
    """A year of a search team: 13 experiments, 9 metrics, slices and days."""
    return results_of([row[0] for row in STORY])


@pytest.fixture(scope="session")
def hostile() -> Results:
    """The same with every name a user can choose made hostile."""
    return _renamed(results_of(HOSTILE, study=HOSTILE[0]))


@pytest.fixture(scope="session")
def several_arms() -> Results:
    """One experiment with two treatment arms, of which the second is the one to ship."""
    one = results_of(["rankers"])
    worse = {
        gap: replace(gap, treatment="B", verdict=V.REVERSED, sentence="B: worse online.", money_per_year=None)
        for gap in one.gaps
    }
    better = {
        gap: replace(gap, treatment="C", sentence="C: better online." if gap is one.gaps[0] else gap.sentence)
        for gap in one.gaps
    }
    experiment = replace(
        one.experiments[0],
        arms={"A": 100, "B": 101, "C": 102},
        headline="C: better online.",
        decision_reason="C: better online.",
    )
    estimates = (*one.estimates, *(replace(e, treatment="C") for e in one.estimates))
    return replace(
        one, experiments=(experiment,), estimates=estimates, gaps=(*worse.values(), *better.values())
    )


@pytest.fixture(scope="session")
def few() -> Results:
    """One experiment of every kind that looks different, for a browser."""
    rows = [0, 3, 7, 11]
    return results_of([STORY[row][0] for row in rows], rows=rows)


@pytest.fixture(scope="session")
def few_hostile() -> Results:
    """The same with hostile names."""
    rows = [0, 11]
    names = [HOSTILE[0], HOSTILE[7]]
    return _renamed(results_of(names, study=HOSTILE[0], rows=rows))


@pytest.fixture(scope="session")
def empty(example: Results) -> Results:
    """A study in which nothing was found."""
    return replace(
        example,
        provenance=replace(example.provenance, inputs=(), sources=(), queries=(), versions={}),
        study=replace(example.study, currency=None),
        metrics=(),
        models=(),
        experiments=(),
        checks=(),
        estimates=(),
        offline=(),
        gaps=(),
        portfolio=Portfolio(n_experiments=0, verdicts={}, nine_cells=(), refusals=()),
    )


@pytest.fixture(scope="session")
def not_estimable(example: Results) -> Results:
    """No number could be computed anywhere."""
    reasons = _endless(Reason)
    return replace(
        example,
        study=replace(example.study, currency=None),
        experiments=tuple(
            replace(e, arms={"A": 0, "B": 0}, start=None, end=None) for e in example.experiments
        ),
        estimates=tuple(
            replace(
                e,
                value_control=None,
                value_treatment=None,
                difference=_without(next(reasons)),
                lift=_without(next(reasons)),
                effect_size=_without(next(reasons)),
                p_value=None,
                p_adjusted=None,
                mde=None,
                power_at_smallest_worthwhile=None,
                equivalence_p=None,
                significant=False,
                non_inferiority=replace(e.non_inferiority, p_value=None, holds=False)
                if e.non_inferiority
                else None,
            )
            for e in example.estimates
        ),
        offline=tuple(
            replace(
                row,
                n=None,
                value=None,
                baseline_value=None,
                gain=_without(next(reasons)),
                p_value=None,
                p_adjusted=None,
            )
            for row in example.offline
        ),
        gaps=tuple(
            replace(
                gap,
                offline_gain=_without(next(reasons)),
                online_lift=_without(next(reasons)),
                smallest_worthwhile_lift=None,
                expected_lift=None,
                power_at_smallest_worthwhile=None,
                units_needed=None,
                weeks_needed=None,
                money_per_year=None,
                verdict=V.INCONCLUSIVE,
                funnel=tuple(
                    replace(
                        s, log_lift=None, low=None, high=None, money=None, money_low=None, money_high=None
                    )
                    for s in gap.funnel
                ),
            )
            for gap in example.gaps
        ),
    )


@pytest.fixture(scope="session")
def many() -> Results:
    """Three thousand experiments."""
    return results_of([f"experiment {n:04d}" for n in range(3_000)], detailed=False)


def _without(reason: Reason) -> NotEstimable:
    return NotEstimable(reason=reason, detail=f"because of {reason.value}")


def _endless(words: type[Reason]) -> Iterator[Reason]:
    while True:
        yield from words


def _renamed(results: Results) -> Results:
    """Metrics, arms, slices, models, sources and tags with hostile names; references stay consistent."""
    metric = {m.name: HOSTILE[place] + f" {place}" for place, m in enumerate(results.metrics)}
    offline = {"ndcg@10": HOSTILE[1] + " offline", "mrr@10": HOSTILE[3] + " offline"}
    arm = {"A": HOSTILE[0] + "A", "B": HOSTILE[3] + "B"}
    model = {f"ranker-{n}": f"{HOSTILE[n % len(HOSTILE)]} model {n}" for n in range(15)}
    return replace(
        results,
        study=replace(results.study, currency="€|<b>"),
        metrics=tuple(
            replace(m, name=metric[m.name], definition=HOSTILE[8], why=HOSTILE[5], owner=HOSTILE[1])
            for m in results.metrics
        ),
        models=tuple(replace(m, name=model[m.name], version=HOSTILE[0]) for m in results.models),
        experiments=tuple(
            replace(
                e,
                control=arm["A"],
                arms={arm[key]: n for key, n in e.arms.items()},
                models={arm[key]: model[name] for key, name in e.models.items()},
                tags=(HOSTILE[3], HOSTILE[0]),
                hypothesis=HOSTILE[5],
                headline=f"About {e.name}: {HOSTILE[1]}",
                decision_reason=HOSTILE[8],
                next_action=f"Ship {e.name}",
            )
            for e in results.experiments
        ),
        checks=tuple(replace(c, sentence=f"{c.sentence} {HOSTILE[0]} {HOSTILE[8]}") for c in results.checks),
        estimates=tuple(
            replace(
                e,
                metric=metric[e.metric],
                control=arm["A"],
                treatment=arm["B"],
                slice_name=None if e.slice_name is None else f"{e.slice_name} {HOSTILE[3]}",
                slice_value=None if e.slice_value is None else f"{e.slice_value} {HOSTILE[0]}",
                notes=(HOSTILE[1],),
            )
            for e in results.estimates
        ),
        offline=tuple(
            replace(
                row,
                model=model[row.model],
                baseline=None if row.baseline is None else model[row.baseline],
                metric=offline[row.metric],
                definition=HOSTILE[8],
                lazy={HOSTILE[0]: 0.5},
            )
            for row in results.offline
        ),
        gaps=tuple(
            replace(
                gap,
                control=arm["A"],
                treatment=arm["B"],
                offline_metric=offline[gap.offline_metric],
                business_metric=metric[gap.business_metric],
                funnel=tuple(replace(s, stage=HOSTILE[place]) for place, s in enumerate(gap.funnel)),
                notes=(HOSTILE[0],),
            )
            for gap in results.gaps
        ),
        provenance=replace(
            results.provenance,
            study_file=HOSTILE[0],
            inputs=tuple(
                replace(f, path=f"{HOSTILE[3]}/{f.path}", source=HOSTILE[1])
                for f in results.provenance.inputs
            ),
            queries=tuple(
                replace(q, purpose=HOSTILE[0], sql=f"{q.sql}\n-- ```\n-- </code></pre>{HOSTILE[0]}")
                for q in results.provenance.queries
            ),
        ),
        portfolio=replace(
            results.portfolio,
            nine_cells=tuple(
                replace(
                    c, offline_metric=offline[c.offline_metric], business_metric=metric[c.business_metric]
                )
                for c in results.portfolio.nine_cells
            ),
            refusals=(HOSTILE[8],),
        ),
    )
