"""Offline results: every model against its baseline, what is known of the models, how the metrics are defined."""

from __future__ import annotations

from collections.abc import Sequence

from abgap.records import Interval, OfflineRow, Results, words
from abgap.report import numbers
from abgap.report.marks import Tone
from abgap.report.view.cells import bar_of, cell, joined, reach_of
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Group, Table


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
        Cell(text=row.model, sub=joined(_against(row), part, _lazy(row), by=", ")),
        cell(numbers.count(row.n), sub=f"{words.count(row.skipped)} left out" if row.skipped else ""),
        cell(numbers.number(row.baseline_value)),
        cell(numbers.number(row.value)),
        cell(numbers.gain(row.gain, face_value=difference)),
        Cell(bar=bar_of(interval, reach=reach, band=None, tone=tone)),
        cell(numbers.p_value(row.p_value)),
        cell(numbers.p_value(row.p_adjusted)),
    )


def _against(row: OfflineRow) -> str:
    return "" if row.baseline is None else f"against {row.baseline}"


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


def offline_definitions(results: Results, limits: Limits) -> Table | None:
    """The definition of every offline metric; None when there is none."""
    definitions = {row.metric: row.definition for row in reversed(results.offline)}
    if not definitions:
        return None
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
