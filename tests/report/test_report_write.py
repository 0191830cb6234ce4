from __future__ import annotations

import hashlib
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from abgap.records import Results
from abgap.report.write import FILE_NAMES, write_report

SCRIPT = """
import hashlib, pickle, sys
from pathlib import Path
from abgap.report.write import write_report
results = pickle.loads(Path(sys.argv[1]).read_bytes())
for path in write_report(results, Path(sys.argv[2])):
    print(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
"""


def test_three_files_are_written_and_nothing_else_is_left(several_arms: Results, tmp_path: Path) -> None:
    directory = tmp_path / "new" / "report"
    paths = write_report(several_arms, directory)
    assert paths == [directory / name for name in ("report.html", "report.md", "results.json")]
    assert sorted(path.name for path in directory.iterdir()) == sorted(FILE_NAMES.values())
    assert stat.S_IMODE(paths[0].stat().st_mode) & 0o400
    for path in paths:
        path.read_text(encoding="utf-8")


def test_only_the_asked_forms_are_written_in_a_fixed_order(empty: Results, tmp_path: Path) -> None:
    assert [path.name for path in write_report(empty, tmp_path, formats=["json", "md"])] == [
        "report.md",
        "results.json",
    ]


def test_the_same_results_give_the_same_bytes_in_another_process(
    several_arms: Results, tmp_path: Path
) -> None:
    saved = tmp_path / "results.pickle"
    saved.write_bytes(pickle.dumps(several_arms))
    here = [
        (path.name, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in write_report(several_arms, tmp_path / "a")
    ]
    for seed in ("1", "2"):
        output = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(saved), str(tmp_path / seed)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C", "TZ": "Asia/Tokyo"},
        ).stdout
        assert [tuple(line.split()) for line in output.splitlines()] == here


def test_when_a_form_cannot_be_made_no_file_is_touched(
    empty: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in write_report(empty, tmp_path)}

    def fail(_: object) -> str:
        raise ValueError("no")

    monkeypatch.setattr("abgap.report.write.to_json", fail)
    with pytest.raises(ValueError, match="no"):
        write_report(empty, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_when_the_disk_refuses_the_old_report_stays_and_no_temporary_file(
    empty: Results, several_arms: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in write_report(empty, tmp_path)}
    calls: list[int] = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("abgap.report.write.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(several_arms, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_json_alone_needs_neither_templates_nor_charts(empty: Results, tmp_path: Path) -> None:
    saved = tmp_path / "results.pickle"
    saved.write_bytes(pickle.dumps(empty))
    code = (
        "import pickle, sys; from pathlib import Path; from abgap.report.write import write_report; "
        "saved, out = map(Path, sys.argv[1:]); "
        "write_report(pickle.loads(saved.read_bytes()), out, formats=['json']); "
        "print(sorted({'jinja2', 'matplotlib', 'pandas', 'scipy', 'duckdb'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code, str(saved), str(tmp_path / "out")],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert output.strip() == "[]"
