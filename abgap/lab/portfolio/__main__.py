"""Measure the portfolio, and write its page and record: in the repository, ``python -m abgap.lab.portfolio``.

Every group of a world is written to the record when it is done; those asked for are measured anew, the others stay.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from abgap.lab.portfolio.measures import GROUPS, measure
from abgap.lab.portfolio.page import page
from abgap.lab.portfolio.record import Record, from_json, to_json
from abgap.lab.portfolio.worlds import WORLDS

RECORD = Path("tests", "portfolio", "recorded.json")
PAGE = Path("docs", "portfolio.md")


def main() -> None:
    """Run what is asked for."""
    asked = _arguments()
    record = from_json(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    worlds = [] if asked.page else [world for world in WORLDS if not asked.world or world.name in asked.world]
    for world in worlds:
        for group in asked.group or GROUPS:
            began = time.monotonic()
            runs = max(2, asked.replicates // GROUPS[group].costs)
            record.setdefault(world.name, {})[group] = measure(world, group, runs)
            RECORD.write_text(to_json(_ordered(record)), encoding="utf-8")
            sys.stderr.write(f"{world.name}: {group}, {runs} replicates, {time.monotonic() - began:.0f} s\n")
    PAGE.write_text(page(_ordered(record)), encoding="utf-8")


def _ordered(record: Record) -> Record:
    """Worlds and groups in the order of the lab, those that it no longer has left out."""
    return {
        world.name: {group: record[world.name][group] for group in GROUPS if group in record[world.name]}
        for world in WORLDS
        if world.name in record
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m abgap.lab.portfolio", description=__doc__)
    parser.add_argument("--replicates", type=int, default=2000, help="of each world; fewer of what is slow")
    parser.add_argument("--world", action="append", default=[], help="only this one; can be given again")
    parser.add_argument("--group", action="append", choices=list(GROUPS), help="only these questions")
    parser.add_argument("--page", action="store_true", help="write the page from the record")
    return parser.parse_args()


if __name__ == "__main__":
    main()
