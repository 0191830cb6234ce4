"""What scores are worth over all thresholds: precision against recall, probabilities against what happened."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.records import Results, words
from abgap.records.predictions import PredictionCurves, ThresholdPoint
from abgap.report import numbers
from abgap.report.marks import Tone
from abgap.report.view.cells import cell
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Figure, Group, Table
from abgap.report.view.pictures import Curve, CurveMark, Lines

_MOST_DRAWN = 4
_TONES: tuple[Tone, ...] = ("unsure", "good", "bonus", "part")


def curve_figures(results: Results) -> tuple[Figure, ...]:
    """Precision against recall, and calibration, of the first models; nothing without curves."""
    drawn = results.curves[:_MOST_DRAWN]
    more = f" The first {_MOST_DRAWN} models are drawn." if len(results.curves) > _MOST_DRAWN else ""
    figures = []
    if drawn:
        figures.append(
            Figure(
                key="precision-recall",
                title="Precision and recall over all thresholds",
                caption=f"Dot: the declared threshold. Triangle: where errors cost least.{more}",
                alt=_points_in_words(drawn),
                picture=Lines(
                    curves=tuple(_trade_off(curves, place) for place, curves in enumerate(drawn)),
                    x_axis="recall: share of the positives that are found",
                    y_axis="precision: share of the alarms that are right",
                    diagonal=False,
                ),
            )
        )
    calibrated = [(place, curves) for place, curves in enumerate(drawn) if curves.calibration]
    if calibrated:
        figures.append(
            Figure(
                key="calibration",
                title="Calibration",
                caption=f"On the thin line a probability says how often it happens. Bars: Wilson's interval.{more}",
                alt="Share of positives by predicted probability, with intervals, for "
                + words.listed([curves.model for _, curves in calibrated]),
                picture=Lines(
                    curves=tuple(_calibration(curves, place) for place, curves in calibrated),
                    x_axis="mean predicted probability",
                    y_axis="share that is positive",
                    diagonal=True,
                ),
            )
        )
    return tuple(figures)


def _trade_off(curves: PredictionCurves, place: int) -> Curve:
    points = [point for point in curves.points if point.true_positives + point.false_positives > 0]
    marks = [(curves.declared, "o"), (curves.cheapest, "^")]
    return Curve(
        label=curves.model,
        xs=tuple(_recall(point) for point in points),
        ys=tuple(_precision(point) for point in points),
        marks=tuple(
            CurveMark(x=_recall(point), y=_precision(point), shape=shape)
            for point, shape in marks
            if point is not None and point.true_positives + point.false_positives > 0
        ),
        tone=_TONES[place],
    )


def _calibration(curves: PredictionCurves, place: int) -> Curve:
    bins = curves.calibration
    return Curve(
        label=curves.model,
        xs=tuple(each.mean_probability for each in bins),
        ys=tuple(each.positives.estimate for each in bins),
        lows=tuple(each.positives.low for each in bins),
        highs=tuple(each.positives.high for each in bins),
        tone=_TONES[place],
    )


def _recall(point: ThresholdPoint) -> float:
    return point.true_positives / (point.true_positives + point.false_negatives)


def _precision(point: ThresholdPoint) -> float:
    return point.true_positives / (point.true_positives + point.false_positives)


def _points_in_words(drawn: tuple[PredictionCurves, ...]) -> str:
    return "; ".join(
        f"{curves.model} finds {words.percent(_recall(curves.declared))} of the positives at its threshold"
        for curves in drawn
    )


def threshold_tables(results: Results, limits: Limits) -> Iterator[Table]:
    """Decisions at the declared threshold, and at the one where errors cost least."""
    if not results.curves:
        return
    kept = results.curves[: limits.models]
    yield Table(
        key="thresholds",
        caption="Decisions by threshold",
        columns=(
            Column(label="Threshold"),
            Column(label="At least", kind="number"),
            Column(label="Found", kind="number", note="of the positives"),
            Column(label="Missed", kind="number"),
            Column(label="False alarms", kind="number"),
            Column(label="Precision", kind="number"),
        ),
        groups=tuple(Group(title=curves.model, rows=tuple(_rows(curves))) for curves in kept),
        note=left_out(len(kept), len(results.curves), "models"),
    )


def _rows(curves: PredictionCurves) -> Iterator[tuple[Cell, ...]]:
    yield _row("declared", curves.declared, curves)
    if curves.cheapest is not None:
        cost = "" if curves.cost is None else f", {numbers.number(curves.cost).text} per example"
        yield _row(f"errors cost least{cost}", curves.cheapest, curves)


def _row(name: str, point: ThresholdPoint, curves: PredictionCurves) -> tuple[Cell, ...]:
    alarms = point.true_positives + point.false_positives
    precision = numbers.number(point.true_positives / alarms) if alarms else numbers.missing("no alarms")
    return (
        Cell(text=name),
        cell(numbers.missing("nobody") if point.threshold is None else numbers.number(point.threshold)),
        cell(numbers.count(point.true_positives), sub=words.percent(point.true_positives / curves.positives)),
        cell(numbers.count(point.false_negatives)),
        cell(numbers.count(point.false_positives)),
        cell(precision),
    )
