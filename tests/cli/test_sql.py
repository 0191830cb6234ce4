"""``abgap sql``: what can be asked, how rows are written, and the text of the statements that ran."""

from __future__ import annotations

import csv
import io
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow.parquet as pq
import pytest

from abgap.cli.rows import MOST_ROWS_ON_SCREEN
from abgap.online import tables
from abgap.pipeline import export
from abgap.pipeline.analysis import Analysis
from abgap.pipeline.offline_stages import OfflineStages
from abgap.study.rules.names import OWN_TABLES

Abgap: TypeAlias = Callable[..., Any]

ALL_TYPES = (
    "SELECT 1 AS i, 1.5 AS d, 0.1::DOUBLE AS f, 'a,\"b' AS t, NULL AS n, true AS b, [1, NULL] AS l, {'k': 1} AS s, "
    "map {'x': 2} AS m, DATE '2026-03-02' AS day, TIMESTAMP '2026-03-02 10:15:00' AS at, "
    "TIMESTAMPTZ '2026-03-02 10:15:00+02' AS z, INTERVAL 1 MONTH + INTERVAL 90 MINUTE AS span, 'NaN'::DOUBLE AS nan, "
    "sum(3) AS big, '\\x41'::BLOB AS raw, uuid() IS NOT NULL AS u"
)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("parquet_study", ["exposures", "events", "offline_scores", "enrolments", "first_exposures",
                           "unit_outcomes", "cells", "moments", "estimates", "offline", "checks", "gaps",
                           "reasons", "budget"]),
        ("moments_study", ["offline_scores", "moments", "estimates", "offline", "checks", "gaps", "reasons",
                           "budget"]),
    ],
)  # fmt: skip
def test_every_relation_that_is_named_can_be_read(
    kind: str, names: list[str], abgap_in: Abgap, request: pytest.FixtureRequest
) -> None:
    study = request.getfixturevalue(kind)
    shown = abgap_in(study, "sql", "SHOW TABLES", "--format", "csv")
    assert shown.out.splitlines() == ["name", *names]
    counts = " UNION ALL ".join(f"SELECT '{name}' AS name, count(*) AS n FROM {name}" for name in names)
    found = rows_of(abgap_in(study, "sql", counts, "--format", "csv").out)
    assert {row["name"] for row in found} == set(names)
    assert all(int(row["n"]) > 0 for row in found if row["name"] not in {"reasons", "budget"})


def test_no_fact_table_can_take_the_name_of_another_relation() -> None:
    own = {value for name, value in vars(tables).items() if name.isupper() and isinstance(value, str)}
    assert own | {*export.FINDINGS, export.OFFLINE_SCORES, export.UNIT_VALUES} <= {*OWN_TABLES}


