"""Pictures as inline SVG, by matplotlib. Imported only when HTML is written."""

from __future__ import annotations

from functools import lru_cache

from abgap.report.charts.cumulative import draw_cumulative
from abgap.report.charts.forest import draw_forest
from abgap.report.charts.lines import draw_lines
from abgap.report.charts.scatter import draw_scatter
from abgap.report.charts.waterfall import draw_waterfall
from abgap.report.view.model import Figure
from abgap.report.view.pictures import Cumulative, Forest, Lines, Scatter

__all__ = ["draw"]


@lru_cache(maxsize=256)
def draw(figure: Figure) -> str:
    """A figure as one ``<svg>`` element; the same figure gives the same text."""
    picture, head = figure.picture, {"key": figure.key, "title": figure.title, "alt": figure.alt}
    if isinstance(picture, Forest):
        return draw_forest(picture, **head)
    if isinstance(picture, Scatter):
        return draw_scatter(picture, **head)
    if isinstance(picture, Cumulative):
        return draw_cumulative(picture, **head)
    if isinstance(picture, Lines):
        return draw_lines(picture, **head)
    return draw_waterfall(picture, **head)
