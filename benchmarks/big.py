"""More data than memory: events in daily parquet files, a whole ``abgap analyze`` with a limit of 2 GB that spills.

The data are made from hashes of row numbers (the same on every run), day by day, and removed afterwards, like all
that this makes. Printed: wall and CPU seconds, peak resident memory of the process and the most that was spilled;
then the same command again, which reads no log.

    python benchmarks/big.py --events 200000000 --memory-limit 2GB
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb

DAYS = 14
EVENTS_PER_UNIT = 20
# Parquet takes about 12 bytes an event; spilling takes its place beside it.
BYTES_PER_EVENT = 40

STUDY = """
[exposures]
path = "exposures.parquet"
columns = { experiment = { value = "search" }, unit = "user_id", variant = "variant", at = "at" }
slices = ["country"]

[facts.events]
path = "events/*.parquet"
columns = { unit = "user_id", at = "at" }

[experiments.search]
control = "A"
start = 2026-01-01
end = 2026-01-15

[metrics.revenue]
kind = "mean"
role = "primary"
fact = "events"
where = "event = 'purchase'"
value = "amount"
window_days = 7

[metrics.conversion]
kind = "proportion"
fact = "events"
where = "event = 'purchase'"
window_days = 7

[metrics.ctr]
kind = "ratio"
numerator = { fact = "events", where = "event = 'click'", aggregate = "count" }
denominator = { fact = "events", where = "event = 'view'", aggregate = "count" }
"""


def make_data(folder: Path, events: int) -> None:
    """Exposures of one unit per ``EVENTS_PER_UNIT`` events, and the events, a file for each day."""
    units = max(events // EVENTS_PER_UNIT, 1)
    (folder / "abgap.toml").write_text(STUDY)
    (folder / "events").mkdir()
    with duckdb.connect(config={"preserve_insertion_order": False, "memory_limit": "2GB"}) as engine:
        engine.execute(
            "COPY (SELECT i AS user_id, CASE hash(i) % 2 WHEN 0 THEN 'A' ELSE 'B' END AS variant, "
            "'c' || hash(i + 1) % 5 AS country, "
            f"TIMESTAMP '2026-01-01' + to_seconds((hash(i + 2) % {DAYS * 86_400 // 2})::BIGINT) AS at "
            f"FROM range({units}) t(i)) TO '{folder / 'exposures.parquet'}' (FORMAT parquet)"
        )
        per_day = events // DAYS
        for day in range(DAYS):
            first = day * per_day
            last = events if day == DAYS - 1 else first + per_day
            engine.execute(
                f"COPY (SELECT (hash(i) % {units})::BIGINT AS user_id, TIMESTAMP '2026-01-01' + INTERVAL {day} DAY "
                f"+ to_seconds(least((i - {first}) * 86400 // {per_day}, 86399)) AS at, "
                "CASE WHEN hash(i + 3) % 20 < 12 THEN 'view' WHEN hash(i + 3) % 20 < 19 THEN 'click' "
                "ELSE 'purchase' END AS event, (hash(i + 4) % 10000)::INTEGER AS amount "
                f"FROM range({first}, {last}) t(i)) "
                f"TO '{folder / 'events' / f'day-{day:02d}.parquet'}' (FORMAT parquet)"
            )


def _spilled(place: Path) -> int:
    total = 0
    for path in place.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def run(command: Sequence[str], folder: Path, *, timeout: float) -> dict[str, float]:
    """Run a command to its end; what it took."""
    spill = folder / "spill"
    environment = os.environ | {"ABGAP_CACHE_DIR": str(folder / "cache")}
    began, most, ended = time.monotonic(), 0, 0
    with (folder / "out.json").open("wb") as out:
        process = subprocess.Popen([*command], cwd=folder, env=environment, stdout=out)
    try:
        while not ended:
            if time.monotonic() - began > timeout:
                process.kill()
            time.sleep(0.1)
            most = max(most, _spilled(spill))
            # wait4 tells what this one process took; the sum over children would mix the runs.
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
    finally:
        if not ended:
            process.kill()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"abgap ended with exit code {process.returncode}, after at most {timeout:.0f} s")
    return {
        "wall_s": round(time.monotonic() - began, 2),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": round(used.ru_maxrss / 1024),
        "most_spilled_mb": round(most / 1e6),
    }


def main() -> None:
    """Make the data, run twice, print what it took, remove everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000_000)
    parser.add_argument("--memory-limit", default="2GB")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for the first run")
    parser.add_argument(
        "--place", type=Path, help="folder with room for the data (default: the system's temporary one)"
    )
    asked = parser.parse_args()
    # So that gigabytes do not stay behind when a scheduler ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended early"))
    folder = Path(tempfile.mkdtemp(prefix="abgap-big-", dir=asked.place))
    try:
        free = shutil.disk_usage(folder).free
        if free < asked.events * BYTES_PER_EVENT:
            raise SystemExit(
                f"{asked.events * BYTES_PER_EVENT / 1e9:.0f} GB are needed, {free / 1e9:.0f} GB are free in {folder}"
            )
        began = time.monotonic()
        make_data(folder, asked.events)
        made = {
            "events": asked.events,
            "data_mb": round(_spilled(folder) / 1e6),
            "made_in_s": round(time.monotonic() - began),
        }
        print(json.dumps(made), flush=True)
        limits = ["--memory-limit", asked.memory_limit, "--temp-directory", str(folder / "spill")]
        command = [sys.executable, "-m", "abgap", "analyze", "--json", *limits]
        print(json.dumps({"run": "first", **run(command, folder, timeout=asked.timeout)}), flush=True)
        print(json.dumps({"run": "again", **run(command, folder, timeout=asked.timeout)}), flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
