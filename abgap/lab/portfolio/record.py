"""Tallies as JSON and back, one number a line, so that a change of any is seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TypeAlias

from abgap.lab.portfolio.tally import Tally

Record: TypeAlias = dict[str, dict[str, dict[str, Tally]]]
"""World, group, number."""

_DIGITS = 6


def to_json(record: Mapping[str, Mapping[str, Mapping[str, Tally]]]) -> str:
    """The text of the file."""
    worlds = []
    for world, groups in record.items():
        of_world = []
        for group, numbers in groups.items():
            lines = ",\n".join(
                f"   {json.dumps(name)}: {json.dumps(_rounded(tally))}" for name, tally in numbers.items()
            )
            of_world.append(f"  {json.dumps(group)}: {{\n{lines}\n  }}")
        worlds.append(f" {json.dumps(world)}: {{\n" + ",\n".join(of_world) + "\n }")
    return "{\n" + ",\n".join(worlds) + "\n}\n"


def from_json(text: str) -> Record:
    """What was written."""
    return {
        world: {
            group: {name: Tally(**tally) for name, tally in numbers.items()}
            for group, numbers in groups.items()
        }
        for world, groups in json.loads(text).items()
    }


def _rounded(tally: Tally) -> dict[str, object]:
    return {
        name: float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
        for name, value in asdict(tally).items()
    }
