"""The report as one HTML file: no script, no network, pictures inline."""

from __future__ import annotations

import html
import re
from functools import cache

from jinja2 import Environment
from markupsafe import Markup

from abgap.records import Results
from abgap.report.charts import draw
from abgap.report.charts.canvas import PLACEHOLDERS
from abgap.report.templates import environment
from abgap.report.text import fit, one_line
from abgap.report.view import LADDER, MOST_BYTES, ReportView, view_of
from abgap.report.view.headings import HEADINGS
from abgap.report.view.model import Figure

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
# sign of a mark -> name of its shape
_ICONS = {
    "✓": "check",
    "◐": "half",
    "↑": "up",
    "=": "equal",
    "↓": "down",
    "✕": "cross",
    "○": "ring",
    "?": "question",
    "!": "alert",
    "…": "dots",
    "–": "dash",
}
_SHAPES = {
    "check": '<path d="M3 8.5 6.5 12 13 4.5"/>',
    "half": '<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5a5.5 5.5 0 0 1 0 11z" fill="currentColor"/>',
    "up": '<path d="M8 13.5v-11M3.5 7 8 2.5 12.5 7"/>',
    "equal": '<path d="M3 5.5h10M3 10.5h10"/>',
    "down": '<path d="M8 2.5v11M3.5 9 8 13.5 12.5 9"/>',
    "cross": '<path d="m3.5 3.5 9 9m0-9-9 9"/>',
    "ring": '<circle cx="8" cy="8" r="5"/>',
    "question": '<path d="M5 5.6a3 3 0 1 1 4.3 2.7C8.4 8.8 8 9.3 8 10.2M8 13.4v.1"/>',
    "alert": '<path d="M8 2.5v7.2M8 13.4v.1"/>',
    "dots": '<path d="M3 8v.1M8 8v.1M13 8v.1" stroke-width="2.6"/>',
    "dash": '<path d="M3 8h10"/>',
}
# Most columns are numbers, so a number needs no class.
_COLUMN_CLASSES = {
    "number": "",
    "text": ' class="t"',
    "bar": ' class="bar"',
    "code": ' class="t code"',
    "mark": ' class="m"',
}


_BAR_WIDTH = 136.0  # as in the stylesheet


def render_html(view: ReportView) -> str:
    """The view as a complete HTML document."""
    return html_environment().get_template("report.html.j2").render(view=view, say=HEADINGS)


def fitting(results: Results) -> tuple[ReportView, str]:
    """The fullest view whose HTML stays below ``MOST_BYTES``, and that HTML."""
    for limits in LADDER:
        view = view_of(results, limits)
        text = render_html(view)
        if len(text.encode()) <= MOST_BYTES:
            break
    return view, text


@cache
def html_environment() -> Environment:
    """The templates of HTML pages: every text is escaped, pictures and styles are at hand."""
    made = environment(lambda text: html.escape(one_line(text)))
    made.globals |= {
        "icons": _ICONS,
        "shapes": {name: _safe(path) for name, path in _SHAPES.items()},
        "classes": {kind: _safe(text) for kind, text in _COLUMN_CLASSES.items()},
        "stylesheet": _safe(_stylesheet(made)),
        "draw": _draw,
    }
    made.filters |= {"code": _code, "dated": _dated, "px": _pixels}
    return made


def _stylesheet(made: Environment) -> str:
    text = made.get_template("style.css").render(colours=PLACEHOLDERS)
    return " ".join(_COMMENT.sub("", text).split())


def _draw(figure: Figure) -> Markup:
    return _safe(draw(figure))


def _pixels(percent: float) -> str:
    """A place in a bar, in the pixels of its cell."""
    return f"{percent * _BAR_WIDTH / 100.0:.3g}"


def _dated(text: str) -> Markup:
    """Text whose dates stay in one piece."""
    return _safe(_DATE.sub(r'<span class="d">\g<0></span>', html.escape(one_line(text))))


def _code(text: str) -> Markup:
    """Text whose lines matter."""
    return _safe(html.escape(fit(text), quote=False))


def _safe(text: str) -> Markup:
    """Mark a text of our own making as HTML."""
    return Markup(text)  # noqa: S704 - called with literals above and with escaped text only
