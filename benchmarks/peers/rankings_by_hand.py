"""The rankings workload as one hand-written DuckDB script: connect, run, paired differences, print.

python -m benchmarks.peers.rankings_by_hand runs=FILE judgements=FILE
"""

from __future__ import annotations

import math
import sys

from benchmarks.peers.answers import NORMAL_975, RANKING_METRICS, show
from benchmarks.peers.by_hand import run


def main() -> None:
    ((n, *numbers),) = run("rankings", dict(pair.split("=", 1) for pair in sys.argv[1:]))
    pairs = zip(RANKING_METRICS, numbers[::2], numbers[1::2], strict=True)
    show({m: {"difference": d, "half_width": NORMAL_975 * math.sqrt(v / n)} for m, d, v in pairs})


if __name__ == "__main__":
    main()
