"""Waiting for long work of an engine, so that Ctrl-C ends it within a moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

# How often the main thread looks for Ctrl-C.
_LISTEN_SECONDS = 0.1


def interruptible(work: Callable[[], Result], interrupt: Callable[[], None]) -> Result:
    """Do the work in a thread of its own, and end it early on Ctrl-C.

    Python tells its main thread of Ctrl-C, and only between two steps of Python: a statement that runs there for
    minutes would be interrupted when it is over.
    """
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 - handed over, whatever it is
            failed.append(error)
        finally:
            ended.set()

    # Not join(): when it is interrupted, Python 3.11 takes a thread that still runs for one that has ended.
    ended = threading.Event()
    threading.Thread(target=run, daemon=True).start()
    try:
        while not ended.wait(_LISTEN_SECONDS):
            pass
    except KeyboardInterrupt:
        while not ended.is_set():
            # Again and again: before the engine has begun there is nothing to interrupt.
            interrupt()
            ended.wait(_LISTEN_SECONDS)
        raise
    if failed:
        raise failed[0]
    return done[0]
