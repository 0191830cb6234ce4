"""What the main thread does while an engine works: it imports what comes next, and listens for Ctrl-C."""

from __future__ import annotations

import _thread
import sys
import threading
import time
from pathlib import Path

import pytest

from abgap.engine import waiting
from abgap.engine.waiting import interruptible, load_meanwhile


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three modules that can be imported, of which one fails."""
    (tmp_path / "abgap_test_first.py").write_text("")
    (tmp_path / "abgap_test_fails.py").write_text("raise RuntimeError('broken')")
    (tmp_path / "abgap_test_last.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(waiting, "_needed_next", [])
    for name in ("first", "fails", "last"):
        monkeypatch.delitem(sys.modules, f"abgap_test_{name}", raising=False)


@pytest.mark.usefixtures("modules")
def test_long_work_is_used_to_import_what_comes_next_in_its_order() -> None:
    load_meanwhile("abgap_test_first", "abgap_test_fails", "abgap_test_last")
    seen = threading.Event()

    def work() -> str:
        while "abgap_test_last" not in sys.modules:
            time.sleep(0.001)
        seen.set()
        return "done"

    assert interruptible(work, lambda: None, is_long=True) == "done"
    assert seen.is_set()
    assert "abgap_test_first" in sys.modules
    with pytest.raises(RuntimeError, match="broken"):
        __import__("abgap_test_fails")


@pytest.mark.usefixtures("modules")
def test_short_work_is_not_held_up_by_imports() -> None:
    load_meanwhile("abgap_test_first")
    assert interruptible(lambda: 1, lambda: None) == 1
    assert "abgap_test_first" not in sys.modules


def test_errors_of_the_work_come_out_where_it_is_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 // 0, lambda: None)


def test_ctrl_c_asks_the_work_to_stop_until_it_has_stopped() -> None:
    asked = threading.Semaphore(0)

    def work() -> None:
        _thread.interrupt_main()
        for _ in range(3):
            assert asked.acquire(timeout=10)

    with pytest.raises(KeyboardInterrupt):
        interruptible(work, asked.release)
