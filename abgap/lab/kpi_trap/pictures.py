"""Pictures of the KPI trap: where models draw their lines, what thresholds trade, what each chase gained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from scipy.special import logit

from abgap.lab.kpi_trap.cases import Cases
from abgap.lab.kpi_trap.judged import Judged, Outcome
from abgap.lab.kpi_trap.training import Logistic
from abgap.lab.kpi_trap.variants import BASELINE, TARGETS, THRESHOLD, Models, Way
from abgap.records import Interval, words
from abgap.records.predictions import PredictionCurves, ThresholdPoint
from abgap.report.charts.alone import stand_alone
from abgap.report.charts.canvas import INK, MUTED, PLACEHOLDERS, axes_in, numbered, paper
from abgap.report.charts.forest import draw_forest
from abgap.report.charts.lines import draw_lines
from abgap.report.charts.svg import inline_svg
from abgap.report.marks import Tone
from abgap.report.view.pictures import Curve, CurveMark, Forest, ForestRow, Lines

BOUNDARIES, THRESHOLDS = "boundaries.svg", "thresholds.svg"
_WIDTH, _HEIGHT = 480.0, 400.0
_REACH = (-3.0, 5.2)
_STEPS = 121
_HONEST_SHOWN = 400
_LINES: tuple[tuple[str, Tone], ...] = (
    (BASELINE, "unsure"),
    (f"accuracy-{Way.WEIGHTING}", "bonus"),
    (f"precision-{Way.WEIGHTING}", "part"),
    (f"recall-{Way.WEIGHTING}", "good"),
)
_DASHES: tuple[tuple[float, ...], ...] = ((), (6.0, 3.0), (2.0, 2.0), (8.0, 2.0, 2.0, 2.0))
_IN_POINTS = ("accuracy", "recall", "precision", "specificity", "f1", "roc_auc", "average_precision")


def chasing(target: str) -> str:
    """The file of the picture of one chase."""
    return f"chasing_{target}.svg"


def draw_all(
    models: Models, test: Cases, curves: Sequence[PredictionCurves], judged: Judged
) -> Iterator[tuple[str, str]]:
    """The name and the text of every picture."""
    yield BOUNDARIES, stand_alone(_boundaries(models.by_name, test))
    yield THRESHOLDS, stand_alone(_thresholds(next(c for c in curves if c.model == BASELINE)))
    for target in TARGETS:
        yield chasing(target), stand_alone(_chase(judged.of(target)))


def _boundaries(models: dict[str, Logistic], test: Cases) -> str:
    drawn = [(name, models[name], tone) for name, tone in _LINES]
    with paper(_WIDTH, _HEIGHT) as figure:
        axes = axes_in(figure, left=44.0, right=16.0, top=64.0, bottom=44.0)
        axes.set_xlim(_REACH)
        axes.set_ylim(_REACH)
        _cases(axes, test)
        for place, (name, model, tone) in enumerate(drawn):
            _line(axes, model, tone, place)
            _key(axes, name, place, tone=tone)
        axes.set_xlabel("distance between the addresses")
        axes.text(0.0, 1.02, "haste of the order", transform=axes.transAxes, color=MUTED)
        numbered(axes.xaxis, signed=False)
        numbered(axes.yaxis, signed=False)
        alt = (
            "Orders by two numbers; grey: honest, downward triangle: fraud at home, cross: fraud from abroad. Beyond "
            f"its line a model holds an order. {' '.join(_held(name, model, test) for name, model, _ in drawn)}"
        )
        return inline_svg(figure, key="boundaries", title="Where each model draws its line", alt=alt)


def _held(name: str, model: Logistic, test: Cases) -> str:
    held = model.probabilities(test.features) >= THRESHOLD
    of_fraud = held[test.fraud == 1.0].mean()
    of_all = words.percent(held.mean(), decimals=2)
    return f"{name} holds {of_all} of all orders and {words.percent(of_fraud)} of fraud."


def _cases(axes: Axes, test: Cases) -> None:
    honest = np.flatnonzero(test.fraud == 0.0)[:_HONEST_SHOWN]
    groups = (
        (honest, "o", 2.0, MUTED, 0.5),
        (np.flatnonzero((test.fraud == 1.0) & ~test.abroad), "v", 4.5, PLACEHOLDERS["bad"], 0.8),
        (np.flatnonzero((test.fraud == 1.0) & test.abroad), "X", 5.0, PLACEHOLDERS["void"], 0.9),
    )
    for rows, shape, size, colour, alpha in groups:
        x, y = test.features[rows].T
        shown = (x > _REACH[0]) & (x < _REACH[1]) & (y > _REACH[0]) & (y < _REACH[1])
        axes.plot(
            x[shown], y[shown], marker=shape, markersize=size, color=colour, markeredgewidth=0.0, alpha=alpha,
            linestyle="none",
        )  # fmt: skip


def _line(axes: Axes, model: Logistic, tone: Tone, place: int) -> None:
    """The border of the region that a model holds."""
    grid = np.linspace(*_REACH, _STEPS)
    x, y = np.meshgrid(grid, grid)
    logits = model.logits(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)
    border = axes.contour(
        x, y, logits, levels=[float(logit(THRESHOLD))], colors=[PLACEHOLDERS[tone]], linestyles="solid"
    )
    border.set_linewidth(2.0)
    if _DASHES[place]:
        border.set_linestyle([(0.0, _DASHES[place])])


def _key(axes: Axes, label: str, place: int, *, tone: Tone) -> None:
    x, y = 0.5 * (place % 2), 1.17 - 0.06 * (place // 2)
    axes.plot(
        [x, x + 0.06], [y, y], color=PLACEHOLDERS[tone], linewidth=2.0, dashes=_DASHES[place] or (None, None),
        clip_on=False, transform=axes.transAxes,
    )  # fmt: skip
    axes.text(x + 0.08, y, label, transform=axes.transAxes, va="center", color=INK)


def _thresholds(curves: PredictionCurves) -> str:
    points = [point for point in curves.points if point.threshold is not None][::-1]
    drawn: tuple[tuple[str, Tone], ...] = (("accuracy", "bonus"), ("recall", "good"), ("precision", "part"))
    at_declared = dict(_metrics_at(curves.declared))
    lines = []
    for name, tone in drawn:
        known = [(p.threshold, dict(_metrics_at(p))[name]) for p in points if p.threshold is not None]
        shown = [(x, y) for x, y in known if y is not None]
        y = at_declared[name]
        marks = () if y is None else (CurveMark(x=THRESHOLD, y=y, shape="o"),)
        lines.append(
            Curve(
                label=name,
                xs=tuple(x for x, _ in shown),
                ys=tuple(y for _, y in shown),
                tone=tone,
                marks=marks,
            )
        )
    said = [f"{name} {words.percent(value)}" for name, value in at_declared.items() if value is not None]
    return draw_lines(
        Lines(curves=tuple(lines), x_axis="threshold of the baseline", y_axis="value", diagonal=False),
        key="thresholds",
        title="What thresholds trade",
        alt=f"Metrics of the baseline over its threshold; at {THRESHOLD:g}: {words.listed(said)}.",
    )


def _metrics_at(point: ThresholdPoint) -> Iterator[tuple[str, float | None]]:
    right = point.true_positives + point.true_negatives
    called = point.true_positives + point.false_positives
    positives = point.true_positives + point.false_negatives
    yield "accuracy", right / (right + point.false_positives + point.false_negatives)
    yield "recall", point.true_positives / positives
    yield "precision", point.true_positives / called if called else None


def _chase(outcome: Outcome) -> str:
    rows = []
    for metric in _IN_POINTS:
        gain = outcome.row(metric).improvement
        if isinstance(gain, Interval):
            tone: Tone = "unsure"
            if outcome.row(metric) in outcome.worse:
                tone = "bad"
            elif gain.low > 0.0:
                tone = "good"
            points = gain.scaled(100.0)
            rows.append(
                ForestRow(
                    label=f"{words.label(metric)}{' (chased)' if metric == outcome.variant.target else ''}",
                    estimate=points.estimate, low=points.low, high=points.high, tone=tone,
                )
            )  # fmt: skip
    widest = max(max(abs(row.low), abs(row.high)) for row in rows) * 1.05
    said = [f"{row.label} {words.signed(row.estimate, decimals=1)}" for row in rows]
    return draw_forest(
        Forest(
            rows=tuple(rows),
            axis="change in points, against the baseline",
            limits=(-widest, widest),
            band=None,
        ),
        key=f"chasing-{outcome.variant.target.replace('_', '-')}",
        title=f"Chasing {words.label(outcome.variant.target)} by {outcome.variant.way}",
        alt=f"Change of each metric in points: {words.listed(said)}.",
    )
