"""Reading a study file: what loads, what each mistake is answered with, and that all are found at once."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from abgap.errors import ExitCode, StudyError, UsageError
from abgap.records import Aggregate, Direction, Kind, Role
from abgap.study.load import check_study, find_study, load_study
from abgap.study.model import (
    ConstantColumn,
    Covariate,
    Experiment,
    ExperimentsFile,
    ExpressionColumn,
    Metric,
    Part,
    Study,
)
from abgap.study.times import as_utc

Problems = Callable[[str], list[str]]


def _message(text: bytes, folder: Path) -> str:
    file = folder / "abgap.toml"
    file.write_bytes(text)
    with pytest.raises(StudyError) as raised:
        load_study(file)
    assert raised.value.exit_code is ExitCode.USAGE
    return raised.value.message.replace(str(file), "FILE")


def test_a_study_is_loaded_with_its_folder_and_fingerprint(tmp_path: Path, sound: Mapping[str, str]) -> None:
    file = tmp_path / "abgap.toml"
    file.write_text(sound["unit_values"], encoding="utf-8")
    loaded = load_study(file)
    assert loaded.directory == tmp_path.resolve()
    assert loaded.file == file
    assert loaded.text_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert loaded.study.unit_values is not None
    assert loaded.study.unit_values.columns == {
        "experiment": ConstantColumn(value="mail"),
        "variant": "group",
    }


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path, sound: Mapping[str, str]) -> None:
    file = tmp_path / "abgap.toml"
    file.write_bytes(b"\xef\xbb\xbf" + sound["unit_values"].replace("\n", "\r\n").encode())
    assert load_study(file).study.experiments == {"mail": Experiment(control="A")}


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        load_study(tmp_path / "abgap.toml")
    assert (
        raised.value.message
        == f"the study file {tmp_path / 'abgap.toml'} cannot be read: No such file or directory"
    )
    assert raised.value.hint == "name it with --study, or write a first one with `abgap init FILES`"


def test_a_folder_is_not_a_study_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load_study(tmp_path)


def test_the_nearest_study_file_above_is_found(tmp_path: Path) -> None:
    (tmp_path / "abgap.toml").write_text("")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_study(deep) == tmp_path.resolve() / "abgap.toml"
    (tmp_path / "a" / "abgap.toml").write_text("")
    assert find_study(deep) == tmp_path.resolve() / "a" / "abgap.toml"


def test_no_study_file_anywhere_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no abgap\.toml in .* or in any folder above it"):
        find_study(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[study]\nname = = 3", "FILE: is not valid TOML: Invalid value (at line 2, column 8)"),
        (
            b"[study]\n[study]",
            "FILE: is not valid TOML: Cannot declare ('study',) twice (at line 2, column 7)",
        ),
        (b"[study]\nname = '\xff'", "FILE: is not UTF-8 text (line 2); save it as UTF-8"),
        (b"x = " + b"[" * 100_000, "FILE: is nested too deeply to be read"),
    ],
)
def test_a_syntax_error_names_its_line(text: bytes, message: str, tmp_path: Path) -> None:
    assert _message(text, tmp_path) == message


def test_a_number_of_thousands_of_digits_is_no_traceback(tmp_path: Path) -> None:
    assert "is not valid TOML" in _message(b"x = " + b"9" * 5000, tmp_path)


def test_all_problems_are_found_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = b"""
[stud]
alpha = 1
[exposures]
path = "a"
colums = { experiment = "a", unit = "u", variant = "v" }
[experiments]
control = "A"
[metrics.a]
kind = "meen"
windw_days = "x"
[metrics.c]
kind = "ratio"
numeratr = { fact = "event", aggregate = "count" }
denominator = { fact = "event", aggregate = "sum" }
cap_percentile = 10
[funnels.x]
total = "a"
stages = ["c"]
[offline_metrics.n10]
gain = "lin"
[engine]
master = "local[2]"
"""
    kinds = "'mean', 'proportion', 'ratio', 'quantile' or 'retention'"
    assert _message(text, tmp_path).splitlines() == [
        "FILE: 15 problems",
        "  - stud: unknown key; did you mean 'study'?",
        "  - study.alpha: must be less than 0.5, but is the number 1",
        "  - exposures.colums: unknown key; did you mean 'columns'?",
        "  - experiments.control: must be a table, but is the text 'A'; write it under a name: [experiments.NAME]",
        f"  - metrics.a.kind: must be {kinds}, but is the text 'meen'; did you mean 'mean'?",
        "  - metrics.a.windw_days: unknown key; did you mean 'window_days'?",
        "  - metrics.a.window_days: must be a number, but is the text 'x'",
        "  - metrics.c.numeratr: unknown key; did you mean 'numerator'?",
        "  - metrics.c.numerator.fact: there is no fact table 'event'; declare it: [facts.NAME]",
        "  - metrics.c.denominator.fact: there is no fact table 'event'; declare it: [facts.NAME]",
        "  - metrics.c.denominator.value: is required for aggregate = 'sum'; name a column, or write an expression",
        "  - metrics.c.cap_percentile: must be greater than 50, but is the number 10",
        "  - funnels.x.stages: needs at least 2 entries, but has 1",
        "  - offline_metrics.n10.gain: must be 'linear' or 'exp', but is the text 'lin'; did you mean 'linear'?",
        '  - engine.master: is only for Spark; set name = "spark", or remove it',
    ]


def test_a_wrong_value_gives_one_plain_sentence(
    value_case: tuple[str, list[str]], problems: Problems
) -> None:
    study, expected = value_case
    assert problems(study) == expected


def test_every_form_a_value_may_take_is_read() -> None:
    text = """
