"""Measured rates as JSON, one a line, so that a change of any of them is seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from abgap.lab.calibration.measured import Measured

_DIGITS = 6


def to_json(measured: Mapping[str, Sequence[Measured]]) -> str:
    """The text of the file."""
    groups = []
    for name, rates in measured.items():
        lines = ",\n".join(json.dumps(_rounded(rate)) for rate in rates)
        groups.append(f"{json.dumps(name)}: [\n{lines}\n]")
    return "{\n" + ",\n".join(groups) + "\n}\n"


def from_json(text: str) -> dict[str, list[Measured]]:
    """What was written."""
    return {name: [Measured(**rate) for rate in rates] for name, rates in json.loads(text).items()}


def _rounded(rate: Measured) -> dict[str, object]:
    return {
        name: round(value, _DIGITS) if isinstance(value, float) else value
        for name, value in asdict(rate).items()
    }