def test_a_table_of_units_is_there_under_its_name(abgap_in: Abgap, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("user,variant,spend\n007,A,2\n008,B,3\n009,A,4\n010,B,5\n")
    assert abgap_in(tmp_path, "init", "users.csv", "--control", "A").code == 0
    shown = abgap_in(
        tmp_path, "sql", "SELECT user FROM unit_values ORDER BY spend DESC LIMIT 1", "--format", "csv"
    )
    assert shown.out == "user\n010\n"
    joined = "SELECT count(*) AS n FROM unit_outcomes o JOIN 'users.csv' u ON u.user = o.unit"
    assert abgap_in(tmp_path, "sql", joined, "--json").json == [{"n": 4}]


def test_what_is_not_named_is_not_computed(
    abgap_in: Abgap, parquet_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = [(Analysis, name) for name in ("wide", "estimates", "gaps")] + [(OfflineStages, "scores")]
    for owner, name in stages:
        monkeypatch.setattr(owner, name, property(lambda _: pytest.fail("not asked for")))
    shown = abgap_in(parquet_study, "sql", "SELECT count(*) AS n FROM exposures", "--json")
    assert shown.json == [{"n": 1200}]


def test_rows_as_csv(abgap_in: Abgap, parquet_study: Path) -> None:
    (row,) = rows_of(abgap_in(parquet_study, "sql", ALL_TYPES, "--format", "csv").out)
    assert row == {
        "i": "1", "d": "1.5", "f": "0.1", "t": 'a,"b', "n": "", "b": "true", "l": "[1, null]", "s": '{"k": 1}',
        "m": '{"x": 2}', "day": "2026-03-02", "at": "2026-03-02 10:15:00", "z": "2026-03-02 08:15:00+00:00",
        "span": "1 month 01:30:00", "nan": "nan", "big": "3", "raw": "41", "u": "true",
    }  # fmt: skip


def test_rows_as_json(abgap_in: Abgap, parquet_study: Path) -> None:
    for option in (["--format", "json"], ["--json"]):
        (row,) = abgap_in(parquet_study, "sql", ALL_TYPES, *option).json
        assert row == {
            "i": 1, "d": 1.5, "f": 0.1, "t": 'a,"b', "n": None, "b": True, "l": [1, None], "s": {"k": 1},
            "m": {"x": 2}, "day": "2026-03-02", "at": "2026-03-02 10:15:00", "z": "2026-03-02 08:15:00+00:00",
            "span": "1 month 01:30:00", "nan": None, "big": 3, "raw": "41", "u": True,
        }  # fmt: skip


def test_rows_as_a_table(abgap_in: Abgap, parquet_study: Path) -> None:
    shown = abgap_in(
        parquet_study, "sql", "SELECT 'a' AS name, 1.50 AS n UNION ALL SELECT NULL, 10 ORDER BY n"
    )
    assert shown.out == "name      n\na      1.50\nNULL  10.00\n"


def test_rows_as_parquet_keep_their_types(abgap_in: Abgap, parquet_study: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    shown = abgap_in(parquet_study, "sql", ALL_TYPES, "--out", out)
    assert (shown.code, shown.out) == (0, "")
    (row,) = pq.read_table(out).to_pylist()
    assert (row["i"], row["l"], row["s"], row["b"], row["span"]) == (
        1,
        [1, None],
        {"k": 1},
        True,
        "1 month 01:30:00",
    )
    assert row["at"].isoformat() == "2026-03-02T10:15:00"
    assert math.isnan(row["nan"])
    with duckdb.connect() as other:
        assert other.sql(f"SELECT big FROM '{out}'").fetchall() == [(3,)]


@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet"])
def test_no_rows_are_a_result_too(form: str, abgap_in: Abgap, parquet_study: Path, tmp_path: Path) -> None:
    out = tmp_path / f"rows.{form}"
    nothing = "SELECT unit, variant FROM exposures WHERE false"
    assert abgap_in(parquet_study, "sql", nothing, "--format", form, "--out", out).code == 0
    if form == "parquet":
        assert pq.read_table(out).num_rows == 0
        assert pq.read_table(out).column_names == ["unit", "variant"]
    else:
        expected = {"table": "unit  variant\n", "csv": "unit,variant\n", "json": "[]\n"}
        assert out.read_text() == expected[form]


def test_columns_of_one_name_are_all_there(abgap_in: Abgap, parquet_study: Path, tmp_path: Path) -> None:
    twice = "SELECT 1 AS x, 2 AS x, 3 AS x_1"
    assert abgap_in(parquet_study, "sql", twice, "--json").json == [{"x": 1, "x_1": 2, "x_1_1": 3}]
    assert abgap_in(parquet_study, "sql", twice, "--format", "csv").out == "x,x,x_1\n1,2,3\n"
    out = tmp_path / "x.parquet"
    assert abgap_in(parquet_study, "sql", twice, "--out", out).code == 0
    assert pq.read_table(out).column_names == ["x", "x_1", "x_1_1"]


def test_the_format_follows_the_name_of_the_file(
    abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    for suffix, start in (("csv", "n\n1\n"), ("json", '[\n{"n": 1}\n]\n'), ("txt", "n\n1\n")):
        out = tmp_path / f"rows.{suffix}"
        assert abgap_in(parquet_study, "sql", "SELECT 1 AS n", "--out", out).code == 0
        assert out.read_text() == start


def test_only_the_screen_shows_less_than_all_rows(abgap_in: Abgap, parquet_study: Path) -> None:
    many = "SELECT i FROM range(120000) t(i)"
    screen = abgap_in(parquet_study, "sql", many)
    assert len(screen.out.splitlines()) == MOST_ROWS_ON_SCREEN + 1
    assert "only the first 200 rows are shown; use --format csv for all" in screen.err
    everything = abgap_in(parquet_study, "sql", many, "--format", "csv")
    assert len(everything.out.splitlines()) == 120_001
    assert everything.err == ""


def test_hostile_values_do_not_steer_the_terminal_and_stay_as_they_are_in_data(
    abgap_in: Abgap, parquet_study: Path
) -> None:
    hostile = "SELECT 'a' || chr(27) || '[2J' || chr(10) || chr(8238) || 'b' AS \"x\x1b[31m\""
    screen = abgap_in(parquet_study, "sql", hostile)
    assert screen.out == "x\ufffd[31m\na\ufffd[2J\ufffd\ufffdb\n"
    assert abgap_in(parquet_study, "sql", hostile, "--json").json == [{"x\x1b[31m": "a\x1b[2J\n\u202eb"}]


def test_a_statement_comes_from_stdin(abgap_in: Abgap, parquet_study: Path) -> None:
    shown = abgap_in(parquet_study, "sql", "--json", stdin="SELECT 1 AS n; -- a comment; with a semicolon\n")
    assert shown.json == [{"n": 1}]
    empty = abgap_in(parquet_study, "sql", stdin=" \n")
    assert (empty.code, empty.err) == (3, "abgap: sql: there is no statement; write one SELECT\n")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELEC 1", 'sql: syntax error at or near "SELEC"'),
        ("SELECT nope FROM events", 'sql: Referenced column "nope" not found in FROM clause'),
        ("FROM exposure", "sql: Table with name exposure does not exist; did you mean 'exposures'?"),
        ("FROM zzz", "there are: exposures, events, offline_scores"),
        ("SELECT 'a'::INTEGER", "sql: Could not convert string 'a' to INT32"),
        ("SELECT error('stop')", "sql: stop"),
        ("SELECT 'infinity'::DATE AS d", "column 'd' holds a time that cannot be shown"),
        ("SELECT $x", "Values were not provided"),
    ],
)
def test_what_is_wrong_with_a_statement_is_one_sentence(
    statement: str, said: str, abgap_in: Abgap, parquet_study: Path
) -> None:
    shown = abgap_in(parquet_study, "sql", statement, "--json")
    assert shown.code == 3
    assert said in shown.error["message"]
    assert "\n" not in shown.error["message"]


def test_a_wrong_column_names_candidates(abgap_in: Abgap, parquet_study: Path) -> None:
    shown = abgap_in(parquet_study, "sql", "SELECT amout FROM events")
    assert 'Candidate bindings: "amount"' in shown.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["SELECT 1", "--format", "parquet"], "parquet is not for a terminal"),
        (["SELECT 1", "--json", "--format", "csv"], "--json and --format csv exclude each other"),
        (["SELECT 1", "--show", "cells"], "--show prints a statement and runs none"),
        (["--show", "cells", "--out", "x.csv"], "--show prints a statement and runs none"),
        (["--show", "cell"], "there is no statement 'cell'; did you mean 'cells'?"),
    ],
)
def test_options_that_exclude_each_other_are_said(
    arguments: list[str], said: str, abgap_in: Abgap, parquet_study: Path
) -> None:
    shown = abgap_in(parquet_study, "sql", *arguments)
    assert (shown.code, shown.out) == (2, "")
    assert said in shown.err


