"""What a command imports, and what that costs: Python's own count, by top-level package."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

COUNTED = ("-X", "importtime")
_LINE = re.compile(r"import time:\s*(?P<own>\d+) \|\s*\d+ \|\s*(?P<package>[^.\s]+)")


def import_seconds(lines: Iterable[str]) -> dict[str, float]:
    """Seconds by package, each without what it imports, of the stderr of a Python that was started with ``COUNTED``."""
    seconds: dict[str, float] = defaultdict(float)
    for line in lines:
        found = _LINE.match(line)
        if found:
            seconds[found["package"]] += int(found["own"]) / 1e6
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))
