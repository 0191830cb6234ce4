"""Waiting for long work of an engine: so that Ctrl-C ends it within a moment, and the time is used.

The engine works in a thread of its own and does not hold Python up. Meanwhile the main thread imports what comes next:
on a large table that is for nothing, on a small one it has to be done anyway.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")

# How often the main thread looks for Ctrl-C.
_LISTEN_SECONDS = 0.1
# What takes longer is worth an import meanwhile.
_LONG_SECONDS = 0.02

_needed_next: list[str] = []


def load_meanwhile(*modules: str) -> None:
    """Import these modules, in this order, while the main thread waits for long work; else who needs one imports it."""
    _needed_next.extend(modules)


def interruptible(
    work: Callable[[], Result], interrupt: Callable[[], object], *, is_long: bool = False
) -> Result:
    """Do the work in a thread of its own, and end it early on Ctrl-C. is_long: whether it is known to take long.

    Python tells its main thread of Ctrl-C, and only between two steps of Python: a statement that runs there for
    minutes would be interrupted when it is over.
    """
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        begun.wait()
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 - handed over, whatever it is
            failed.append(error)
        finally:
            ended.set()

    # Not join(): when it is interrupted, Python 3.11 takes a thread that still runs for one that has ended.
    begun, ended = threading.Event(), threading.Event()
    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    try:
        # Only now: Ctrl-C while the thread starts finds no work that nobody waits for.
        begun.set()
        if is_long or not ended.wait(_LONG_SECONDS):
            _import_until(ended)
        while not ended.wait(_LISTEN_SECONDS):
            pass
    except KeyboardInterrupt:
        while not ended.is_set():
            # Again and again: before the engine has begun there is nothing to interrupt.
            interrupt()
            ended.wait(_LISTEN_SECONDS)
        # It has nothing left to do but to end; a process that ends before it does so frees what it holds, aloud.
        worker.join(1.0)
        raise
    if failed:
        raise failed[0]
    return done[0]


def _import_until(ended: threading.Event) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    while _needed_next and not ended.is_set():
        # A module that cannot be imported says so where it is used.
        with suppress(Exception):
            importlib.import_module(_needed_next.pop(0))
