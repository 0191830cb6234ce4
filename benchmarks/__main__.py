"""Measure the workloads: ``python -m benchmarks``, or ``make bench``.

    python -m benchmarks                                quick sizes, a few minutes
    python -m benchmarks --size full                    the published sizes
    python -m benchmarks --only units --rows 200000     one workload, smaller
    python -m benchmarks --only logs --scale 0.02

What was measured of the same code at the same size is kept (``--again`` measures anew). Data and results stay in
benchmarks/data and benchmarks/results; ``python -m benchmarks.report`` makes the page of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace

from benchmarks import results
from benchmarks.measure import HERE, ROOT, CommandError
from benchmarks.rounds import run, say
from benchmarks.sizes import QUICK, SIZES, Size
from benchmarks.workloads import WORKLOADS

DATA = HERE / "data"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=list(SIZES), default=QUICK.name)
    parser.add_argument("--only", help="workloads, with commas: " + ", ".join(WORKLOADS))
    parser.add_argument("--rows", type=int, help="units of the units workload")
    parser.add_argument("--scale", type=float, help="of the logs workload; 1 is 50 million events")
    parser.add_argument("--rounds", type=int, help="runs of each contestant")
    parser.add_argument("--again", action="store_true", help="measure what has been measured, too")
    parser.add_argument("--prepare", action="store_true", help="make data and environments only")
    options = parser.parse_args()
    options.names = options.only.split(",") if options.only else list(WORKLOADS)
    unknown = [name for name in options.names if name not in WORKLOADS]
    if unknown:
        parser.error(f"no workload {unknown[0]!r}; there are: {', '.join(WORKLOADS)}")
    return options


def chosen_size(options: argparse.Namespace) -> Size:
    """The named size with what the command line changes of it."""
    size = SIZES[options.size]
    if options.rows is not None:
        size = replace(size, rows=options.rows, sharing_rows=options.rows)
    if options.scale is not None:
        size = replace(size, scale=options.scale, sharing_scale=options.scale)
    if options.rounds is not None:
        size = replace(size, rounds=options.rounds, start_rounds=options.rounds)
    return size


def main() -> None:
    options = parse()
    size = chosen_size(options)
    for name in options.names:
        if not options.again and results.is_current(results.load(size.name, name), size):
            say(f"{name}: measured already")
            continue
        began = time.perf_counter()
        workload = WORKLOADS[name](size, DATA)
        say(f"{name}: data and environments are there after {time.perf_counter() - began:.0f} s")
        if not options.prepare:
            path = results.save(run(workload, size, DATA / "outputs"))
            say(f"{name}: {path.relative_to(ROOT)} after {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except CommandError as failure:
        sys.exit(f"benchmarks: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