def test_show_lists_what_ran_and_prints_it_ready_to_paste(abgap_in: Abgap, parquet_study: Path) -> None:
    listed = abgap_in(parquet_study, "sql", "--show", "list").out.splitlines()
    names = [line.split()[0] for line in listed]
    assert {
        "exposures",
        "fact",
        "enrolments",
        "unit_parts",
        "unit_outcomes",
        "cells",
        "offline_pairs",
    } <= set(names)
    assert len(names) == len(set(names))
    assert all(len(line.split(maxsplit=1)) == 2 for line in listed)
    for name in ("exposures", "unit_parts", "cells", "offline_pairs"):
        text = abgap_in(parquet_study, "sql", "--show", name).out
        assert text.rstrip().endswith(";")
        with duckdb.connect() as client:
            statements = client.extract_statements(text)
        assert all(s.type.name in {"SELECT", "SET"} for s in statements), name


def test_a_shown_statement_gives_the_same_numbers_in_another_client(
    abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study.duckdb"
    assert abgap_in(parquet_study, "export", "database", "--out", out).code == 0
    shown = abgap_in(parquet_study, "sql", "--show", "first_exposures").out
    with duckdb.connect(str(out), read_only=True) as client:
        ((pasted,),) = client.sql(f"SELECT count(*) FROM ({shown.strip().rstrip(';')})").fetchall()
        ((kept,),) = client.sql("SELECT count(*) FROM first_exposures").fetchall()
    assert pasted == kept


def test_relations_are_found_in_a_folder_with_brackets_in_its_name(
    abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "a[1] 'b'"
    shutil.copytree(parquet_study, folder, ignore=shutil.ignore_patterns("link*"))
    assert abgap_in(folder, "sql", "SELECT count(*) AS n FROM events WHERE unit IS NULL", "--json").json == [
        {"n": 0}
    ]


def test_sources_that_are_queries_stay_readable_under_the_lock(
    abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    text = (parquet_study / "abgap.toml").read_text(encoding="utf-8")
    for name in ("exposures", "events"):
        file = (parquet_study / f"{name}.parquet").as_posix()
        text = text.replace(f'path = "{name}.parquet"', f"query = \"SELECT * FROM '{file}'\"")
    file = (parquet_study / "scores.csv").as_posix()
    text = text.replace('path = "scores.csv"', f"query = \"SELECT * FROM '{file}'\"")
    (tmp_path / "abgap.toml").write_text(text, encoding="utf-8")
    statement = "SELECT (SELECT count(*) FROM exposures) AS e, (SELECT count(*) FROM offline_scores) AS s"
    assert abgap_in(tmp_path, "sql", statement, "--json").json == [{"e": 1200, "s": 400}]
    assert abgap_in(tmp_path, "sql", "SELECT count(*) AS n FROM gaps", "--json").json == [{"n": 2}]
