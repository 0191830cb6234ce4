"""The demo, made once for all tests of it: the sample year at full size, and the report that the command writes."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from abgap import resources
from abgap.cli.main import main

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What ``abgap demo`` made. data: the study with its logs. out: the report. printed: stdout of the command."""

    data: Path
    out: Path
    printed: str
    results: Row
    truth: Row

    def rows(self, part: str, **wanted: object) -> list[Row]:
        """The rows of a part of the results whose fields have these values."""
        return [
            row for row in self.results[part] if all(row[name] == value for name, value in wanted.items())
        ]

    def row(self, part: str, **wanted: object) -> Row:
        """The only such row."""
        (row,) = self.rows(part, **wanted)
        return row

    def estimate(self, experiment: str, metric: str, treatment: str = "B") -> Row:
        """A metric over the whole experiment."""
        return self.row(
            "estimates",
            experiment=experiment,
            metric=metric,
            treatment=treatment,
            slice_name=None,
            period=None,
        )

    def gap(self, experiment: str, treatment: str = "B") -> Row:
        """The headline pair of an arm."""
        pair = self.truth["headline_pair"]
        return self.row(
            "gaps",
            experiment=experiment,
            treatment=treatment,
            offline_metric=pair["offline"],
            business_metric=pair["business"],
        )


@pytest.fixture(scope="session")
def command() -> Callable[..., str]:
    """Run an abgap command that has to end well; what it printed on stdout."""

    def run(*arguments: object) -> str:
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as end,
        ):
            main([str(argument) for argument in arguments])
        assert end.value.code == 0, err.getvalue()
        return out.getvalue()

    return run


@pytest.fixture(scope="session")
def demo(command: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The sample data at full size and its report, as a first user gets them; made once for all workers of a run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    data, out, printed = folder / "demo data", folder / "demo report", folder / "demo printed"
    with (folder / "demo lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not printed.exists():
            printed.write_text(command("demo", "--data", data, "--out", out), encoding="utf-8")
    return Demo(
        data=data,
        out=out,
        printed=printed.read_text(encoding="utf-8"),
        results=json.loads((out / "results.json").read_text(encoding="utf-8")),
        truth=json.loads((resources.folder("sample_data") / "truth.json").read_text(encoding="utf-8")),
    )
