"""What the report rests on: data quality, definitions, provenance and queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from abgap.records import MetricDefinition, Provenance, QueryText, Results
from abgap.report import numbers
from abgap.report.marks import VERDICT_MEANINGS, verdict_mark
from abgap.report.view.cells import cell, joined
from abgap.report.view.checks import checks_table, problems_table
from abgap.report.view.index import Index
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Fact, Group, QueryView, Table
from abgap.report.view.offline import offline_definitions

_SHORT_HASH = 16


def quality_tables(index: Index, limits: Limits, anchors: dict[str, str]) -> tuple[Table, ...]:
    """Checks of whole sources, the experiments with a problem, and the rows each source gave."""
    tables = (
        checks_table(index.checks[None], "source-checks", "Checks of the sources", limits, anchors),
        problems_table(index, limits),
        _sources(index.results.provenance, limits),
    )
    return tuple(table for table in tables if table is not None)


def _sources(provenance: Provenance, limits: Limits) -> Table | None:
    if not provenance.sources:
        return None
    kept = provenance.sources[: limits.rows]
    return Table(
        key="sources",
        caption="Rows of the sources",
        columns=(
            Column(label="Source"),
            Column(label="Rows used", kind="number"),
            Column(label="Rows refused", kind="number"),
            Column(label="Why"),
        ),
        groups=(
            Group(
                title="",
                rows=tuple(
                    (
                        Cell(text=source.source),
                        cell(numbers.count(source.rows)),
                        cell(numbers.count(source.rejected)),
                        Cell(text="; ".join(source.notes)),
                    )
                    for source in kept
                ),
            ),
        ),
        note=left_out(len(kept), len(provenance.sources), "sources"),
    )


def verdict_table(results: Results) -> Table | None:
    """What each verdict means; None for a study without verdicts."""
    if not results.gaps:
        return None
    return Table(
        key="verdicts",
        caption="The verdicts",
        columns=(Column(label="Verdict"), Column(label="When")),
        groups=(
            Group(
                title="",
                rows=tuple(
                    (Cell(mark=verdict_mark(verdict)), Cell(text=meaning))
                    for verdict, meaning in VERDICT_MEANINGS.items()
                ),
            ),
        ),
    )


def definition_tables(results: Results, limits: Limits) -> tuple[Table, ...]:
    """The online metrics with their contracts, and the offline metrics with their definitions."""
    tables = (_online_definitions(results.metrics, limits), offline_definitions(results, limits))
    return tuple(table for table in tables if table is not None)


def _online_definitions(metrics: Sequence[MetricDefinition], limits: Limits) -> Table | None:
    if not metrics:
        return None
    kept = metrics[: limits.rows]
    return Table(
        key="definitions",
        caption="Online metrics",
        columns=(
            Column(label="Metric"),
            Column(label="Definition"),
            Column(label="Better"),
            Column(label="Worthwhile from", kind="number", note="or margin"),
            Column(label="Contract"),
        ),
        groups=(Group(title="", rows=tuple(_definition(metric) for metric in kept)),),
        note=left_out(len(kept), len(metrics), "metrics"),
    )


def _definition(metric: MetricDefinition) -> tuple[Cell, ...]:
    contract = [
        f"better means: {metric.business}" if metric.business else "",
        metric.why or "",
        f"owner: {metric.owner}" if metric.owner else "",
        f"review by {metric.review_by}" if metric.review_by else "",
    ]
    border = metric.smallest_worthwhile_lift or metric.non_inferiority_margin
    kind = f"{metric.kind.value}, {metric.role.value}{', money' if metric.money else ''}"
    return (
        Cell(text=metric.name, sub=kind),
        Cell(text=metric.definition),
        Cell(text="more" if metric.direction.sign > 0 else "less"),
        cell(numbers.half_width(border)),
        Cell(text=joined(*contract, by="; ") or numbers.NOTHING),
    )


def provenance_facts(results: Results) -> tuple[Fact, ...]:
    """Study, versions and settings."""
    study, provenance = results.study, results.provenance
    versions = ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
    facts = [
        ("Data up to", results.generated_at),
        ("Study file", f"{provenance.study_file}, sha256 {provenance.study_sha256[:_SHORT_HASH]}…"),
        ("abgap", provenance.abgap_version),
        ("Versions", versions),
        ("Seed", str(study.seed)),
        ("Time zone of plain timestamps", study.timezone),
    ]
    return tuple(Fact(label=label, value=Cell(text=text)) for label, text in facts if text)


def input_tables(results: Results, limits: Limits) -> tuple[Table, ...]:
    """The input files with size and hash."""
    inputs = results.provenance.inputs
    if not inputs:
        return ()
    kept = inputs[: limits.rows // 2]
    rows = tuple(
        (
            Cell(text=file.path),
            Cell(text=file.source),
            Cell(text=numbers.size(file.size_bytes)),
            Cell(text=f"{file.sha256[:_SHORT_HASH]}…"),
        )
        for file in kept
    )
    return (
        Table(
            key="inputs",
            caption="Input files",
            columns=(
                Column(label="File"),
                Column(label="Source"),
                Column(label="Size", kind="number"),
                Column(label="sha256", kind="code", note="begins"),
            ),
            groups=(Group(title="", rows=rows),),
            note=left_out(len(kept), len(inputs), "files"),
        ),
    )


def queries_of(results: Results, limits: Limits) -> tuple[tuple[QueryView, ...], str]:
    """The statements that ran, as many as fit, and what to say of the others."""
    queries = results.provenance.queries
    of_name = Counter(query.name for query in queries)
    kept, seen, shown = _fitting(queries, limits.sql_chars), Counter[str](), []
    for place, query in enumerate(queries):
        seen[query.name] += 1
        if place not in kept:
            continue
        several = of_name[query.name] > 1
        shown.append(
            QueryView(
                anchor=f"q{place + 1}",
                name=query.name,
                label=f"{query.name}, {seen[query.name]} of {of_name[query.name]}" if several else query.name,
                purpose=query.purpose,
                sha256=query.template_sha256[:_SHORT_HASH],
                sql=query.sql,
            )
        )
    return tuple(shown), left_out(len(shown), len(queries), "queries")


def _fitting(queries: Sequence[QueryText], room: int) -> set[int]:
    """Places of the statements that fit: the first of each name before others, short ones before long ones."""
    names = [query.name for query in queries]
    order = sorted(
        range(len(queries)),
        key=lambda place: (names.index(names[place]) != place, len(queries[place].sql), place),
    )
    kept: set[int] = set()
    for place in order:
        if len(queries[place].sql) <= room:
            room -= len(queries[place].sql)
            kept.add(place)
    return kept
