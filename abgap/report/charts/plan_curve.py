"""What a test would detect, week by week: a curve per metric, as an SVG file that stands alone."""

from __future__ import annotations

from collections.abc import Sequence

from abgap.records.planning import PlannedMetric, PlannedOption, TestPlan
from abgap.records.words import percent
from abgap.report.charts.alone import stand_alone
from abgap.report.charts.canvas import INK, PLACEHOLDERS, axes_in, numbered, paper, short
from abgap.report.charts.svg import inline_svg

_WIDTH, _HEIGHT = 560.0, 300.0
_MOST_METRICS = 6
# A line of text, as a part of the height of the axes.
_LINE = 0.065
_COLOURS = ("bonus", "good", "bad", "part", "void", "flat")


def draw_plan(plan: TestPlan) -> str:
    """The picture as the text of an SVG file: the first metrics that have a curve, as they are declared."""
    drawn = [m for m in plan.metrics if m.option is PlannedOption.AS_DECLARED and _points(m)][:_MOST_METRICS]
    with paper(_WIDTH, _HEIGHT) as figure:
        axes = axes_in(figure, left=52.0, right=150.0, top=28.0, bottom=40.0)
        ends = _apart(
            [_points(metric)[-1][1] for metric in drawn], max(y for m in drawn for _, y in _points(m))
        )
        for metric, name, end in zip(drawn, _COLOURS, ends, strict=False):
            points, colour = _points(metric), PLACEHOLDERS[name]
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=2.0, marker="o", markersize=4.0)
            axes.annotate(
                short(metric.metric, 20), (points[-1][0], end), xytext=(8, 0), textcoords="offset points",
                color=INK, annotation_clip=False, verticalalignment="center",
            )  # fmt: skip
        axes.set_ylim(bottom=0.0)
        weeks = sorted({week for metric in drawn for week, _ in _points(metric)})
        axes.set_xticks(weeks, [str(week) for week in weeks])
        numbered(axes.yaxis, most=5)
        axes.set_xlabel("weeks")
        head = f"effect found with a power of {percent(plan.power, decimals=0)}, in percent of control"
        axes.text(0.0, 1.05, head, transform=axes.transAxes)
        alt = "; ".join(_in_words(metric) for metric in drawn)
        return stand_alone(inline_svg(figure, key="plan", title="Detectable effects by week", alt=alt))


def _apart(heights: Sequence[float], top: float) -> list[float]:
    """Heights of labels that do not lie on one another, in the order of the curves."""
    placed = dict.fromkeys(range(len(heights)), 0.0)
    last = -top
    for i in sorted(placed, key=heights.__getitem__):
        last = max(heights[i], last + _LINE * top)
        placed[i] = last
    return list(placed.values())


def _points(metric: PlannedMetric) -> list[tuple[int, float]]:
    return [(week.week, 100.0 * week.detectable) for week in metric.by_week if week.detectable is not None]


def _in_words(metric: PlannedMetric) -> str:
    return f"{metric.metric}: " + ", ".join(f"{size:.2g} % in week {week}" for week, size in _points(metric))
