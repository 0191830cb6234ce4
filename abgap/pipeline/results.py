"""Puts the findings of all stages together into the one record that reports are made of."""

from __future__ import annotations

from collections.abc import Iterable

from abgap import __version__
from abgap.offline.trackers.runs import KEY as TRACKER
from abgap.online.reach import exposed_days
from abgap.pipeline.analysis import Analysis
from abgap.pipeline.model_facts import facts_of_models
from abgap.pipeline.provenance import hash_files, versions
from abgap.pipeline.stages import relation_rows
from abgap.records import (
    InputSource,
    MetricDefinition,
    Provenance,
    Results,
    StudySummary,
)
from abgap.study.model import Metric
from abgap.study.words import metric_definition


def make_results(analysis: Analysis, *, generated_at: str | None = None) -> Results:
    """Everything the study says.

    generated_at: what to print as date; the latest moment in the data when None.
    """
    study = analysis.study
    gaps, checks = analysis.diagnosed, analysis.thorough_checks
    return Results(
        study=StudySummary(
            name=study.study.name,
            currency=study.study.currency,
            timezone=study.study.timezone,
            alpha=study.study.alpha,
            looks=study.study.looks,
            seed=study.study.seed,
            lift_interval=study.study.lift_interval,
        ),
        generated_at=generated_at or _latest_moment(analysis),
        provenance=_provenance(analysis),
        metrics=tuple(_definition(name, metric) for name, metric in study.metrics.items()),
        models=tuple(facts_of_models(analysis.offline.models).values()),
        experiments=gaps.experiments,
        checks=checks,
        estimates=analysis.estimates,
        offline=analysis.offline.rows,
        gaps=gaps.gaps,
        portfolio=analysis.portfolio.found,
        heterogeneity=analysis.heterogeneity,
        trends=analysis.trends,
        offline_history=analysis.offline.history,
        offline_sweeps=analysis.offline.sweeps,
        confusions=analysis.offline.confusions,
        counterfactual=analysis.offline.counterfactual,
        positions=analysis.offline.positions,
        curves=analysis.offline.curves,
        live_quality=analysis.live.quality,
    )


def _latest_moment(analysis: Analysis) -> str | None:
    """The data's own date, so that the same inputs give the same bytes."""
    wide = analysis.wide
    found: list[str | None] = [e.end for e in analysis.gaps.experiments]
    if analysis.data_until is not None and wide is None:
        found.append(str(analysis.data_until))
    elif wide is None or wide.enrolment_counts is None:
        found += [str(days[1]) for days in map(exposed_days, analysis.counts.values()) if days is not None]
    else:
        found += [intake.last_at for intake in wide.intakes]
        found += list(wide.enrolment_counts["last_at"])
    return max((text.replace(" ", "T") for text in found if isinstance(text, str)), default=None)


def _provenance(analysis: Analysis) -> Provenance:
    loaded = analysis.loaded
    relations = analysis.relations
    analysis.progress("hashing inputs")
    files = [
        file
        for key, r in relations.items()
        for file in hash_files(key, r.files, loaded.directory, analysis.stages.hashes)
    ]
    files += hash_files(TRACKER, analysis.offline.tracker_files, loaded.directory, analysis.stages.hashes)
    return Provenance(
        abgap_version=__version__,
        study_file=loaded.file.name,
        study_sha256=loaded.text_sha256,
        inputs=tuple(files),
        sources=tuple(_sources(analysis)),
        queries=analysis.engine.record.texts,
        versions=versions(),
    )


def _sources(analysis: Analysis) -> Iterable[InputSource]:
    for key, relation in analysis.relations.items():
        yield analysis.stages.rows.get(key) or relation_rows(analysis.engine, key, relation)
    tracked = analysis.offline.tracked
    if tracked.seen:
        yield InputSource(source=TRACKER, rows=tracked.seen, rejected=sum(tracked.left_out.values()))


def _definition(name: str, metric: Metric) -> MetricDefinition:
    return MetricDefinition(
        name=name,
        kind=metric.kind,
        role=metric.role,
        direction=metric.direction,
        definition=metric_definition(name, metric),
        money=metric.money,
        smallest_worthwhile_lift=metric.smallest_worthwhile_lift,
        non_inferiority_margin=metric.non_inferiority_margin,
        business=metric.business,
        business_if_worse=metric.business_if_worse,
        why=metric.why,
        owner=metric.owner,
        review_by=None if metric.review_by is None else metric.review_by.isoformat(),
    )
