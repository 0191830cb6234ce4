"""Expressions of a study: what is allowed means the same after it was taken apart, everything else is refused."""

from __future__ import annotations

import duckdb
import pytest

from abgap.errors import DataError, QueryError, StudyError
from abgap.sources.expressions import scalar

COLUMNS = [
    "amount",
    "n",
    "name",
    "seen",
    "day",
    "paid",
    "tags",
    "payload",
    "Mixed Case",
    "it's",
    'a"b',
    "select",
    "x; drop table t",
]
TABLE = """CREATE TABLE t AS SELECT * FROM (VALUES
    (1.5::DOUBLE, 3::INTEGER, 'Abc def', TIMESTAMP '2026-03-02 10:15:30', DATE '2026-03-02', true, ['a', 'b'],
     '{"k": {"j": 5}}'),
    (-2.0, 0, 'x', TIMESTAMP '2025-12-31 23:59:59', DATE '2025-12-31', false, [], '{}'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
) AS v(amount, n, name, seen, day, paid, tags, payload)"""


def safe(text: str) -> str:
    return str(scalar(text, columns=COLUMNS, where="metrics.m.where", table="facts.events"))


@pytest.mark.parametrize(
    "text",
    [
        "amount",
        "amount * n + 1 - -n",
        "amount / 2",
        "amount // 2",
        "amount / n",
        "n % 2",
        "amount ** 2",
        "abs(amount)",
        "round(amount, 1)",
        "floor(amount)",
        "ceil(amount)",
        "ln(abs(amount))",
        "log(abs(amount))",
        "log10(abs(amount))",
        "exp(amount)",
        "sqrt(abs(amount))",
        "sign(amount)",
        "greatest(amount, n)",
        "least(amount, n)",
        "coalesce(amount, 0)",
        "ifnull(amount, 0)",
        "nullif(n, 0)",
        "case when amount > 0 then 'up' when amount < 0 then 'down' else 'none' end",
        "case n when 3 then 1 end",
        "if(paid, 1, 0)",
        "paid and not (n = 0) or amount is null",
        "amount is not null",
        "amount is not distinct from n",
        "n in (1, 2, 3)",
        "n not in (1, 2)",
        "n between 1 and 5",
        "name like 'A%'",
        "name like 'A!%' escape '!'",
        "name ilike 'a%'",
        "name ~ 'A.*'",
        "regexp_matches(name, '^A')",
        "regexp_extract(name, '[a-z]+')",
        "regexp_replace(name, '[a-z]', '-')",
        "lower(name) || upper(name)",
        "concat(name, '!')",
        "trim(name)",
        "length(name)",
        "substr(name, 1, 2)",
        "replace(name, 'b', 'z')",
        "split_part(name, ' ', 1)",
        "starts_with(name, 'A')",
        "contains(name, 'b')",
        "left(name, 2)",
        "right(name, 2)",
        "strpos(name, 'b')",
        "cast(n as varchar)",
        "n::double",
        "try_cast(name as double)",
        "amount::decimal(10, 2)",
        "isfinite(amount)",
        "isnan(amount)",
        "year(seen)",
        "month(day)",
        "hour(seen)",
        "dayofweek(seen)",
        "extract(year from seen)",
        "date_trunc('day', seen)",
        "date_diff('day', day, date '2026-03-09')",
        "seen + interval 1 day",
        "seen >= timestamp '2026-01-01 00:00:00'",
        "seen::date = date '2026-03-02'",
        "strftime(seen, '%Y-%m')",
        "strptime('2026-03-02', '%Y-%m-%d')",
        "epoch(seen)",
        "epoch_ms(1772446530000)",
        "make_timestamp(1772446530000000)",
        "list_contains(tags, 'a')",
        "tags[1]",
        "n = any([1, 3])",
        "payload->>'$.k.j'",
        "json_extract_string(payload, '$.k.j')",
        "'it''s' || name",
        "amount > 0 -- a comment",
        "(((amount)))",
        "true",
        "null",
    ],
)
def test_what_is_allowed_means_the_same_after_it_was_written_again(text: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(TABLE)
        wanted = connection.execute(f"SELECT ({text}\n) FROM t").fetchall()
        assert connection.execute(f"SELECT {safe(text)} FROM t").fetchall() == wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(select 1)", "holds a subquery"),
        ("exists(select 1)", "holds a subquery"),
        ("n in (select 1)", "holds a subquery"),
        ("1) union (select 2", "is not one scalar expression"),
        ("1, 2", "is not one scalar expression"),
        ("1), (2", "is not one scalar expression"),
        ("amount) from t --", "is not a SQL expression"),
        ("amount) from t where (true", "is more than an expression"),
        ("amount; drop table t", "is not"),
        ("1); drop table t; select (1", "is not one scalar expression"),
        ("amount as b", "holds 'amount AS b'"),
        ("a) as (b", "holds"),
        ("sum(amount)", "adds up rows with SUM"),
        ("count(*)", "stands for|adds up rows"),
        ("count(*) filter (where paid)", "holds a window function|stands for|adds up"),
        ("row_number() over ()", "holds a window function"),
        ("$x", "holds a parameter"),
        ("?", "holds a parameter"),
        ("*", "stands for several columns"),
        ("columns('.*')", "stands for several columns"),
        ("getenv('HOME')", "uses the function 'getenv'"),
        ("read_text('/etc/passwd')", "uses the function 'read_text'"),
        ("current_setting('memory_limit')", "uses the function 'current_setting'"),
        ("nextval('s')", "uses the function 'nextval'"),
        ("error('x')", "uses the function 'error'"),
        ("random()", "uses the function 'rand'"),
        ("now()", "uses the function 'now'"),
        ("current_date + 1", "uses the function 'current_date'"),
        ("hash(name)", "uses the function 'hash'"),
        ("md5(name)", "uses the function 'md5'"),
        ("unnest(tags)", "uses the function 'explode'|uses the function 'unnest'"),
        ("events.amount", "names a table or a field with a dot"),
        ("{'a': 1}", "holds|uses"),
        ("amount +", "is not a SQL expression"),
        ("'unclosed", "is not a SQL expression"),
        ("", "is not"),
        ("(" * 5000 + "1" + ")" * 5000, "is nested too deeply|is not a SQL expression"),
    ],
)
def test_everything_else_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(StudyError, match=why) as caught:
        safe(text)
    (problem,) = caught.value.problems
    assert problem.path == "metrics.m.where"
    assert problem.hint


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("amount", '"amount"'),
        (" AMOUNT ", '"amount"'),
        ("Mixed Case", '"Mixed Case"'),
        ("mixed case", '"Mixed Case"'),
        ("it's", '"it\'s"'),
        ('a"b', '"a""b"'),
        ("select", '"select"'),
        ("x; drop table t", '"x; drop table t"'),
    ],
)
def test_the_name_of_a_column_is_that_column_whatever_it_looks_like(text: str, column: str) -> None:
    assert safe(text) == column


def test_columns_inside_an_expression_are_quoted() -> None:
    assert safe('AMOUNT > 1 and "mixed case" = 2') == '("amount" > 1 AND "Mixed Case" = 2)'


def test_a_column_that_is_not_there_is_named_with_its_nearest() -> None:
    for text in ("amuont", "amuont > 1"):
        with pytest.raises(
            DataError,
            match=r"metrics\.m\.where: column 'amuont' is not in facts\.events \(has: .*\); did you mean 'amount'\?",
        ):
            safe(text)


def test_of_many_columns_only_some_are_shown() -> None:
    with pytest.raises(DataError, match=r"c29, \.\.\.\); name one of them"):
        scalar("zzz", columns=[f"c{i:02}" for i in range(90)], where="x", table="t")


def test_control_characters_of_names_do_not_reach_a_terminal() -> None:
    with pytest.raises(DataError) as caught:
        scalar("zzz", columns=["\x1b[31mred\n"], where="x", table="t")
    assert "\x1b" not in caught.value.message
    assert "\n" not in caught.value.message


def test_a_nul_character_is_refused() -> None:
    with pytest.raises(QueryError, match="NUL"):
        safe("amount > 0 \0 or true")
