"""What a command imports, and what that costs: Python's own count, by top-level package."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable

from benchmarks.measure import ROOT
from benchmarks.workloads import PYTHON

_LINE = re.compile(r"import time:\s*(?P<own>\d+) \|\s*\d+ \|\s*(?P<package>[^.\s]+)")


def import_seconds(module: Iterable[str]) -> dict[str, float]:
    """Seconds by package of one run of ``python -m MODULE ARGUMENTS...``; each package without what it imports."""
    command = [PYTHON, "-X", "importtime", "-m", *module]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return by_package(done.stderr.splitlines())


def by_package(lines: Iterable[str]) -> dict[str, float]:
    """Add up lines of ``-X importtime``: own microseconds, with those below, module."""
    seconds: dict[str, float] = defaultdict(float)
    for line in lines:
        found = _LINE.match(line)
        if found:
            seconds[found["package"]] += int(found["own"]) / 1e6
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))
