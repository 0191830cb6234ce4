"""Texts chosen by others, made fit to be shown: what a reader cannot see or what turns the line around is marked.

Escaping is the business of each form (HTML, Markdown, SVG); this comes before it and is the same for all of them.
"""

from __future__ import annotations

import re

# C0 and C1 controls but tab and newline, bidirectional overrides, non-characters, lone surrogates.
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_REPLACEMENT = "\ufffd"
_LONGEST = 2_000
BLANK = "(blank)"


def fit(text: str) -> str:
    """The text with unfit characters replaced; newlines and tabs stay."""
    return _UNFIT.sub(_REPLACEMENT, text)


def one_line(text: str, *, longest: int = _LONGEST) -> str:
    """The text on one line, cut with an ellipsis; a text of nothing but blanks says so."""
    clean = " ".join(fit(text).split())
    if not clean:
        return BLANK if text else ""
    return clean if len(clean) <= longest else f"{clean[: longest - 1].rstrip()}…"
