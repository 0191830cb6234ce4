"""Paths of pictures in fewer characters: lines by how far they go, circles as two arcs.

Coordinates come with one decimal; steps are counted in tenths, so that nothing drifts along a line.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)")
# What matplotlib draws for a round marker: eight curves around the origin.
_CIRCLE = re.compile(r"M0 ([\d.]+)C(?:[^A-Za-z]+C){7}[^A-Za-z]+ ?z\Z")


def leaner(path: str) -> str:
    """The same path, shorter; one with curves stays as it is, unless it is a circle."""
    if circle := _CIRCLE.match(path):
        radius, across = circle.group(1), _text(2 * _tenths(circle.group(1)))
        return f"M0 {radius}a{radius} {radius} 0 1 0 0-{across}a{radius} {radius} 0 1 0 0 {across}z"
    tokens = _TOKEN.findall(path)
    if {token for token in tokens if token.isalpha()} <= {"M", "L", "z"}:
        return _lines(tokens)
    return path


def _lines(tokens: list[str]) -> str:
    """A path of straight lines, each by its step from the point before."""
    written, command = "", ""
    at = start = (0, 0)
    rest = iter(tokens)
    for found in rest:
        if found.isalpha():
            command = found
            if command == "z":
                written, at = f"{written}z", start
            continue
        to = (_tenths(found), _tenths(next(rest)))
        if command == "M":
            written += f"M{_text(to[0])}{_joined(to[1])}"
            start, command = to, "L"
        else:
            written += _step(to[0] - at[0], to[1] - at[1], continued=_last_command(written) == "l")
        at = to
    return written


def _step(across: int, down: int, *, continued: bool) -> str:
    if not down:
        return f"h{_text(across)}"
    if not across:
        return f"v{_text(down)}"
    return f"{(_joined(across) if continued else f'l{_text(across)}')}{_joined(down)}"


def _last_command(written: str) -> str:
    return next((character for character in reversed(written) if character.isalpha()), "")


def _joined(tenths: int) -> str:
    """A number behind another one: a minus sign parts them as well as a blank."""
    text = _text(tenths)
    return text if text.startswith("-") else f" {text}"


def _tenths(number: str) -> int:
    return round(float(number) * 10.0)


def _text(tenths: int) -> str:
    whole, part = divmod(abs(tenths), 10)
    sign = "-" if tenths < 0 else ""
    if not part:
        return f"{sign}{whole}"
    return f"{sign}{whole or ''}.{part}"
