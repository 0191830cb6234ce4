"""Runs one command and prints how long it took and what it used, as JSON.

A process of its own, started without site-packages, because the kernel counts the peak memory of a child from the
moment it is forked: a small parent keeps that honest. Its own start lies outside of what is timed.

python -I -S launcher.py STDOUT STDERR COMMAND...
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    stdout, stderr, *command = sys.argv[1:]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    redirected = [
        (os.POSIX_SPAWN_OPEN, 1, stdout, flags, 0o644),
        (os.POSIX_SPAWN_OPEN, 2, stderr, flags, 0o644),
    ]
    began = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=redirected)
    _, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - began
    measured = {
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024),
        "exit_code": os.waitstatus_to_exitcode(status),
    }
    sys.stdout.write(json.dumps(measured))


if __name__ == "__main__":
    main()
