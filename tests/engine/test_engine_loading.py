"""Opening sources: every format, ids as text, refused rows counted, damaged files in words."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.loading import open_source
from abgap.engine.protocol import Relation
from abgap.errors import DataError, StudyError
from abgap.study.model import Source


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBEngine]:
    with DuckDBEngine(directory=tmp_path) as engine:
        yield engine


def opened(engine: DuckDBEngine, folder: Path, *, text: tuple[str, ...] = (), **source: Any) -> Relation:
    return open_source(engine, "facts.events", Source.model_validate(source), folder, text=text)


def rows(engine: DuckDBEngine, relation: Relation) -> list[tuple[Any, ...]]:
    return engine.rows(f"SELECT * FROM {relation.sql} ORDER BY ALL")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.mark.parametrize(
    "name", ["e.csv", "e.csv.gz", "e.tsv", "e.json", "e.jsonl", "e.jsonl.gz", "e.parquet"]
)
def test_every_format_gives_the_same_rows(engine: DuckDBEngine, tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"id": ["007", "8"], "amount": [1.5, 2.0]})
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.to_parquet(path)
    elif "json" in name:
        write(path, frame.to_json(orient="records", lines="jsonl" in name))
    else:
        frame.to_csv(path, index=False, sep="\t" if name.endswith("tsv") else ",")
    relation = opened(engine, tmp_path, path=name, text=("id",))
    assert rows(engine, relation) == [("007", 1.5), ("8", 2.0)]
    assert relation.table.columns == {"id": "VARCHAR", "amount": "DOUBLE"}
    assert relation.files == (path,)


@pytest.mark.parametrize("name", ["a[1].csv", "it's.csv", 'a"b.csv', "a*.csv", "a;b.csv", "ü 漢.csv"])
def test_a_file_may_have_any_name(engine: DuckDBEngine, tmp_path: Path, name: str) -> None:
    write(tmp_path / name, "x\n1\n")
    write(tmp_path / "a1.csv", "x\n2\n")
    assert rows(engine, opened(engine, tmp_path, path=name)) == [(1,)]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_folders_may_carry_columns(engine: DuckDBEngine, tmp_path: Path, suffix: str) -> None:
    for day, code in (("2026-03-01", "7"), ("2026-03-02", "007")):
        path = tmp_path / f"events/day={day}/code={code}/part.{suffix}"
        path.parent.mkdir(parents=True)
        frame = pd.DataFrame({"n": [int(day[-1])]})
        if suffix == "parquet":
            frame.to_parquet(path)
        else:
            write(path, "n\n1\n".replace("1", day[-1]) if suffix == "csv" else f'{{"n": {day[-1]}}}\n')
    relation = opened(engine, tmp_path, path="events", text=("code",))
    found = engine.rows(f"SELECT n, day::VARCHAR, code, typeof(code) FROM {relation.sql} ORDER BY n")
    assert found == [(1, "2026-03-01", "7", "VARCHAR"), (2, "2026-03-02", "007", "VARCHAR")]


def test_an_equals_sign_above_the_study_is_no_column(engine: DuckDBEngine, tmp_path: Path) -> None:
    folder = tmp_path / "run=3"
    write(folder / "e.csv", "x\n1\n")
    assert list(opened(engine, folder, path="e.csv").table.columns) == ["x"]


def test_files_of_one_source_may_have_columns_in_another_order(engine: DuckDBEngine, tmp_path: Path) -> None:
    pd.DataFrame({"a": [1], "b": [2]}).to_parquet(tmp_path / "1.parquet")
    pd.DataFrame({"b": [4], "a": [3], "c": [5]}).to_parquet(tmp_path / "2.parquet")
    assert rows(engine, opened(engine, tmp_path, path="*.parquet")) == [(1, 2, None), (3, 4, 5)]


class TestText:
    def test_names_and_ids_stay_as_they_are_written(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        write(tmp_path / "e.csv", "id,arm\n007,t\n1e3,f\n0x1F,true\n2026-1-1,1.0\n")
        relation = opened(engine, tmp_path, path="e.csv", text=("ID", "arm"))
        assert rows(engine, relation) == [("007", "t"), ("0x1F", "true"), ("1e3", "f"), ("2026-1-1", "1.0")]

    def test_an_id_that_looks_like_a_date_or_a_uuid_stays_in_json_too(
        self, engine: DuckDBEngine, tmp_path: Path
    ) -> None:
        uuid = "550E8400-e29b-41d4-a716-446655440000"
        write(
            tmp_path / "e.jsonl", f'{{"id": "2026-1-1", "u": "{uuid}", "n": 1, "s": {{"d": "2026-01-01"}}}}\n'
        )
        relation = opened(engine, tmp_path, path="e.jsonl", text=("id", "u"))
        assert engine.rows(f"SELECT id, u, n, s.d::VARCHAR FROM {relation.sql}") == [
            ("2026-1-1", uuid, 1, "2026-01-01")
        ]

    def test_a_file_of_text_alone_still_has_a_header(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        write(tmp_path / "e.csv", "experiment,unit\ne,u\n")
        assert rows(engine, opened(engine, tmp_path, path="e.csv")) == [("e", "u")]

    def test_a_number_far_down_decides_the_type(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        write(tmp_path / "e.csv", "x\n" + "1\n" * 30_000 + "2.5\n")
        relation = opened(engine, tmp_path, path="e.csv")
        assert relation.table.columns == {"x": "DOUBLE"}
        assert relation.counted is not None
        assert (relation.counted.rows, relation.counted.rejected) == (30_001, 0)

    @pytest.mark.parametrize(
        "text", ["x,y\n1,2\n3,4\n", "x;y\n1;2\n3;4\n", "x\ty\r\n1\t2\r\n3\t4\r\n", "\ufeffx,y\n1,2\n3,4"]
    )
    def test_separators_and_line_ends_are_found(
        self, engine: DuckDBEngine, tmp_path: Path, text: str
    ) -> None:
        write(tmp_path / "e.csv", text)
        relation = opened(engine, tmp_path, path="e.csv")
        assert list(relation.table.columns) == ["x", "y"]
        assert rows(engine, relation) == [(1, 2), (3, 4)]


class TestRefusedRows:
    def test_rows_that_do_not_fit_are_counted_and_the_first_is_shown(
        self, engine: DuckDBEngine, tmp_path: Path
    ) -> None:
        write(tmp_path / "e.csv", "x,y\n1,2\n3\n4,5,6\n7,8\n")
        relation = opened(engine, tmp_path, path="e.csv")
        assert rows(engine, relation) == [(1, 2), (7, 8)]
        assert relation.counted is not None
        assert (relation.counted.source, relation.counted.rows, relation.counted.rejected) == (
            "facts.events",
            2,
            2,
        )
        assert relation.counted.notes == ("line 3: Expected Number of Columns: 2 Found: 1",)

    def test_two_text_sources_count_their_own(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        write(tmp_path / "a.csv", "x,y\n1,2\n3\n")
        write(tmp_path / "b.csv", "x,y\n1,2\n")
        first, second = (opened(engine, tmp_path, path=name) for name in ("a.csv", "b.csv"))
        assert first.counted is not None
        assert second.counted is not None
        assert (first.counted.rejected, second.counted.rejected) == (1, 0)


class TestDamage:
    def refused(self, engine: DuckDBEngine, folder: Path, name: str) -> str:
        with pytest.raises(DataError) as caught:
            opened(engine, folder, path=name)
        return caught.value.message

    def test_a_half_written_parquet_file(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        path = tmp_path / "e.parquet"
        pd.DataFrame({"x": range(1000)}).to_parquet(path)
        path.write_bytes(path.read_bytes()[:-200])
        message = self.refused(engine, tmp_path, "e.parquet")
        assert message.startswith("facts.events: cannot read e.parquet as parquet: ")
        assert message.endswith("the file may be damaged or half-written: write it again, or set `format`")

    def test_text_that_calls_itself_parquet(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        write(tmp_path / "e.parquet", "x,y\n1,2\n" * 10)
        assert "cannot read e.parquet as parquet" in self.refused(engine, tmp_path, "e.parquet")

    def test_a_truncated_gzip_file(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        text = "x,y\n" + "".join(f"{i},{i * 7 % 13}\n" for i in range(20_000))
        (tmp_path / "e.csv.gz").write_bytes(gzip.compress(text.encode())[:-3000])
        assert "cannot read e.csv.gz as csv" in self.refused(engine, tmp_path, "e.csv.gz")

    def test_broken_json_lines(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        write(tmp_path / "e.jsonl", '{"x": 1}\n{"x": \n')
        assert "cannot read e.jsonl as json: Malformed JSON" in self.refused(engine, tmp_path, "e.jsonl")

    def test_a_url_without_the_extension(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        message = self.refused(engine, tmp_path, "https://example.invalid/e.parquet")
        assert "needs DuckDB's httpfs extension, which is not installed here; copy the files" in message


class TestQuery:
    def test_a_select_over_files_is_a_source(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        write(tmp_path / "a.csv", "x\n1\n2\n")
        relation = opened(engine, tmp_path, query="SELECT x * 2 AS y FROM 'a.csv';")
        assert rows(engine, relation) == [(2,), (4,)]
        assert relation.files == (tmp_path / "a.csv",)

    def test_it_may_stand_in_a_file(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        write(tmp_path / "q.sql", "SELECT 1 AS y -- comment")
        assert rows(engine, opened(engine, tmp_path, query_file="q.sql")) == [(1,)]

    def test_a_file_that_is_not_there_or_no_text(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        with pytest.raises(
            DataError, match=r"facts\.events\.query_file: cannot read 'q\.sql' in .*: No such file"
        ):
            opened(engine, tmp_path, query_file="q.sql")
        (tmp_path / "q.sql").write_bytes(b"\xff\xfe")
        with pytest.raises(DataError, match="it is not UTF-8 text"):
            opened(engine, tmp_path, query_file="q.sql")

    def test_only_a_select_is_one(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        with pytest.raises(
            StudyError, match=r"facts\.events\.query: it is a COPY statement, only SELECT is allowed"
        ):
            opened(engine, tmp_path, query="COPY (SELECT 1) TO 'stolen.csv'")
        assert list(tmp_path.iterdir()) == []

    def test_one_that_fails_says_where_it_stands(self, engine: DuckDBEngine, tmp_path: Path) -> None:
        with pytest.raises(
            DataError,
            match=r"facts\.events\.query: No files found that match the pattern|facts\.events\.query: Table",
        ):
            opened(engine, tmp_path, query="SELECT * FROM 'gone.csv'")
        with pytest.raises(DataError, match=r"facts\.events\.query: .*parameter"):
            opened(engine, tmp_path, query="SELECT $x")