[study]
alpha = 0.1
[exposures]
path = ["a.parquet", "b.parquet"]
columns = { experiment = { value = 7 }, unit = { expr = "lower(id)" }, variant = "v", at = "ts" }
[facts.events]
query_file = "events.sql"
columns = { unit = "u", at = "ts" }
[experiments.a]
control = "A"
split = { A = 1, B = 2.5 }
start = 2026-03-02
end = 2026-03-30T12:00:00+02:00
[experiments.b]
control = "A"
split = "equal"
[metrics.spend]
kind = "mean"
fact = "events"
value = "amount"
aggregate = "max"
window_days = 14
role = "guardrail"
direction = "down"
covariate = { lookback_days = 7 }
review_by = 2026-12-31
"""
    study = check_study(tomllib.loads(text))
    assert study.exposures is not None
    assert study.exposures.path == ["a.parquet", "b.parquet"]
    assert study.exposures.columns["experiment"] == ConstantColumn(value=7)
    assert study.exposures.columns["unit"] == ExpressionColumn(expr="lower(id)")
    assert isinstance(study.experiments, dict)
    first, second = study.experiments.values()
    assert first.split == {"A": 1.0, "B": 2.5}
    assert second.split == "equal"
    assert first.start == dt.date(2026, 3, 2)
    assert first.end == dt.datetime(2026, 3, 30, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    spend = study.metrics["spend"]
    assert (spend.kind, spend.role, spend.direction) == (Kind.MEAN, Role.GUARDRAIL, Direction.DOWN)
    assert (spend.window_days, spend.aggregate) == (14.0, Aggregate.MAX)
    assert spend.covariates == (Covariate(lookback_days=7),)
    assert spend.review_by == dt.date(2026, 12, 31)


def test_experiments_come_from_a_file_or_by_name_even_when_one_is_called_path() -> None:
    columns = "columns = { experiment = 'e', control = 'c', split = { value = 'equal' } }"
    moments = "[moments]\npath = 'm'\n"
    from_file = check_study(tomllib.loads(f"{moments}[experiments]\npath = 'e.csv'\n{columns}"))
    assert isinstance(from_file.experiments, ExperimentsFile)
    by_name = check_study(tomllib.loads(f"{moments}[experiments.path]\ncontrol = 'A'"))
    assert by_name.experiments == {"path": Experiment(control="A")}


def test_an_aggregate_is_a_sum_of_a_value_and_a_count_without_one() -> None:
    assert Part(fact="events").effective_aggregate is Aggregate.COUNT
    assert Part(fact="events", value="amount").effective_aggregate is Aggregate.SUM
    assert Part(fact="events", value="amount", aggregate=Aggregate.MAX).effective_aggregate is Aggregate.MAX


def test_a_metric_has_its_covariates_whichever_way_they_are_written() -> None:
    one = Covariate(column="a")
    assert Metric(kind=Kind.MEAN).covariates == ()
    assert Metric(kind=Kind.MEAN, covariate=one).covariates == (one,)
    assert Metric(kind=Kind.MEAN, covariate=[one, one]).covariates == (one, one)


def test_a_study_cannot_be_changed() -> None:
    study = Study()
    with pytest.raises(ValidationError):
        study.metrics = {}  # type: ignore[misc] # that it is frozen is the point


HOSTILE = [
    "<script>alert(1)</script>",
    "a\nb",
    "'; drop table x; --",
    'say "hi"',
    "a|b",
    "\x1b[31m",
    "a.b",
    "…" * 200,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_on_one_line_and_in_quotes(name: str, sound: Mapping[str, str]) -> None:
    data = tomllib.loads(sound["logs"])
    data["metrics"] = {name: {"kind": "mean", "fact": name, name: 1}}
    with pytest.raises(StudyError) as raised:
        check_study(data)
    assert len(raised.value.problems) == 2
    for problem in raised.value.problems:
        assert "\n" not in str(problem)
        assert "\x1b" not in str(problem)
    place = tomllib.loads(f"{raised.value.problems[0].path} = 1")
    assert place in ({"metrics": {name: {"fact": 1}}}, {"metrics": {name: {name: 1}}})


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_names_like_any_other(name: str) -> None:
    data = {
        "exposures": {
            "path": name,
            "columns": {"experiment": name, "unit": name, "variant": name},
            "slices": [name],
        },
        "experiments": {name: {"control": name, "treatments": ["B"], "models": {name: name}}},
        "facts": {name: {"path": name, "columns": {"unit": name}}},
        "metrics": {f"{name}!": {"kind": "mean", "fact": name}},
    }
    study = check_study(data)
    assert study.experiments == {name: Experiment(control=name, treatments=["B"], models={name: name})}


@pytest.mark.parametrize(
    ("moment", "timezone", "expected"),
    [
        (dt.date(2026, 3, 2), "UTC", "2026-03-02T00:00:00+00:00"),
        (dt.date(2026, 3, 2), "Europe/Berlin", "2026-03-01T23:00:00+00:00"),
        (dt.date(2026, 7, 2), "Europe/Berlin", "2026-07-01T22:00:00+00:00"),
        (dt.datetime(2026, 3, 2, 9), "Asia/Tokyo", "2026-03-02T00:00:00+00:00"),
        (dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC), "Asia/Tokyo", "2026-03-02T09:00:00+00:00"),
    ],
)
def test_dates_and_timestamps_become_utc(moment: dt.date, timezone: str, expected: str) -> None:
    assert as_utc(moment, timezone).isoformat() == expected


KEYS = st.sampled_from(
    ["study", "exposures", "facts", "units", "unit_values", "moments", "experiments", "metrics", "funnels",
     "offline", "offline_metrics", "models", "gap", "engine", "path", "query", "columns", "slices", "unit",
     "variant", "experiment", "at", "control", "treatments", "split", "start", "end", "kind", "fact",
     "where", "value", "aggregate", "numerator", "denominator", "covariate", "column", "lookback_days",
     "quantile", "total", "stages", "scores", "business", "exchange_rate", "timezone", "seed", "expr", "a",
     "A", ""]
)  # fmt: skip
WORDS = st.sampled_from(
    ["mean", "ratio", "proportion", "quantile", "retention", "sum", "count", "a", "A", "B", "equal", "UTC",
     "Mars/Base", "sequential", "guardrail", ""]
)  # fmt: skip
SCALARS = (
    st.booleans()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.floats()
    | st.text(max_size=5)
    | WORDS
    | st.datetimes(timezones=st.none() | st.just(dt.UTC))
    | st.dates()
    | st.times()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)


def _only_problems(data: Mapping[str, Any]) -> None:
    with contextlib.suppress(StudyError):
        check_study(data)
        return
    with pytest.raises(StudyError) as raised:
        check_study(data)
    sentences = [str(problem) for problem in raised.value.problems]
    assert sentences
    assert len(set(sentences)) == len(sentences)
    assert not [text for text in sentences if "\n" in text or "something else" in text]


@given(st.dictionaries(KEYS | st.text(max_size=5), VALUES, max_size=6))
def test_any_data_is_either_a_study_or_a_list_of_problems(data: dict[str, Any]) -> None:
    _only_problems(data)


TABLES = st.dictionaries(KEYS, VALUES, max_size=6)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "exposures": TABLES,
            "unit_values": TABLES,
            "moments": TABLES,
            "study": TABLES,
            "gap": TABLES,
            **{
                key: st.dictionaries(WORDS, TABLES, max_size=3)
                for key in ("facts", "experiments", "metrics", "funnels", "offline", "models")
            },
        },
    )
)
def test_tables_in_their_places_are_either_a_study_or_a_list_of_problems(data: dict[str, Any]) -> None:
    _only_problems(data)
