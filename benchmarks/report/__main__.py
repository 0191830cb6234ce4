"""Make the performance page of the results: ``python -m benchmarks.report``.

The full size is published as docs/performance.md with pictures in docs/images; smaller ones stay with their results, so
that a quick look does not replace published numbers. ``--docs`` publishes whatever there is.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks import results
from benchmarks.measure import ROOT
from benchmarks.report.page import page
from benchmarks.report.pictures import draw_all
from benchmarks.sizes import FULL, SIZES
from benchmarks.workloads import WORKLOADS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), default=FULL.name)
    parser.add_argument("--docs", action="store_true", help="publish a smaller size, too")
    options = parser.parse_args()
    found = {name: results.load(options.size, name) for name in WORKLOADS}
    there = {name: document for name, document in found.items() if document is not None}
    if not there:
        sys.exit(f"no results of size {options.size}: python -m benchmarks --size {options.size}")
    published = options.docs or options.size == FULL.name
    folder = ROOT / "docs" if published else results.FOLDER / options.size
    pictures = draw_all(there, folder / "images")
    file = folder / "performance.md"
    file.write_text(page(there, pictures), encoding="utf-8")
    print(file.relative_to(ROOT))


if __name__ == "__main__":
    main()
