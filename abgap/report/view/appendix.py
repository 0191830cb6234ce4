"""What the report rests on: offline results, models, data quality, definitions, provenance and queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from abgap.records import Interval, MetricDefinition, OfflineRow, Provenance, Results, words
from abgap.report import numbers
from abgap.report.marks import VERDICT_MEANINGS, Tone, verdict_mark
from abgap.report.view.cells import bar_of, cell, joined, reach_of
from abgap.report.view.checks import checks_table, problems_table
from abgap.report.view.index import Index
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Fact, Group, QueryView, Table

_SHORT_HASH = 16


def offline_tables(results: Results, limits: Limits) -> tuple[Table, ...]:
    """Every model against its baseline; slices in a table of their own."""
    whole = [row for row in results.offline if row.slice_name is None]
    sliced = [row for row in results.offline if row.slice_name is not None]
    tables = (
        _offline_table(whole, "offline", "Offline evaluation: every model against its baseline", limits),
        _offline_table(
            sliced, "offline-slices", "Offline evaluation by slice, exploratory, adjusted", limits
        ),
    )
    return tuple(table for table in tables if table is not None)


def _offline_table(rows: Sequence[OfflineRow], key: str, caption: str, limits: Limits) -> Table | None:
    if not rows:
        return None
    kept = rows[: limits.rows]
    metrics = list(dict.fromkeys(row.metric for row in kept))
    return Table(
        key=key,
        caption=caption,
        columns=(
            Column(label="Model"),
            Column(label="n", kind="number", note="compared"),
            Column(label="Baseline", kind="number"),
            Column(label="Model", kind="number"),
            Column(label="Difference", kind="number"),
            Column(label="← worse, better →", kind="bar"),
            Column(label="p", kind="number"),
            Column(label="p adjusted", kind="number"),
        ),
        groups=tuple(
            _offline_group(metric, [row for row in kept if row.metric == metric]) for metric in metrics
        ),
        note=left_out(len(kept), len(rows), "rows"),
    )


def _offline_group(metric: str, rows: Sequence[OfflineRow]) -> Group:
    reach = reach_of([_turned(row) for row in rows])
    return Group(title=metric, rows=tuple(_offline_row(row, reach) for row in rows))


def _offline_row(row: OfflineRow, reach: float) -> tuple[Cell, ...]:
    interval = _turned(row)
    tone: Tone = "unsure"
    if interval is not None and interval.excludes_zero():
        tone = "good" if interval.low > 0.0 else "bad"
    difference = None
    if row.value is not None and row.baseline_value is not None:
        difference = row.value - row.baseline_value
    part = "" if row.slice_name is None else f"{row.slice_name} = {row.slice_value or 'not known'}"
    return (
        Cell(text=row.model, sub=joined(f"against {row.baseline}", part, _lazy(row), by=", ")),
        cell(numbers.count(row.n), sub=f"{words.count(row.skipped)} left out" if row.skipped else ""),
        cell(numbers.number(row.baseline_value)),
        cell(numbers.number(row.value)),
        cell(numbers.gain(row.gain, face_value=difference)),
        Cell(bar=bar_of(interval, reach=reach, band=None, tone=tone)),
        cell(numbers.p_value(row.p_value)),
        cell(numbers.p_value(row.p_adjusted)),
    )


def _turned(row: OfflineRow) -> Interval | None:
    if not isinstance(row.gain, Interval):
        return None
    return row.gain.flipped() if row.direction.sign < 0 else row.gain


def _lazy(row: OfflineRow) -> str:
    return ", ".join(f"lazy {name} {numbers.number(value).text}" for name, value in row.lazy.items())


def models_table(results: Results, limits: Limits) -> Table | None:
    """What the study says of the models."""
    if not results.models:
        return None
    kept = results.models[: limits.rows]
    rows = [
        (
            Cell(text=model.name, sub=f"version {model.version}" if model.version else ""),
            Cell(text=model.trained_until or numbers.NOTHING),
            cell(numbers.measured(model.latency_p50_ms)),
            cell(numbers.measured(model.latency_p95_ms)),
            cell(numbers.measured(model.cost_per_1000_requests)),
        )
        for model in kept
    ]
    return Table(
        key="models",
        caption="Models",
        columns=(
            Column(label="Model"),
            Column(label="Trained until"),
            Column(label="Latency p50", kind="number", note="ms"),
            Column(label="Latency p95", kind="number", note="ms"),
            Column(label="Cost per 1,000 requests", kind="number", note=results.study.currency or ""),
        ),
        groups=(Group(title="", rows=tuple(rows)),),
        note=left_out(len(kept), len(results.models), "models"),
    )


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


def verdict_table() -> Table:
    """What each verdict means."""
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
    offline = {row.metric: row.definition for row in reversed(results.offline)}
    tables = []
    if results.metrics:
        tables.append(_online_definitions(results.metrics, limits))
    if offline:
        tables.append(_offline_definitions(offline, limits))
    return tuple(tables)


def _online_definitions(metrics: Sequence[MetricDefinition], limits: Limits) -> Table:
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


def _offline_definitions(definitions: dict[str, str], limits: Limits) -> Table:
    names = list(dict.fromkeys(reversed(definitions)))[: limits.rows]
    return Table(
        key="offline-definitions",
        caption="Offline metrics",
        columns=(Column(label="Metric"), Column(label="Definition")),
        groups=(
            Group(title="", rows=tuple((Cell(text=name), Cell(text=definitions[name])) for name in names)),
        ),
        note=left_out(len(names), len(definitions), "metrics"),
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
    room, shown = limits.sql_chars, []
    queries = results.provenance.queries
    of_name = Counter(query.name for query in queries)
    seen: Counter[str] = Counter()
    for place, query in enumerate(queries, start=1):
        seen[query.name] += 1
        if len(query.sql) > room:
            continue
        room -= len(query.sql)
        several = of_name[query.name] > 1
        shown.append(
            QueryView(
                anchor=f"q{place}",
                name=query.name,
                label=f"{query.name}, {seen[query.name]} of {of_name[query.name]}" if several else query.name,
                purpose=query.purpose,
                sha256=query.template_sha256[:_SHORT_HASH],
                sql=query.sql,
            )
        )
    return tuple(shown), left_out(len(shown), len(queries), "queries")
