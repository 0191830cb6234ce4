"""The command line as its users meet it: in this process for speed, as a process of its own, and in a terminal.

Two small studies over the same logs, as parquet and as CSV, and one over the moments of the first.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

import abgap
from abgap.cli.main import main

SOURCE = Path(abgap.__file__).resolve().parents[1]
UNITS = 300
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended: exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error document on stderr."""
        return json.loads(self.err)["error"]

    @property
    def plain(self) -> str:
        """stdout without colours."""
        return _STYLE.sub("", self.out)


Abgap: TypeAlias = Callable[..., Outcome]


@pytest.fixture
def abgap_in(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Abgap:
    """Run a command in a folder, in this process: ``abgap_in(folder, "check", "--json")``."""

    def run(folder: Path, *arguments: str | Path, stdin: str | None = None) -> Outcome:
        monkeypatch.chdir(folder)
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        written = capsys.readouterr()
        code = end.value.code
        assert isinstance(code, int)
        return Outcome(code=code, out=written.out, err=written.err)

    return run


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that runs this abgap."""
    return {
        **{
            key: value
            for key, value in os.environ.items()
            if key not in {"NO_COLOR", "COLUMNS", "ABGAP_DEBUG"}
        },
        "PYTHONPATH": str(SOURCE),
        "TERM": "xterm-256color",
        **more,
    }


def command_line(*arguments: str | Path) -> list[str]:
    """The command as a process."""
    return [sys.executable, "-m", "abgap", *map(str, arguments)]


@pytest.fixture
def abgap_process() -> Abgap:
    """Run a command in a folder, as a process of its own."""

    def run(folder: Path, *arguments: str | Path, stdin: str = "", **more: str) -> Outcome:
        ended = subprocess.run(
            command_line(*arguments), cwd=folder, env=environment(**more), input=stdin, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        return Outcome(code=ended.returncode, out=ended.stdout, err=ended.stderr)

    return run


class Typist:
    """A command in a terminal: types, and waits for what is shown."""

    def __init__(self, folder: Path, command: list[str], columns: int, more: dict[str, str]) -> None:
        self._terminal, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *command], cwd=folder, env=environment(**more),
            stdin=inner, stdout=inner, stderr=inner, start_new_session=True,
        )  # fmt: skip
        os.close(inner)
        os.set_blocking(self._terminal, False)
        self.shown = ""

    def read(self, until: str, *, seconds: float = 30.0) -> str:
        """Wait until the text is shown; what was shown since the last wait."""
        before, ends = len(self.shown), time.monotonic() + seconds
        while until not in self.shown[before:]:
            assert time.monotonic() < ends, f"{until!r} is not shown: {self.shown[before:]!r}"
            if not self._take() and self._process.poll() is not None and not self._take():
                raise AssertionError(f"ended without {until!r}: {self.shown[before:]!r}")
        return self.shown[before:]

    def type(self, text: str) -> None:
        """Type."""
        os.write(self._terminal, text.encode())

    def end(self, *, seconds: float = 30.0) -> Outcome:
        """Wait for the end; stdout and stderr are one."""
        ends = time.monotonic() + seconds
        while self._process.poll() is None:
            assert time.monotonic() < ends, f"does not end: {self.shown!r}"
            self._take()
        while self._take():
            pass
        return Outcome(code=self._process.returncode, out=self.shown.replace("\r\n", "\n"), err="")

    def close(self) -> None:
        """Leave nothing running."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        os.close(self._terminal)

    def _take(self) -> bool:
        try:
            data = os.read(self._terminal, 65_536)
        except BlockingIOError:
            time.sleep(0.01)
            return False
        except OSError:
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)


# Ctrl-C of a terminal goes to the session that has taken it.
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def abgap_terminal() -> Iterator[Callable[..., Typist]]:
    """Start a command in a terminal of a given width."""
    started: list[Typist] = []

    def start(
        folder: Path, *arguments: str | Path, columns: int = 120, script: Path | None = None, **more: str
    ) -> Typist:
        command = command_line(*arguments) if script is None else ["sh", str(script)]
        started.append(Typist(folder, command, columns, more))
        return started[-1]

    yield start
    for typist in started:
        typist.close()


