"""The class of the machine, without its name, and how busy it was with other work meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Run

_STAT = Path("/proc/stat")
_IDLE = (3, 4)  # the columns idle and iowait


def machine() -> dict[str, float]:
    """Cores and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cores": os.cpu_count() or 1, "memory_gb": round(memory / 2**30)}


class OtherWork:
    """What everybody else did since this was made, where the kernel tells (Linux)."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._busy = _busy_seconds()

    def cores(self, runs: Mapping[str, Sequence[Run]]) -> float | None:
        """Cores that were busy with anything but ``runs``, on average; None where that is not known."""
        busy = _busy_seconds()
        if busy is None or self._busy is None:
            return None
        ours = sum(run.cpu for of_one in runs.values() for run in of_one)
        return round(max(busy - self._busy - ours, 0.0) / (time.perf_counter() - self._began), 2)


def _busy_seconds() -> float | None:
    """Seconds that all cores together have worked since the machine started."""
    if not _STAT.exists():
        return None
    fields = _STAT.read_text(encoding="utf-8").split("\n", maxsplit=1)[0].split()[1:9]
    ticks = [int(field) for place, field in enumerate(fields) if place not in _IDLE]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")
