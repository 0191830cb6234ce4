"""A small study that is right in everything, to be spoilt in one place, and the ways to run it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import abgap
from abgap.cli.main import main

SOURCE = Path(abgap.__file__).resolve().parents[1]
UNITS = 60
EXPOSED = np.datetime64("2026-03-02T10:00:00", "us")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)


def toml(value: object) -> str:
    """A value as TOML; tables inline, text quoted as JSON does."""
    match value:
        case bool():
            return "true" if value else "false"
        case Mapping():
            return (
                "{ "
                + ", ".join(f"{json.dumps(str(k), ensure_ascii=False)} = {toml(v)}" for k, v in value.items())
                + " }"
            )
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Sequence():
            return f"[{', '.join(toml(item) for item in value)}]"
        case _:
            return str(value)


def logs() -> dict[str, dict[str, Any]]:
    """Exposures and events of 60 units, half in each arm; one unit in three buys."""
    units = [f"u{i:02}" for i in range(UNITS)]
    buyers = units[::3]
    return {
        "exposures": {
            "exp": ["e"] * UNITS,
            "id": units,
            "arm": ["A", "B"] * (UNITS // 2),
            "ts": [EXPOSED] * UNITS,
            "device": ["phone", "desk", None] * (UNITS // 3),
        },
        "events": {
            "id": buyers,
            "ts": [EXPOSED + np.timedelta64(i, "h") for i in range(len(buyers))],
            "amount": [10.0 + i for i in range(len(buyers))],
        },
    }


def unit_values() -> dict[str, Any]:
    """A ready-made table of the same size."""
    units = np.arange(UNITS)
    return {
        "id": [f"u{i:02}" for i in units],
        "arm": ["A", "B"] * (UNITS // 2),
        "spend": (units % 7).astype(float),
        "visits": 1 + units % 3,
        "paid": units % 2 == 0,
    }


OVER_LOGS: Mapping[str, Any] = {
    "exposures": {
        "path": "exposures.parquet",
        "columns": {"experiment": "exp", "unit": "id", "variant": "arm", "at": "ts"},
        "slices": ["device"],
    },
    "facts": {"events": {"path": "events.parquet", "columns": {"unit": "id", "at": "ts"}}},
    "experiments": {"e": {"control": "A", "treatments": ["B"], "split": {"A": 0.5, "B": 0.5}}},
    "metrics": {
        "revenue": {"kind": "mean", "fact": "events", "value": "amount", "money": True, "role": "primary"},
        "orders": {"kind": "mean", "fact": "events"},
    },
}
OVER_VALUES: Mapping[str, Any] = {
    "unit_values": {
        "path": "units.parquet",
        "columns": {"experiment": {"value": "e"}, "unit": "id", "variant": "arm"},
    },
    "experiments": {"e": {"control": "A", "treatments": ["B"], "split": {"A": 0.5, "B": 0.5}}},
    "metrics": {"spend": {"kind": "mean", "value": "spend", "role": "primary"}},
}


@dataclass(slots=True, kw_only=True)
class Case:
    """A study in a folder. study: what its file says; text: the file itself, when the study is not enough."""

    folder: Path
    run_here: Callable[..., Outcome]
    study: dict[str, Any]
    text: str | None = None
    written: dict[str, str] = field(default_factory=dict)

    def parquet(self, name: str, columns: Mapping[str, Any]) -> Path:
        """Write a parquet file; NaN stays NaN."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({n: pa.array(v, from_pandas=False) for n, v in columns.items()}), path)
        return path

    def file(self, name: str, content: str | bytes) -> Path:
        """Write any other file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def files(self) -> dict[str, str]:
        """Every file below the folder with a hash of its content."""
        return {
            str(p.relative_to(self.folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(self.folder.rglob("*"))
            if p.is_file()
        }

    def run(self, *arguments: str) -> Outcome:
        """Run a command over the study, which has to leave its files as they were and write nothing."""
        self._write()
        before = self.files()
        ended = self.run_here(self.folder, *arguments)
        assert self.files() == before, "input files are never changed, and nothing is written beside them"
        assert "Traceback" not in ended.err
        return ended

    def refused(self, *arguments: str, code: int = 3) -> str:
        """Run a command that has to fail with this exit code; the sentence it says."""
        ended = self.run(*arguments)
        assert (ended.code, ended.out) == (code, ""), ended.err
        assert ended.err.startswith("abgap: ")
        return ended.err.removeprefix("abgap: ").strip()

    def checks(self) -> dict[str, dict[str, Any]]:
        """The data checks by name; that of an experiment before one of the same name of a source."""
        ended = self.run("check", "--json")
        assert ended.code in {0, 1}, ended.err
        found = ended.json["checks"]
        return {check["name"]: check for check in sorted(found, key=lambda c: c["experiment"] is not None)}

    def estimates(self) -> dict[str, dict[str, Any]]:
        """The whole-experiment estimates by metric."""
        ended = self.run("analyze", "--json")
        assert ended.code == 0, ended.err
        return {
            e["metric"]: e for e in ended.json["estimates"] if e["slice_name"] is None and e["period"] is None
        }

    def _write(self) -> None:
        tables = (
            f"{json.dumps(key, ensure_ascii=False)} = {toml(value)}\n" for key, value in self.study.items()
        )
        self.file("abgap.toml", "".join(tables) if self.text is None else self.text)


Make: TypeAlias = Callable[..., Case]


@pytest.fixture
def run_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run a command in this process."""

    def run(folder: Path, *arguments: str) -> Outcome:
        monkeypatch.chdir(folder)
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        written = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return Outcome(code=end.value.code, out=written.out, err=written.err)

    return run


def run_process(folder: Path, *arguments: str) -> Outcome:
    """Run a command as a process of its own."""
    environment = {key: value for key, value in os.environ.items() if key != "ABGAP_DEBUG"}
    ended = subprocess.run(
        [sys.executable, "-m", "abgap", *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Outcome(code=ended.returncode, out=ended.stdout, err=ended.stderr)


@pytest.fixture
def over_logs(tmp_path: Path, run_here: Callable[..., Outcome]) -> Case:
    """A study over exposures and events."""
    case = Case(folder=tmp_path, run_here=run_here, study=json.loads(json.dumps(OVER_LOGS)))
    for name, columns in logs().items():
        case.parquet(f"{name}.parquet", columns)
    return case


@pytest.fixture
def over_values(tmp_path: Path, run_here: Callable[..., Outcome]) -> Case:
    """A study over one row per unit."""
    case = Case(folder=tmp_path, run_here=run_here, study=json.loads(json.dumps(OVER_VALUES)))
    case.parquet("units.parquet", unit_values())
    return case


@pytest.fixture
def good_logs() -> Callable[[], dict[str, dict[str, Any]]]:
    """The columns of the logs, to be changed."""
    return logs


@pytest.fixture
def good_values() -> Callable[[], dict[str, Any]]:
    """The columns of the ready-made table, to be changed."""
    return unit_values


@pytest.fixture
def as_process() -> Callable[..., Outcome]:
    """Run a command as a process of its own."""
    return run_process