@pytest.fixture
def files_in() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder with its content, to see that nothing was written."""

    def read(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    return read


@pytest.fixture(scope="session")
def parquet_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study over parquet logs; beside them files that are not of the study."""
    return _study(tmp_path_factory.mktemp("parquet study"), "parquet")


@pytest.fixture(scope="session")
def csv_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same over CSV logs."""
    return _study(tmp_path_factory.mktemp("csv study"), "csv")


@pytest.fixture(scope="session")
def moments_study(over_moments: Callable[[str], Path]) -> Path:
    """A study over the moments of the first, with the same experiments and metrics."""
    file = over_moments("moments.parquet")
    _add_strangers(file.parent)
    return file.parent


@pytest.fixture(scope="session")
def over_moments(parquet_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Export the moments of the parquet study to a file of that name, and write a study over it beside."""

    def export(name: str) -> Path:
        folder = tmp_path_factory.mktemp("moments study")
        study = parquet_study / "abgap.toml"
        with pytest.raises(SystemExit) as end:
            main(["export", "moments", "--study", str(study), "--out", str(folder / name)])
        assert end.value.code == 0
        (folder / "abgap.toml").write_text(_study_over(name, parquet_study), encoding="utf-8")
        return folder / "abgap.toml"

    return export


def _study_over(name: str, study: Path) -> str:
    """The text of a study over a moments file, which stands beside it."""
    return _STUDY.format(
        sources=f'[moments]\npath = "{name}"\n',
        scores=(study / "scores.csv").as_posix(),
        revenue="",
        conversion="",
        clicks="",
        count="",
        orders="",
        value="",
    )


def _study(folder: Path, suffix: str) -> Path:
    rng = np.random.default_rng(7)
    tables = {"exposures": _exposures(rng), "events": _events(rng)}
    for name, table in tables.items():
        path = folder / f"{name}.{suffix}"
        if suffix == "parquet":
            pq.write_table(table, path)
        else:
            pa_csv.write_csv(table, path)
    _write_scores(rng, folder / "scores.csv")
    text = _STUDY.format(
        sources=_SOURCES.format(suffix=suffix),
        scores="scores.csv",
        revenue="""fact = "events"\nwhere = "event = 'purchase'"\nvalue = "amount"
aggregate = "sum"\ncovariate = { lookback_days = 7 }""",
        conversion="""fact = "events"\nwhere = "event = 'purchase'\"""",
        clicks=_ratio("event = 'click'", "event = 'session'"),
        count="""fact = "events"\nwhere = "event = 'session'"\naggregate = "count\"""",
        orders=_ratio("event = 'purchase'", "event = 'click'"),
        value="""numerator = { fact = "events", where = "event = 'purchase'", value = "amount", aggregate = "sum" }
denominator = { fact = "events", where = "event = 'purchase'", aggregate = "count" }""",
    )
    (folder / "abgap.toml").write_text(text, encoding="utf-8")
    _add_strangers(folder)
    return folder


def _ratio(numerator: str, denominator: str) -> str:
    return (
        f'numerator = {{ fact = "events", where = "{numerator}", aggregate = "count" }}\n'
        f'denominator = {{ fact = "events", where = "{denominator}", aggregate = "count" }}'
    )


def _add_strangers(folder: Path) -> None:
    """Files that lie beside the study's and are none of them."""
    (folder / "secret.csv").write_text("password\nhunter2\n", encoding="utf-8")
    pq.write_table(pa.table({"password": ["hunter2"]}), folder / "other.parquet")
    (folder / "link.csv").symlink_to(folder / "secret.csv")
    (folder / "sub").mkdir()
    shutil.copy(folder / "secret.csv", folder / "sub" / "deeper.csv")


