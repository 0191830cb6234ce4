"""What may be carried to another engine, how it is written there, and what is said where Spark is missing."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from abgap.cli.main import main
from abgap.engine.catalogue import Query, Statement
from abgap.engine.other_words import name_in_postgres
from abgap.engine.portable import DIALECTS, carried, check_portable, transpile
from abgap.engine.portable_catalogue import check_catalogue, check_template
from abgap.engine.spark_session import start_session
from abgap.errors import EngineError, ExitCode, QueryError
from abgap.study import model

SPARK = model.Engine(name="spark")


@pytest.mark.parametrize(
    ("expression", "piece"),
    [
        ("hash(x)", "hash"),
        ("no_such_function(x)", "no_such_function"),
        ("date_diff('day', a, b)", "datediff|date_diff"),
        ("dayofweek(a)", "day_?of_?week"),
        ("skewness(x)", "skewness"),
        ("approx_quantile(x, 0.5)", "approx_quantile"),
        ("cast(x as integer)", "a cast to INT"),
        ("list(x order by y)", "array_agg|list"),
        ("j->>'$.a'", "json"),
        ("extract(dow from a)", "DOW|day_?of_?week"),
        ("ntile(4) over (order by x)", "ntile|OVER"),
        ("round(x, 2)", "round to digits"),
        ("cast(x as hugeint)", "HUGEINT"),
        ("regexp_matches(x, 'a', 'i')", "regular expressions"),
        ("regexp_matches(x, '[[:alpha:]]')", "regular expressions"),
        ("regexp_matches(x, y)", "regular expressions"),
        ("x like y", "LIKE"),
        ("x like 'a' escape 'b'", "escape"),
        ("substring(x, 0, 2)", "substring"),
        ("left(x, -1)", "left"),
        ("split_part(x, '', 1)", "split_part"),
        ("date_trunc('decade', x)", "decade"),
        ("x + interval '1' quarter", "quarter"),
    ],
)
def test_what_is_not_tested_on_several_engines_is_refused_by_name(expression: str, piece: str) -> None:
    with pytest.raises(QueryError, match=rf"(?i)^the query: .*({piece}).*compute it in the data") as raised:
        check_portable(f"SELECT {expression} FROM t", where="the query")
    assert "\n" not in raised.value.message


def test_the_whole_catalogue_keeps_to_what_is_tested() -> None:
    check_catalogue()


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("select {{ a }}, median(x) as m from {{ t }}", "median"),
        ("select x {% if a %}, list_sum(y) {% endif %} from t", "list_sum"),
        ("select x from a asof join b using (y)", "asof"),
        ("select x, ntile(4) over (order by y) from t", "ntile"),
        ("select x from t qualify y > 1", "qualify"),
    ],
)
def test_a_query_of_the_catalogue_that_only_duckdb_understands_is_refused_at_once(
    text: str, piece: str
) -> None:
    with pytest.raises(QueryError, match=rf"queries/x\.sql: .*'{piece}' is not in the set"):
        check_template(text, where="queries/x.sql")


@pytest.mark.parametrize(
    ("sql", "spark"),
    [
        ("quantile_cont(x, 0.9)", "PERCENTILE(x, 0.9)"),
        ("x / 2", "(CAST(x AS DOUBLE)) / (2)"),
        (
            "x / y",
            (
                "CASE WHEN (y) = 0 THEN (CAST(x AS DOUBLE)) * CAST('Infinity' AS DOUBLE) "
                "ELSE (CAST(x AS DOUBLE)) / (y) END"
            ),
        ),
        ("isfinite(x)", "(CAST(x AS DOUBLE) BETWEEN -1.7976931348623157e+308 AND 1.7976931348623157e+308)"),
        ("isnan(x)", "CASE WHEN NOT (x) IS NULL THEN ISNAN(x) END"),
        ("x LIKE 'a\\_b'", "x LIKE 'a\\\\\\\\_b'"),
        ("x AT TIME ZONE 'UTC'", "CAST(x AS TIMESTAMP_NTZ)"),
        (
            "x AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin'",
            "CONVERT_TIMEZONE('UTC', 'Europe/Berlin', CAST(x AS TIMESTAMP_NTZ))",
        ),
        ("CAST(x AS TIMESTAMPTZ)", "CAST(x AS TIMESTAMP_LTZ)"),
        ("$n + 1", ":n + 1"),
    ],
)
def test_what_differs_is_written_in_words_that_mean_the_same(sql: str, spark: str) -> None:
    assert transpile(f"SELECT {sql} AS v FROM t", "spark", where="it") == f"SELECT {spark} AS v FROM t"


def test_a_zone_whose_meaning_depends_on_a_type_is_refused() -> None:
    with pytest.raises(QueryError, match="depends on the type of its argument"):
        transpile("SELECT x AT TIME ZONE 'Europe/Berlin' FROM t", "spark", where="it")


def statement(sql: str) -> Statement:
    head = Query(name="it", purpose="p", takes="t", reads="r", gives="g", sha256="0")
    return Statement(query=head, sql=sql, params={"word": "it's", "n": 3})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_statement_is_printed_with_its_values_and_what_is_known_of_it(dialect: str) -> None:
    text = carried(statement("SELECT a, $n AS n FROM t WHERE w = $word"), dialect)
    comment, body = text.split("\n", 1)
    assert comment.startswith(f"-- it, in {dialect}: ")
    assert ("not verified there" in comment) is (dialect not in {"spark", "postgres"})
    assert ("tested to give the same results" in comment) is (dialect == "spark")
    assert "3 AS n" in body.replace('"', "")
    assert "$" not in body
    assert body.endswith(";")


@pytest.mark.parametrize("dialect", ["bigquery", "trino"])
def test_a_percentile_that_a_dialect_lacks_is_refused(dialect: str) -> None:
    with pytest.raises(QueryError, match=f"{dialect} has no exact percentile of a group"):
        transpile("SELECT quantile_cont(x, 0.9) FROM t", dialect, where="the statement 'caps'")


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d != "spark"])
@pytest.mark.parametrize(
    "expression", ["contains(x, 'a')", "ln(x)", "hour(x)", "date_trunc('week', x)", "x % 2"]
)
def test_what_warehouses_count_in_their_own_ways_is_refused(dialect: str, expression: str) -> None:
    with pytest.raises(QueryError, match=f"is not the same on {dialect}; compute it in the data"):
        transpile(f"SELECT {expression} AS v FROM t", dialect, where="it")


@pytest.mark.parametrize(
    ("dialect", "written"),
    [
        ("postgres", "(x AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin')"),
        ("bigquery", "(DATETIME(TIMESTAMP(x, 'UTC'), 'Europe/Berlin'))"),
        ("snowflake", "(CONVERT_TIMEZONE('UTC', 'Europe/Berlin', \"x\"))"),
        ("trino", "(CAST(AT_TIMEZONE(WITH_TIMEZONE(x, 'UTC'), 'Europe/Berlin') AS TIMESTAMP))"),
    ],
)
def test_local_days_are_written_with_both_zones(dialect: str, written: str) -> None:
    text = transpile(
        "SELECT x AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin' AS v FROM t", dialect, where="it"
    )
    assert text.startswith(f"SELECT {written} AS ")


def test_local_days_have_no_words_in_clickhouse() -> None:
    with pytest.raises(QueryError, match="no words in clickhouse that are sure to mean it"):
        transpile(
            "SELECT x AT TIME ZONE 'UTC' AT TIME ZONE 'Asia/Tokyo' AS v FROM t", "clickhouse", where="it"
        )


def test_long_names_stay_apart_in_postgres() -> None:
    names = [f"{'ä' * 40}: sum{part}" for part in ("", " (part 2)")]
    short = {name_in_postgres(name) for name in names}
    assert len(short) == 2
    assert all(len(name.encode()) <= 63 for name in short)
    assert name_in_postgres("revenue") == "revenue"


def test_without_pyspark_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    sentence = r"needs pyspark, which is not installed; pip install 'abgap\[spark\]'"
    with pytest.raises(EngineError, match=sentence) as raised:
        start_session(SPARK)
    assert raised.value.exit_code is ExitCode.ENGINE


def test_without_java_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = pytest.importorskip("pyspark.sql")
    monkeypatch.setattr(sql.SparkSession, "getActiveSession", lambda: None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(EngineError, match="needs Java, which is not installed; install Java 17"):
        start_session(SPARK)


@pytest.mark.filterwarnings("ignore")
def test_without_the_parts_of_connect_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sql = pytest.importorskip("pyspark.sql")

    def remote(*_: object) -> None:
        raise ImportError("no grpc")

    monkeypatch.setattr(type(sql.SparkSession.builder), "remote", remote)
    with listening() as port, pytest.raises(EngineError, match=r"Connect.*pip install 'abgap\[spark\]'"):
        start_session(SPARK.model_copy(update={"master": f"sc://127.0.0.1:{port}"}))


@pytest.mark.parametrize("scheme", ["sc", "spark"])
def test_a_master_that_nobody_answers_at_is_named_at_once(scheme: str) -> None:
    pytest.importorskip("pyspark.sql")
    with listening() as port:
        pass
    master = f"{scheme}://127.0.0.1:{port}"
    with pytest.raises(
        EngineError, match=rf"^nobody answers at {master}: Connection refused; see \[engine\] master"
    ):
        start_session(SPARK.model_copy(update={"master": master}))


@contextmanager
def listening() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_statement_of_a_study_is_printed_in_a_dialect(
    logs_with_units: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sql", "--study", str(logs_with_units), "-q", "--show", "enrolments", "--dialect", "snowflake"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert text.startswith(
        "-- enrolments, in snowflake: compiled from DuckDB's dialect, not verified there\n"
    )
    assert "ROW_NUMBER() OVER" in text
    assert "STRUCT" not in text


def test_a_dialect_is_for_printing_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sql", "SELECT 1", "--dialect", "trino"])
    assert ended.value.code == ExitCode.USAGE
    assert "--dialect is how --show prints a statement" in capsys.readouterr().err
