"""Long work can be watched, bounded and interrupted, and leaves nothing behind."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import EngineError

# Never finishes, and does not fit into the memory that it is given.
STUDY = """
[unit_values]
query = "SELECT 'a' AS variant, i AS revenue, hash(i) AS h FROM range(100000000000) t(i) ORDER BY h"
columns = { experiment = { value = "mail" }, variant = "variant" }

[experiments.mail]
control = "a"

[metrics.revenue]
kind = "mean"
value = "revenue"

[engine]
memory_limit = "300MB"
threads = 2
"""


def _start(arguments: Sequence[str], folder: Path, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """abgap in a process of its own, that reacts to SIGINT even if the tests were started in the background."""
    environment = os.environ | {
        "ABGAP_CACHE_DIR": str(folder / "kept"),
        "TMPDIR": str(folder / "tmp"),
        "TERM": "xterm",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "abgap", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )


def _wait_for_spilling(place: Path, process: subprocess.Popen[str]) -> None:
    for _ in range(300):
        if any(path.stat().st_size for path in place.rglob("*.tmp")):
            return
        assert process.poll() is None
        time.sleep(0.1)
    raise AssertionError("nothing was spilled")


@pytest.mark.parametrize(
    "arguments",
    [["report", "--out", "made"], ["export", "moments", "--out", "moments.parquet"], ["check", "--json"]],
)
def test_ctrl_c_ends_a_long_query_and_leaves_nothing_behind(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "abgap.toml").write_text(STUDY)
    (tmp_path / "tmp").mkdir()
    process = _start(arguments, tmp_path)
    try:
        _wait_for_spilling(tmp_path / "tmp", process)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        seconds = time.monotonic() - began
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert (out, err.strip()) == ("", "interrupted")
    # A second on a machine of one's own.
    assert seconds < 4
    assert [path.name for path in tmp_path.rglob("*") if path.name not in {"tmp", "kept"}] == ["abgap.toml"]


def test_progress_shows_the_share_of_a_long_statement_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "abgap.toml").write_text(STUDY)
    (tmp_path / "tmp").mkdir()
    terminal, inside = pty.openpty()
    process = _start(["check"], tmp_path, stderr=inside)
    os.close(inside)
    try:
        seen = b""
        while b"% of this statement" not in seen:
            seen += os.read(terminal, 4096)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        os.close(terminal)
    assert b"opening unit_values ... " in seen
    assert process.returncode == 130


def test_options_of_the_command_line_go_before_the_study(tmp_path: Path) -> None:
    """A limit that is too small for anything ends the work with the engine's exit code."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "abgap.toml").write_text(STUDY.replace("100000000000", "300000"))
    fine = _start(["check", "--threads", "1"], tmp_path)
    assert "mail" in fine.communicate(timeout=60)[0]
    small = _start(["check", "--memory-limit", "1MB", "--temp-directory", "other"], tmp_path)
    _, err = small.communicate(timeout=60)
    assert small.returncode == 4, err
    assert "memory" in err
    assert list((tmp_path / "other").iterdir()) == []
    wrong = _start(["check", "--memory-limit", "plenty"], tmp_path)
    _, err = wrong.communicate(timeout=60)
    assert wrong.returncode == 4
    assert "Memory must have a number" in err


def test_a_temporary_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="no temporary folder can be made in"):
        DuckDBEngine(directory=tmp_path, temp_directory=str(tmp_path / "file" / "below"))


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    with DuckDBEngine(directory=tmp_path, temp_directory=str(tmp_path / "work")) as engine:
        assert engine.rows("SELECT 1") == [(1,)]
        assert engine.share_done() is None
    assert list((tmp_path / "work").iterdir()) == []
