"""Run the score card, and write its page, picture and record: in the repository, ``python -m abgap.lab.diagnosis``.

A run that was stopped goes on where it was, as long as the program is the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from abgap.lab.diagnosis.page import PICTURE, page
from abgap.lab.diagnosis.picture import draw_card
from abgap.lab.diagnosis.record import from_json, to_json
from abgap.lab.diagnosis.runs import REPLICATES, cells_to_run, run_all
from abgap.lab.diagnosis.tally import Cell
from abgap.lab.scenarios.base import Strength

RECORD = Path("tests", "diagnosis", "recorded.json")


def main() -> None:
    """Run what is asked for; only a whole run is written to the repository."""
    asked = _arguments()
    if asked.page:
        _write(Path.cwd(), list(from_json((Path.cwd() / RECORD).read_text(encoding="utf-8"))))
        return
    todo = cells_to_run(asked.scenario, [Strength(name) for name in asked.strength])
    began, cells = time.monotonic(), []
    for cell in run_all(todo, replicates=asked.replicates, kept=asked.kept, jobs=asked.jobs):
        cells.append(cell)
        sys.stderr.write(_told(cell, len(cells), len(todo), time.monotonic() - began))
    if asked.scenario or len(asked.strength) < len(Strength):
        sys.stdout.write(page(cells))
    else:
        _write(Path.cwd(), cells)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m abgap.lab.diagnosis", description=__doc__)
    parser.add_argument("--replicates", type=int, default=REPLICATES, help="experiments per cell")
    parser.add_argument("--scenario", action="append", default=[], help="only this one; can be given again")
    parser.add_argument(
        "--strength", action="append", choices=[s.value for s in Strength], help="only this one"
    )
    parser.add_argument("--jobs", type=int, default=1, help="cells run at once")
    parser.add_argument("--page", action="store_true", help="write page and picture from the record")
    kept = Path(tempfile.gettempdir()) / "abgap-diagnosis"
    parser.add_argument("--kept", type=Path, default=kept, help="where finished cells are kept")
    found = parser.parse_args()
    found.strength = found.strength or [s.value for s in Strength]
    return found


def _told(cell: Cell, done: int, of: int, seconds: float) -> str:
    found = ", ".join(f"{name} {cell.reasons[name].supported}" for name in cell.planted) or "nothing planted"
    return (
        f"[{done}/{of}] {cell.scenario} {cell.strength.value}: {found}; a reason that was not planted {cell.false}; "
        f"of {cell.replicates} ({seconds:.0f} s)\n"
    )


def _write(root: Path, cells: list[Cell]) -> None:
    """The three files below the repository."""
    (root / RECORD).parent.mkdir(parents=True, exist_ok=True)
    (root / RECORD).write_text(to_json(cells), encoding="utf-8")
    (root / "docs" / "images" / PICTURE).write_text(draw_card(cells), encoding="utf-8")
    (root / "docs" / "diagnosis.md").write_text(page(cells), encoding="utf-8")


if __name__ == "__main__":
    main()