_MARCH = np.datetime64("2026-03-02T00:00:00")
_DAY = 86_400
_EXPERIMENTS = ("ranker", "layout")


def _exposures(rng: np.random.Generator) -> pa.Table:
    """Each experiment has users of its own, split evenly over two arms."""
    n = 2 * UNITS
    parts = []
    for k, experiment in enumerate(_EXPERIMENTS):
        seconds = rng.integers(0, 7 * _DAY, n)
        parts.append(
            pa.table(
                {
                    "experiment": pa.array([experiment] * n),
                    "user": pa.array([f"{k}-{i:04d}" for i in range(n)]),
                    "variant": pa.array(["A", "B"] * UNITS),
                    "ts": pa.array(_MARCH + seconds.astype("timedelta64[s]")),
                    "device": pa.array(rng.choice(["phone", "desktop"], n)),
                }
            )
        )
    return pa.concat_tables(parts)


def _events(rng: np.random.Generator) -> pa.Table:
    """Visits, clicks and purchases around the exposures; arm B clicks and buys more in the first experiment."""
    rows: dict[str, list[Any]] = {"user": [], "ts": [], "event": [], "amount": []}
    for k in range(len(_EXPERIMENTS)):
        for i in range(2 * UNITS):
            better = 1.4 if k == 0 and i % 2 else 1.0
            for kind, mean in (("session", 5.0), ("click", 6.0 * better), ("purchase", 2.0 * better)):
                for second in rng.integers(-7 * _DAY, 21 * _DAY, 1 + rng.poisson(mean)):
                    rows["user"].append(f"{k}-{i:04d}")
                    rows["ts"].append(_MARCH + np.timedelta64(int(second), "s"))
                    rows["event"].append(kind)
                    rows["amount"].append(
                        round(float(rng.gamma(4.0, 6.0)), 2) if kind == "purchase" else None
                    )
    return pa.table(
        {**rows, "ts": pa.array(np.array(rows["ts"])), "amount": pa.array(rows["amount"], pa.float64())}
    )


def _write_scores(rng: np.random.Generator, path: Path) -> None:
    lines = ["model,metric,query,value"]
    for model, mean in (("old", 0.60), ("new", 0.68)):
        lines += [f"{model},ndcg,q{q},{min(1.0, rng.normal(mean, 0.1)):.4f}" for q in range(200)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


_SOURCES = """\
[exposures]
path = "exposures.{suffix}"
columns = {{ experiment = "experiment", unit = "user", variant = "variant", at = "ts" }}
slices = ["device"]

[facts.events]
path = "events.{suffix}"
columns = {{ unit = "user", at = "ts" }}
"""

_STUDY = """\
[study]
name = "Shop"
currency = "EUR"

{sources}
[experiments.ranker]
control = "A"
treatments = ["B"]
split = {{ A = 0.5, B = 0.5 }}
start = 2026-03-02
end = 2026-03-23
models = {{ A = "old", B = "new" }}

[experiments.layout]
control = "A"
treatments = ["B"]
split = {{ A = 0.5, B = 0.5 }}
start = 2026-03-02
end = 2026-03-23

[metrics.revenue_per_user]
kind = "mean"
{revenue}
money = true
role = "primary"
smallest_worthwhile_lift = 0.05

[metrics.conversion]
kind = "proportion"
{conversion}

[metrics.sessions_per_user]
kind = "mean"
{count}

[metrics.clicks_per_session]
kind = "ratio"
{clicks}

[metrics.orders_per_click]
kind = "ratio"
{orders}

[metrics.revenue_per_order]
kind = "ratio"
{value}

[funnels.purchase]
total = "revenue_per_user"
stages = ["sessions_per_user", "clicks_per_session", "orders_per_click", "revenue_per_order"]

[offline.scores]
path = "{scores}"
columns = {{ model = "model", metric = "metric", value = "value", query = "query" }}

[gap]
offline = ["ndcg"]
business = ["revenue_per_user"]
"""
