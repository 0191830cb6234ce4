"""Measure everything, and write docs/calibration.md and the record of the tests: run it in the repository."""

from __future__ import annotations

import sys
from pathlib import Path

from abgap.lab.calibration.groups import GROUPS, measure
from abgap.lab.calibration.page import page
from abgap.lab.calibration.recorded import to_json


def main(root: Path) -> None:
    """Write both files below ``root``."""
    measured = {}
    for name in GROUPS:
        sys.stderr.write(f"{name}\n")
        measured[name] = measure(name)
    (root / "tests" / "calibration" / "recorded.json").write_text(to_json(measured), encoding="utf-8")
    (root / "docs" / "calibration.md").write_text(page(measured), encoding="utf-8")


if __name__ == "__main__":
    main(Path.cwd())
