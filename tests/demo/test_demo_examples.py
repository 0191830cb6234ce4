"""The examples in ``reports/examples/`` are what the demo writes today; numbers may differ in their last digits."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

import pytest

from abgap.lab.examples import EXAMPLES

pytestmark = pytest.mark.demo

_HASH = re.compile(r"\b[0-9a-f]{12,64}\b")
_NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?")


def masked(file: Path) -> list[str]:
    """The lines of a file with # for every number and every hash."""
    text = _HASH.sub("#", file.read_text(encoding="utf-8"))
    return [_NUMBER.sub("#", line) for line in text.splitlines()]


@pytest.mark.parametrize("name", ["report.html", "report.md"])
def test_an_example_is_what_the_demo_writes(name: str, demo: Any) -> None:
    there, fresh = masked(EXAMPLES / name), masked(demo.out / name)
    lines = (
        line[:300]
        for line in difflib.unified_diff(there, fresh, "reports/examples", "demo", lineterm="", n=0)
    )
    first = "\n".join(line for line, _ in zip(lines, range(12), strict=False))
    assert there == fresh, f"run `make examples` and look at what changed:\n{first}"


def test_the_example_is_small_enough_to_be_kept() -> None:
    assert (EXAMPLES / "report.html").stat().st_size < 500_000
