"""Statements compiled for Postgres, run by a Postgres of the test's own: the same numbers as on DuckDB."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abgap.engine.catalogue import Statement
from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.other_words import name_in_postgres
from abgap.engine.portable import compiled
from abgap.engine.protocol import Columns, Given, Row
from abgap.pipeline.analysis import Analysis
from abgap.records import Interval
from abgap.sources.sql import identifier
from abgap.study.load import load_study

pytestmark = [
    pytest.mark.postgres,
]

PLACES = "/usr/lib/postgresql/*/bin"
TYPES = {
    "VARCHAR": "text",
    "DOUBLE": "double precision",
    "TIMESTAMP": "timestamp",
    "BOOLEAN": "boolean",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "TIMESTAMP_NS": "timestamp",
    "DATE": "date",
}


class Postgres:
    """A server in a folder, reached through its socket."""

    def __init__(self, programs: Path, folder: Path, *, user: tuple[str, ...]) -> None:
        self.programs, self.folder, self.user = programs, folder, user

    def call(self, program: str, *arguments: str, given: str | None = None) -> str:
        command = [*self.user, str(self.programs / program), *arguments]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, f"{program}: {done.stderr or done.stdout}"
        return done.stdout

    def start(self) -> None:
        data = str(self.folder / "data")
        self.call("initdb", "-D", data, "-U", "abgap", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off -c timezone=UTC"
        )
        log = str(self.folder / "log")
        self.call("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")

    def stop(self) -> None:
        self.call("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def run(self, sql: str) -> list[dict[str, str]]:
        """The rows of one statement as text."""
        settings = (
            "-X",
            "-q",
            "--csv",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            str(self.folder),
            "-U",
            "abgap",
            "-d",
            "postgres",
        )
        text = self.call("psql", *settings, "-P", "null=\u2400", given=sql)
        return list(csv.DictReader(io.StringIO(text)))

    def put(self, name: str, columns: Mapping[str, str], frame: pd.DataFrame) -> None:
        """Make a table; columns: the type of each in DuckDB."""
        listed = ", ".join(f"{identifier(name_in_postgres(c))} {TYPES[kind]}" for c, kind in columns.items())
        text = frame.to_csv(index=False, header=False, na_rep="\u2400")
        copy = f"COPY {identifier(name)} FROM STDIN (FORMAT csv, NULL '\u2400');\n{text}\\.\n"
        self.run(f"CREATE TABLE {identifier(name)} ({listed});\n{copy}")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    found = sorted(Path("/").glob(PLACES.removeprefix("/")))
    if not found:
        pytest.skip(f"no Postgres here: there is no {PLACES}")
    # A server refuses to run as root.
    user: tuple[str, ...] = ()
    folder = Path(tempfile.mkdtemp(prefix="abgap-pg-"))
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("no Postgres here: it does not run as root, and there is no setpriv")
        user = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
        shutil.chown(folder, "nobody", "nogroup")
    server = Postgres(found[-1], folder, user=user)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Recorded(DuckDBEngine):
    """DuckDB that repeats all it does on Postgres, and compares what comes back."""

    postgres: Postgres
    compared: dict[str, int]

    def _new(self, name: str) -> None:
        self.postgres.run(f"DROP TABLE IF EXISTS {identifier(name)} CASCADE;")

    def put_table(self, name: str, columns: Mapping[str, Given]) -> None:
        super().put_table(name, columns)
        self._new(name)
        frame = pd.DataFrame({title: list(column.values) for title, column in columns.items()}, dtype=object)
        self.postgres.put(name, {title: column.type for title, column in columns.items()}, frame)

    def create_table(self, name: str, statement: Statement) -> None:
        super().create_table(name, statement)
        self._new(name)
        self.postgres.run(f"CREATE TABLE {identifier(name)} AS\n{compiled(statement, 'postgres')};")

    def create_view(self, name: str, statement: Statement) -> None:
        if statement.query.name in {"exposures", "fact", "units", "unit_values"}:
            # The view of a source is what a warehouse brings itself: its rows are copied.
            super().create_view(name, statement)
            kinds = self.describe(identifier(name))
            self._new(name)
            rows = self.rows(f"SELECT * FROM {identifier(name)}")
            self.postgres.put(name, kinds, pd.DataFrame(rows, columns=list(kinds), dtype=object))
        else:
            super().create_view(name, statement)
            self.postgres.run(f"CREATE VIEW {identifier(name)} AS\n{compiled(statement, 'postgres')};")

    def fetch(self, statement: Statement) -> Columns:
        expected = super().fetch(statement)
        if statement.query.name not in {"declared_experiments", "imported_moments"}:
            got = self.postgres.run(compiled(statement, "postgres") + ";")
            compare(expected, got, statement.query.name)
            self.compared[statement.query.name] = len(got)
        return expected

    def fetch_row(self, statement: Statement) -> Row:
        self.fetch(statement)
        return super().fetch_row(statement)


def compare(expected: Columns, got: list[dict[str, str]], name: str) -> None:
    assert all(len(column) == len(got) for column in expected.values()), name
    here = sorted(zip(*(map(shown, column) for column in expected.values()), strict=True))
    by_name = {name: name_in_postgres(name) for name in expected}
    there = sorted(
        tuple(shown(number(r[s]) if expected[c].dtype.kind == "f" else r[s]) for c, s in by_name.items())
        for r in got
    )
    assert here == there, name


def number(text: str) -> float:
    return float({"t": "1", "f": "0", "\u2400": "nan"}.get(text, text))


def shown(value: Any) -> str:
    """A value as text; exact sums are the same to the last bit, percentiles are interpolated."""
    if isinstance(value, float):
        return f"{value + 0.0:.12e}"
    return "\u2400" if value is None else str(value)


@pytest.mark.parametrize("study", ["ready_made", "logs_with_units"])
def test_statements_give_the_numbers_of_duckdb(
    study: str, postgres: Postgres, request: pytest.FixtureRequest
) -> None:
    file: Path = request.getfixturevalue(study)
    postgres.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
    with Recorded(directory=file.parent) as engine:
        engine.postgres, engine.compared = postgres, {}
        analysis = Analysis(load_study(file), engine, lambda message: None)  # noqa: ARG005 - nobody looks
        assert analysis.moments.n.size > 0
    assert {
        "rollup",
        *({"enrolment_counts", "exposure_counts"} if study == "logs_with_units" else ()),
    } <= set(engine.compared)


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "warehouse.md").read_text(encoding="utf-8")


def block(head: str) -> str:
    """The block of the page that has ``head`` in its fence."""
    found = re.search(rf"^```{head}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert found is not None, head
    return found.group(1)


def test_the_page_about_warehouses_works_from_start_to_end(postgres: Postgres, tmp_path: Path) -> None:
    users = [f"u{i:03d}" for i in range(120)]
    pd.DataFrame(
        {"experiment": "basket", "user_id": users, "variant": ["A", "B"] * 60, "ts": "2026-03-02 10:00:00"}
    ).to_csv(tmp_path / "exposures.csv", index=False)
    pd.DataFrame(
        {
            "user_id": users[:90],
            "ts": "2026-03-03 09:00:00",
            "event": ["purchase", "click", "purchase"] * 30,
            "amount": [1.1 * i for i in range(90)],
        }
    ).to_csv(tmp_path / "events.csv", index=False)
    study = tmp_path / "abgap.toml"
    study.write_text(block("toml abgap.toml"), encoding="utf-8")
    postgres.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
    with DuckDBEngine(directory=tmp_path) as engine:
        direct = Analysis(load_study(study), engine, lambda message: None)  # noqa: ARG005 - nobody looks
        estimates = [
            (e.metric, e.lift) for e in direct.estimates if e.slice_name is None and e.period is None
        ]
        ran = {statement.query.name: compiled(statement, "postgres") for statement in engine.record.compiled}
        for name in ("exposures", "events"):
            kinds = engine.describe(identifier(name))
            frame = pd.DataFrame(engine.rows(f"SELECT * FROM {name}"), columns=list(kinds), dtype=object)
            postgres.put(name, kinds, frame)
    postgres.run(block("sql experiments"))
    for what, name, statement in (
        ("TABLE", "enrolments", "enrolments"),
        ("VIEW", "first_exposures", "first_exposures"),
        ("VIEW", "part values of events", "part_values"),
        ("VIEW", "unit partials of events", "unit_partials"),
        ("TABLE", "unit parts of events", "unit_parts"),
        ("VIEW", "unit_outcomes", "unit_outcomes"),
    ):
        postgres.run(f"CREATE {what} {identifier(name)} AS {ran[statement]};")
    pd.DataFrame(postgres.run(block("sql moments"))).to_csv(tmp_path / "moments.csv", index=False)
    study.write_text(block("toml moments.toml"), encoding="utf-8")
    with DuckDBEngine(directory=tmp_path) as engine:
        back = Analysis(load_study(study), engine, lambda message: None)  # noqa: ARG005 - nobody looks
        found = [(e.metric, e.lift) for e in back.estimates]
    assert [metric for metric, _ in found] == [metric for metric, _ in estimates] == ["revenue", "conversion"]
    for (_, here), (_, there) in zip(estimates, found, strict=True):
        assert isinstance(here, Interval)
        assert isinstance(there, Interval)
        assert [there.low, there.high] == pytest.approx([here.low, here.high], rel=1e-9)
