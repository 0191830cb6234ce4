"""Whole results of experiments made by hand, with what else a report shows."""

from __future__ import annotations

from abgap.records import (
    Check,
    Direction,
    InputFile,
    InputSource,
    MetricDefinition,
    ModelFacts,
    OfflineRow,
    Provenance,
    QueryText,
    Results,
    Role,
    Status,
    StudySummary,
)
from tests.report.made_experiments import METRICS, STORY, experiment_parts, interval, two_sided_p
from tests.report.made_portfolio import portfolio_of
from tests.report.made_reasons import with_reasons


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
    gaps = tuple(with_reasons(gap) for part in parts for gap in part[2])
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
        portfolio=portfolio_of(names, told),
    )
