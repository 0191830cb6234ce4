"""Quality in production: every model in every arm, its metrics live and on the test set."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.records import Interval, Results, words
from abgap.records.live import LiveModel, LiveValue
from abgap.report import numbers
from abgap.report.marks import Mark
from abgap.report.view.cells import cell, joined
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Group, Table

_WORSE = Mark(tone="bad", sign="↓", word="worse live")
_BETTER = Mark(tone="good", sign="↑", word="better live")
_SAME = Mark(tone="unsure", sign="–", word="not told apart")
UNKNOWN = Mark(tone="unsure", sign="–", word="live only")


def live_tables(results: Results, limits: Limits) -> Iterator[Table]:
    """Live values beside those of the test set; nothing without live sources."""
    models = results.live_quality.models
    if not models:
        return
    kept = models[: limits.models]
    yield Table(
        key="live-quality",
        caption="In production: the same metrics on live outcomes",
        columns=(
            Column(label="Metric"),
            Column(label="Test set", kind="number"),
            Column(label="Live", kind="number", note="interval by unit"),
            Column(label="Live minus test set", kind="number"),
            Column(label="Reading", kind="mark"),
        ),
        groups=tuple(Group(title=live_title(model), rows=tuple(map(_row, whole(model)))) for model in kept),
        note=joined(
            left_out(len(kept), len(models), "models in arms"), "Slices and days are in results.json."
        ),
    )


def whole(model: LiveModel) -> list[LiveValue]:
    """The values over all requests."""
    return [value for value in model.values if value.slice_name is None]


def live_title(model: LiveModel) -> str:
    """Which model, where, and how much it served."""
    happened = "" if model.positives is None else f", {words.count(model.positives)} positive"
    return (
        f"{model.model} in {model.variant} of {model.experiment}: {words.plural(model.n, 'request')} of "
        f"{words.plural(model.units, 'unit')}{happened}{_skew(model)}"
    )


def _skew(model: LiveModel) -> str:
    if model.scores is None:
        return ""
    return f"; {words.percent(model.scores.share)} of served scores differ from the offline ones"


def live_mark(value: LiveValue) -> Mark:
    """Whether a model is worth less in production than on the test set."""
    if value.difference is None:
        return UNKNOWN
    if not isinstance(value.difference, Interval) or not value.difference.excludes_zero():
        return _SAME
    return _BETTER if value.difference.low * value.direction.sign > 0.0 else _WORSE


def shown_value(interval: object, value: float | None) -> numbers.Shown:
    """A value with its interval; without one the bare value."""
    return numbers.plain(interval) if isinstance(interval, Interval) else numbers.number(value)


def _row(value: LiveValue) -> tuple[Cell, ...]:
    return (
        Cell(text=value.metric, sub=f"n {words.count(value.n)}"),
        cell(shown_value(value.offline_interval, value.offline_value)),
        cell(shown_value(value.interval, value.value)),
        cell(numbers.gain(value.difference)),
        Cell(mark=live_mark(value)),
    )
