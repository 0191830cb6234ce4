"""Progress on stderr: one line on a terminal, rewritten, and only when a command takes longer than two seconds."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from abgap.cli.output import is_terminal, one_line

_SILENT_SECONDS = 2.0
_REFRESH_SECONDS = 1.0


class Progress:
    """Shows what is being done; use it in a ``with`` statement.

    A thread of its own draws the line, so that one long step shows too. In a pipe, with ``quiet`` and on a
    terminal that cannot rewrite a line, nothing is written.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._message = "working"
        self._share: Callable[[], float | None] | None = None
        self._asking = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        if not quiet and is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb":
            self._thread = threading.Thread(target=self._draw_until_ended, daemon=True)

    def __call__(self, message: str) -> None:
        """Say what is being done now."""
        self._message = message

    @contextmanager
    def watching(self, share: Callable[[], float | None]) -> Iterator[None]:
        """Show how much of the running statement is done, as long as the block runs."""
        self._share = share
        try:
            yield
        finally:
            with self._asking:
                self._share = None

    def _line(self, seconds: float) -> str:
        with self._asking:
            share = None if self._share is None else self._share()
        done = "" if share is None else f", {share:.0%} of this statement"
        return f"{one_line(self._message)} ... {seconds:.0f} s{done}"

    def __enter__(self) -> Self:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _draw_until_ended(self) -> None:
        began = time.monotonic()
        if self._ended.wait(_SILENT_SECONDS):
            return
        try:
            while not self._ended.is_set():
                self._draw(self._line(time.monotonic() - began))
                self._ended.wait(_REFRESH_SECONDS)
            self._draw("")
        except OSError:
            return  # nobody looks any more

    def _draw(self, text: str) -> None:
        # A line that wraps could not be rewritten.
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r\x1b[K{text[:width]}")
        sys.stderr.flush()
