"""The template engine of the report: where templates are, and that nothing is inserted unescaped.

Both forms share one rule: a template inserts texts, and ``finalize`` escapes every text for the form at hand; only
what our own macros and filters made passes as it is. A missing variable is an error, not a gap in the report.
"""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from abgap.resources import folder


def environment(escape: Callable[[str], str]) -> Environment:
    """An environment whose every insertion goes through ``escape``."""

    def finalize(value: object) -> object:
        if isinstance(value, Markup):
            return value
        # An undefined value has to reach jinja2, which names it in its error.
        return Markup(escape(value)) if isinstance(value, str) else value  # noqa: S704 - escape made it safe

    return Environment(
        loader=FileSystemLoader(folder("templates"), encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
