"""Offline results: a panel per model with what got better and what got worse, slices, models, definitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from abgap.records import Direction, Interval, OfflineRow, Results, words
from abgap.report import numbers, remarks
from abgap.report.marks import offline_reading
from abgap.report.offline_rows import Pair, by_pair, pair_title, slice_title
from abgap.report.view.cells import bar_of, cell, joined, reach_of, whole_sentence
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Group, Table

_MOST_NAMED = 3
_LEGEND = (
    "Hollow: the baseline. Filled: the model, its change in percent of the baseline, on one scale for all metrics of a "
    "model. The pale line behind it is the interval."
)
_READINGS = ("better", "worse", "not established")
_LAZY = Column(label="Best lazy", kind="number", note="skill over it")
_METRIC_COLUMNS = (
    Column(label="Metric"),
    Column(label="Baseline", kind="number"),
    Column(label="← worse, better →", kind="bar"),
    Column(label="Model", kind="number"),
    Column(label="Difference", kind="number"),
    _LAZY,
    Column(label="p adjusted", kind="number"),
    Column(label="Reading", kind="mark"),
)


def offline_panels(results: Results, limits: Limits) -> Table | None:
    """A panel per model and baseline, in the order of the results: a dumbbell for each metric, beside its numbers."""
    pairs = _pairs(results)
    if not pairs:
        return None
    kept = list(pairs.items())[: limits.models]
    with_lazy = any(row.lazy for _, rows in kept for row in rows)
    alpha = results.study.alpha
    return Table(
        key="offline",
        caption="What got better and what got worse: every model against its baseline",
        columns=tuple(column for column in _METRIC_COLUMNS if with_lazy or column is not _LAZY),
        groups=tuple(_panel(pair, rows, alpha=alpha, with_lazy=with_lazy) for pair, rows in kept),
        note=joined(
            _LEGEND if any(baseline is not None for (_, baseline), _ in kept) else "",
            left_out(len(kept), len(pairs), "comparisons of models"),
        ),
    )


def offline_remarks(results: Results, limits: Limits) -> tuple[str, ...]:
    """What is to be known beside the numbers of the panels, each remark once with what it is about."""
    about: dict[str, list[str]] = {}
    for rows in list(_pairs(results).values())[: limits.models]:
        for row in rows:
            for note in remarks.offline_remarks(row):
                about.setdefault(note, []).append(f"{row.metric} of {row.model}")
    return tuple(
        f"{words.listed(named[:_MOST_NAMED])}{_and_more(len(named) - _MOST_NAMED)}: {whole_sentence(note)}"
        for note, named in about.items()
    )


def _and_more(n: int) -> str:
    return f" and {words.count(n)} more" if n > 0 else ""


def _pairs(results: Results) -> dict[Pair, list[OfflineRow]]:
    return by_pair(row for row in results.offline if row.slice_name is None)


def _panel(pair: Pair, rows: Sequence[OfflineRow], *, alpha: float, with_lazy: bool) -> Group:
    tally = Counter(offline_reading(row, alpha=alpha).word for row in rows)
    said = joined(*(f"{tally[word]} {word}" for word in _READINGS if tally[word]), by=", ")
    reach = reach_of([_in_percent(row) for row in rows])
    return Group(
        title=joined(pair_title(pair), said, by=": "),
        rows=tuple(_metric_row(row, reach, alpha=alpha, with_lazy=with_lazy) for row in rows),
    )


def _metric_row(row: OfflineRow, reach: float, *, alpha: float, with_lazy: bool) -> tuple[Cell, ...]:
    baseline, value = numbers.two_values(row.baseline_value, row.value)
    reading = offline_reading(row, alpha=alpha)
    bar = bar_of(_in_percent(row), reach=reach, band=None, tone=reading.tone, dumbbell=True)
    return (
        Cell(text=row.metric, sub=_beside_metric(row)),
        cell(baseline),
        Cell(bar=bar),
        cell(value),
        cell(numbers.gain(row.gain, face_value=row.difference)),
        *((_lazy(row),) if with_lazy else ()),
        cell(numbers.p_value(row.p_adjusted)),
        Cell(mark=reading),
    )


def _beside_metric(row: OfflineRow) -> str:
    n = "" if row.n is None else f"n {words.count(row.n)}"
    left = f"{words.count(row.skipped)} left out" if row.skipped else ""
    return joined(_way(row), n, left, by=", ")


def _way(row: OfflineRow) -> str:
    if row.nearest_to is not None:
        return f"nearer to {row.nearest_to:g} is better"
    return "less is better" if row.direction is Direction.DOWN else ""


def _lazy(row: OfflineRow) -> Cell:
    """The best predictor that learnt nothing, and what the model has over it."""
    best = row.best_lazy
    if best is None:
        return Cell(text=numbers.NOTHING)
    skill = "" if row.skill is None else f", skill {words.percent(row.skill)}"
    return Cell(text=numbers.number(row.lazy[best]).text, sub=f"{best}{skill}")


def _improvement(row: OfflineRow) -> Interval | None:
    better = row.improvement
    return better if isinstance(better, Interval) else None


def _in_percent(row: OfflineRow) -> Interval | None:
    """The gain in percent of the baseline, better is positive; None where there is no interval, or nothing to share."""
    gain, base = _improvement(row), row.baseline_value
    return gain.scaled(100.0 / abs(base)) if gain is not None and base else None


def offline_slices(results: Results, limits: Limits) -> Table | None:
    """Every model against its baseline by slice, of very many first where it got worse; None without slices."""
    rows = [row for row in results.offline if row.slice_name is not None]
    if not rows:
        return None
    alpha = results.study.alpha
    worst_first = sorted(range(len(rows)), key=lambda i: (not _got_worse(rows[i], alpha), i))
    kept = [rows[i] for i in sorted(worst_first[: limits.offline_slices])]
    metrics = list(dict.fromkeys(row.metric for row in kept))
    return Table(
        key="offline-slices",
        caption="Offline evaluation by slice, exploratory, adjusted",
        columns=(
            Column(label="Slice"),
            Column(label="n", kind="number", note="compared"),
            Column(label="Baseline", kind="number"),
            Column(label="Model", kind="number"),
            Column(label="Difference", kind="number"),
            Column(label="← worse, better →", kind="bar"),
            Column(label="p adjusted", kind="number"),
            Column(label="Reading", kind="mark"),
        ),
        groups=tuple(
            _slice_group(metric, [row for row in kept if row.metric == metric], alpha=alpha)
            for metric in metrics
        ),
        note=left_out(len(kept), len(rows), "rows"),
    )


def _got_worse(row: OfflineRow, alpha: float) -> bool:
    change = row.improvement
    established = row.p_adjusted is not None and row.p_adjusted < alpha
    return established and isinstance(change, Interval) and change.high < 0.0


def _slice_group(metric: str, rows: Sequence[OfflineRow], *, alpha: float) -> Group:
    reach = reach_of([_improvement(row) for row in rows])
    return Group(title=metric, rows=tuple(_slice_row(row, reach, alpha=alpha) for row in rows))


def _slice_row(row: OfflineRow, reach: float, *, alpha: float) -> tuple[Cell, ...]:
    reading = offline_reading(row, alpha=alpha)
    baseline, value = numbers.two_values(row.baseline_value, row.value)
    return (
        Cell(
            text=slice_title(row),
            sub=pair_title((row.model, row.baseline)),
        ),
        cell(numbers.count(row.n), sub=f"{words.count(row.skipped)} left out" if row.skipped else ""),
        cell(baseline),
        cell(value),
        cell(numbers.gain(row.gain, face_value=row.difference)),
        Cell(bar=bar_of(_improvement(row), reach=reach, band=None, tone=reading.tone)),
        cell(numbers.p_value(row.p_adjusted)),
        Cell(mark=reading),
    )


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
