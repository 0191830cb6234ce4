"""What a command imports: a help page comes at once, and no command pays for what it does not use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import abgap

HEAVY = {
    "duckdb", "jinja2", "markupsafe", "matplotlib", "numpy", "pandas", "pyarrow", "pydantic", "rich", "scipy",
    "sqlglot", "statsmodels",
}  # fmt: skip
SCRIPT = """
import sys
from abgap.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(end.code, *sorted(sys.modules), file=sys.stderr)
"""


def imported(folder: Path, *arguments: str) -> set[str]:
    """The modules that are imported when a command has ended well."""
    environment = {**os.environ, "PYTHONPATH": str(Path(abgap.__file__).resolve().parents[1])}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    code, *modules = ended.stderr.splitlines()[-1].split()
    assert code == "0", ended.stderr
    return set(modules)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["analyze", "--help"], ["sql", "--help"]])
def test_help_imports_click_and_nothing_of_weight(arguments: list[str], tmp_path: Path) -> None:
    modules = imported(tmp_path, *arguments)
    assert "click" in modules
    assert {name.split(".")[0] for name in modules} & HEAVY == set()
    own = {name for name in modules if name.startswith("abgap.")}
    assert {name.split(".")[1] for name in own} == {"cli", "errors"}
    assert "abgap.cli.report" not in own


def test_a_scorecard_needs_neither_pandas_nor_matplotlib_nor_slow_statistics(parquet_study: Path) -> None:
    modules = imported(parquet_study, "analyze")
    assert {"duckdb", "numpy", "scipy.special", "rich"} <= modules
    assert {
        "pandas",
        "matplotlib",
        "statsmodels",
        "scipy.stats",
        "scipy.optimize",
        "pyarrow",
    } & modules == set()


def test_a_scorecard_as_json_needs_no_rich(parquet_study: Path) -> None:
    assert "rich" not in imported(parquet_study, "analyze", "--json")


def ended(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A process that has run the command line as the console script does."""
    environment = {**os.environ, "PYTHONPATH": str(Path(abgap.__file__).resolve().parents[1])}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def test_the_process_ends_with_all_that_was_written_and_what_was_asked_for_at_its_end() -> None:
    script = "import atexit; atexit.register(print, 'last'); from abgap.cli.main import command_line; command_line()"
    done = ended(script, "schema", "results")
    assert done.returncode == 0
    assert done.stdout.endswith("}\nlast\n")
    assert ended(script, "no-such-command").returncode == 2


def test_under_a_profiler_the_process_ends_as_any_other() -> None:
    script = """
import sys
from abgap.cli.main import command_line
sys.setprofile(lambda *_: None)
try:
    command_line()
except SystemExit as end:
    print("ended", end.code)
"""
    assert ended(script, "--version").stdout.splitlines()[-1] == "ended 0"
