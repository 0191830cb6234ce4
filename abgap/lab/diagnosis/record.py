"""Cells as JSON and back, one reason a line, so that a change of any count is seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from abgap.lab.diagnosis.tally import Amounts, Cell, Tally
from abgap.lab.scenarios.base import Strength

_DIGITS = 6


def to_json(cells: Sequence[Cell]) -> str:
    """The text of the record."""
    return "[\n" + ",\n".join(_cell_text(cell) for cell in cells) + "\n]\n"


def from_json(text: str) -> tuple[Cell, ...]:
    """What was written."""
    return tuple(_cell(found) for found in json.loads(text))


def _cell_text(cell: Cell) -> str:
    plain = _rounded(asdict(cell))
    reasons = plain.pop("reasons")
    head = json.dumps(plain)[:-1]
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(tally)}" for name, tally in reasons.items())
    return f'{head}, "reasons": {{\n{lines}\n}}}}'


def _cell(found: Mapping[str, Any]) -> Cell:
    reasons = {name: _tally(tally) for name, tally in found["reasons"].items()}
    given = {**found, "strength": Strength(found["strength"]), "planted": tuple(found["planted"])}
    return Cell(**{**given, "reasons": reasons})


def _tally(found: Mapping[str, Any]) -> Tally:
    amounts = found["amounts"]
    return Tally(**{**found, "amounts": None if amounts is None else Amounts(**amounts)})


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return value
