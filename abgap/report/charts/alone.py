"""A picture of the report as a file of its own: with the namespace and the colours that the page would give it."""

from __future__ import annotations

import re

from abgap.report.charts.canvas import PLACEHOLDERS
from abgap.resources import folder

_VARIABLES = re.compile(
    r":root \{[^}]*\}|@media screen and \(prefers-color-scheme: dark\) \{\s*:root \{[^}]*\}\s*\}"
)


def stand_alone(svg: str) -> str:
    """An ``<svg>`` element made by ``inline_svg`` as the text of an SVG file, in light and in dark."""
    sheet = (folder("templates") / "style.css").read_text(encoding="utf-8")
    rules = [
        *_VARIABLES.findall(sheet),
        "svg { font: 12px var(--sans); background: var(--paper); } text { fill: var(--muted); }",
        "svg > path { fill: none; }",
        *(
            f".f-{name} {{ fill: var(--{name}); }} .s-{name} {{ stroke: var(--{name}); }}"
            for name in PLACEHOLDERS
        ),
    ]
    head, body = svg.split(">", maxsplit=1)
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{" ".join(rules)}</style>{body}\n'
