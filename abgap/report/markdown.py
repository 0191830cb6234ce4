"""The report as Markdown in the GitHub flavour: the same words and numbers, without the pictures.

A text chosen by a user must stay text: it may not become a cell border, a tag, a link, a heading, a formula or a
mention. All of it is escaped before it is inserted; underscores inside words stay readable, as they mean nothing there.
"""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment
from markupsafe import Markup

from abgap.report.templates import environment
from abgap.report.text import fit, one_line
from abgap.report.view import ReportView
from abgap.report.view.headings import HEADINGS
from abgap.report.view.model import Column

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SPECIAL = re.compile(r"[\\`*\[\]|#$~]|!(?=\[)|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
# The brackets of an interval are ours, unless what follows could make them a link.
_INTERVAL = re.compile(r"(\[[+\u2212]?[\d.,]*\d, [+\u2212]?[\d.,]*\d\](?![(\[:]))")
_MENTION = re.compile(r"@(?=[A-Za-z])")
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|www|xmpp|mailto)([:.])")
_LIST_MARKER = re.compile(r"^(?:([-+])(?=[\s-]|$)|(\d+)([.)])(?=\s|$))")
_BACKTICKS = re.compile(r"`+")


def render_markdown(view: ReportView) -> str:
    """The view as a Markdown document."""
    text = markdown_environment().get_template("report.md.j2").render(view=view, say=HEADINGS)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escaped(text: str) -> str:
    """A text on one line that Markdown shows as it is, wherever it stands."""
    parts = _INTERVAL.split(one_line(text))
    plain = "".join(part if place % 2 else _without_markup(part) for place, part in enumerate(parts))
    return _LIST_MARKER.sub(_without_list, plain)


def _without_markup(text: str) -> str:
    plain = "".join(_ENTITIES.get(character, character) for character in text)
    plain = _SPECIAL.sub(lambda match: f"\\{match.group()}", plain)
    plain = _MENTION.sub("&#64;", plain)
    return _ADDRESS.sub(lambda match: f"{match.group(1)}&#{ord(match.group(2))};", plain)


def _without_list(match: re.Match[str]) -> str:
    if match.group(1):
        return f"\\{match.group(1)}"
    return f"{match.group(2)}\\{match.group(3)}"


@cache
def markdown_environment() -> Environment:
    """The templates of Markdown pages: every text is escaped."""
    made = environment(escaped)
    made.filters |= {"printed": _printed, "fenced": _fenced}
    return made


def _printed(columns: tuple[Column, ...]) -> list[int]:
    """The places of the columns that text can show."""
    return [place for place, column in enumerate(columns) if column.kind != "bar"]


def _fenced(sql: str) -> Markup:
    """A code block that no run of backticks in the text can close."""
    longest = max((len(run) for run in _BACKTICKS.findall(sql)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}sql\n{fit(sql)}\n{fence}")  # noqa: S704 - inside the fence nothing is markup
