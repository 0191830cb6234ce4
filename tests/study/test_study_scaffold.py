"""`abgap init`: the first study loads, marks its guesses, and never guesses the control."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abgap.errors import ExitCode, UsageError
from abgap.records import Direction, Kind, Role
from abgap.study.load import check_study
from abgap.study.model import ConstantColumn, Covariate, Experiment, Study
from abgap.study.recipes import RECIPES
from abgap.study.scaffold import ColumnProfile, ColumnType, TableProfile, first_study, write_study


def text(name: str, *examples: str, distinct: int | None = None) -> ColumnProfile:
    return ColumnProfile(name=name, type="text", distinct=distinct or len(examples), examples=examples)


def number(name: str, low: float = 0, high: float = 99, *, distinct: int = 50) -> ColumnProfile:
    return ColumnProfile(name=name, type="number", distinct=distinct, minimum=low, maximum=high)


def yes_no(name: str) -> ColumnProfile:
    return ColumnProfile(name=name, type="integer", distinct=2, examples=("0", "1"), minimum=0, maximum=1)


def boolean(name: str) -> ColumnProfile:
    return ColumnProfile(name=name, type="boolean", distinct=2, examples=("false", "true"))


def time(name: str) -> ColumnProfile:
    return ColumnProfile(name=name, type="timestamp", distinct=90, minimum="2026-03-02 10:00:00")


def table(path: str, *columns: ColumnProfile, rows: int = 100) -> TableProfile:
    return TableProfile(path=path, columns=columns, rows=rows)


USER = text("user_id", "u1", "u2", distinct=100)
GROUP = text("group", "A", "B")


def load(tables: Sequence[TableProfile], control: str | None = None) -> Study:
    return check_study(tomllib.loads(write_study(tables, control=control)))


def test_one_table_of_outcomes_becomes_a_commented_study() -> None:
    users = table(
        "users.csv", USER, GROUP, text("country", "DE", "FR"), yes_no("converted"), number("revenue")
    )
    assert (
        write_study([users])
        == """\
# A first study, written by `abgap init` from the files it was given.
# What is marked "guess" was read off names and values: check each of them.
# docs/study.md explains every key; `abgap check` checks the data, `abgap report` writes the report.

[study]
name = "users"
# currency = "EUR"   # of the metrics that are money

[unit_values]   # guess: one row per unit, with its outcomes
path = "users.csv"
columns = { experiment = { value = "users" }, unit = "user_id", variant = "group" }   # guess: the role of each column
slices = ["country"]   # guess: known before the variant could change them

[experiments.users]
control = "A"   # guess by its name: every difference is against it
# start = 2026-03-02   # the first day that counts
# end = 2026-03-30   # the first day that counts no more
# split = "equal"   # the planned split, for the sample-ratio check

[metrics.revenue]   # guess, from 'revenue'
kind = "mean"
value = "revenue"
money = true   # guess
# cap_percentile = 99.9   # cuts the largest values of all arms
role = "primary"   # guess: the metric that decides
# smallest_worthwhile_lift = 0.01   # the smallest relative lift worth having

[metrics.converted]   # guess, from 'converted'
kind = "proportion"
value = "converted"
"""
    )
    assert load([users]).experiments == {"users": Experiment(control="A")}


def test_without_a_unit_column_every_row_is_a_unit() -> None:
    study = load([table("data/mail.csv.gz", text("segment", "Control", "Mens E-Mail"), number("spend"))])
    assert study.unit_values is not None
    assert study.unit_values.columns == {"experiment": ConstantColumn(value="mail"), "variant": "segment"}
    assert study.experiments == {"mail": Experiment(control="Control")}


def test_columns_before_the_experiment_are_covariates_of_their_twins() -> None:
    study = load(
        [table("u.csv", USER, GROUP, number("revenue"), number("pre_revenue"), number("clicks_before"))]
    )
    assert list(study.metrics) == ["revenue"]
    assert study.metrics["revenue"].covariate == Covariate(column="pre_revenue")


def test_kinds_directions_and_roles_follow_from_types_and_names() -> None:
    columns = [
        USER,
        GROUP,
        number("latency_ms"),
        boolean("churned"),
        boolean("signed_up"),
        number("Total Sales"),
    ]
    metrics = load([table("u.csv", *columns)]).metrics
    assert {name: (m.kind, m.direction, m.role, m.money, m.value) for name, m in metrics.items()} == {
        "total_sales": (Kind.MEAN, Direction.UP, Role.PRIMARY, True, '"Total Sales"'),
        "signed_up": (Kind.PROPORTION, Direction.UP, Role.SECONDARY, False, "signed_up"),
        "latency_ms": (Kind.MEAN, Direction.DOWN, Role.SECONDARY, False, "latency_ms"),
        "churned": (Kind.PROPORTION, Direction.DOWN, Role.SECONDARY, False, "churned"),
    }


def test_labels_and_constants_are_no_outcomes() -> None:
    labels = [
        number("session_key"),
        number("Unnamed: 0"),
        number("always_one", distinct=1),
        ColumnProfile(name="row_number", type="integer", distinct=100, minimum=1, maximum=100),
    ]
    assert list(load([table("u.csv", USER, GROUP, *labels, number("orders"))]).metrics) == ["orders"]


def test_slices_are_texts_of_few_values_and_words_for_new_users() -> None:
    columns = [
        text("device", "ios", "web"),
        boolean("is_new"),
        text("city", "a", distinct=500),
        text("day", "Mo", "Tu"),
    ]
    study = load([table("u.csv", USER, GROUP, *columns, number("orders"))])
    assert study.unit_values is not None
    assert study.unit_values.slices == ["device", "is_new"]


def test_exposures_events_units_and_scores_find_their_places() -> None:
    exposures = table(
        "logs/exposures/*.parquet",
        text("experiment_id", "search_v2", "search_v3"),
        USER,
        text("variation_id", "control", "treatment"),
        time("ts"),
        text("device", "ios", "web"),
    )
    events = table(
        "logs/events/**/*.parquet",
        text("user_id", "u1", distinct=60),
        time("ts"),
        text("event", "click", "purchase"),
        number("amount"),
        rows=900,
    )
    units = table("users.parquet", USER, number("pre_amount"), number("age"))
    models = text("model", "control", "treatment")
    scores = table("scores.csv", models, text("metric", "ndcg@10", "mrr"), text("qid", "q"), number("value"))
    unclear = table("regions.csv", text("name", "Europe", "Asia"))
    written = write_study([unclear, scores, units, events, exposures])
    study = check_study(tomllib.loads(written))
    assert study.exposures is not None
    assert study.exposures.columns == {
        "experiment": "experiment_id", "unit": "user_id", "variant": "variation_id", "at": "ts",
    }  # fmt: skip
    assert study.exposures.slices == ["device"]
    assert study.facts["events"].columns == {"unit": "user_id", "at": "ts"}
    assert study.units is not None
    assert study.units.columns == {"unit": "user_id"}
    assert study.experiments == {
        "search_v2": Experiment(control="control", models={"control": "control", "treatment": "treatment"}),
        "search_v3": Experiment(control="control", models={"control": "control", "treatment": "treatment"}),
    }
    revenue, clicks, purchases = study.metrics.values()
    assert (revenue.where, revenue.value, revenue.role) == ("event = 'purchase'", "amount", Role.PRIMARY)
    assert revenue.covariate == Covariate(column="pre_amount")
    assert (clicks.kind, clicks.where) == (Kind.PROPORTION, "event = 'click'")
    assert (purchases.kind, purchases.where) == (Kind.PROPORTION, "event = 'purchase'")
    assert study.offline.scores is not None
    assert study.offline.scores.columns == {
        "model": "model",
        "metric": "metric",
        "value": "value",
        "query": "qid",
    }
    assert study.gap.offline == ["ndcg@10", "mrr"]
    assert study.gap.business == ["amount_per_unit"]
    assert "# start = 2026-03-02   # the first day that counts; first seen: 2026-03-02 10:00:00" in written
    assert written.endswith("# not used: 'regions.csv'\n")


def test_models_of_other_names_are_left_to_be_filled_in() -> None:
    scores = table(
        "scores.csv", text("model", "ranker-1", "ranker-2"), text("metric", "auc"), number("value")
    )
    written = write_study([scores, table("u.csv", USER, GROUP, number("orders"))])
    assert (
        '# models = { A = "ranker-1", B = "ranker-2" }   # which model each variant served: fill in'
        in written
    )
    assert check_study(tomllib.loads(written)).experiments == {"u": Experiment(control="A")}


def test_units_that_repeat_make_exposures_and_facts_of_the_same_file() -> None:
    rows = table(
        "ab.csv",
        text("USER_ID", "1", distinct=60),
        text("VARIANT_NAME", "control", "variant"),
        number("REVENUE"),
    )
    study = load([rows])
    assert study.exposures is not None
    assert study.exposures.path == study.facts["outcomes"].path == "ab.csv"
    assert study.metrics["revenue"].fact == "outcomes"


def test_a_log_with_variants_and_events_makes_both() -> None:
    log = table(
        "log.csv",
        text("uid", "1", distinct=60),
        GROUP,
        time("ts"),
        text("event", "click", "buy"),
        number("price"),
    )
    study = load([log])
    assert study.facts["events"].columns == {"unit": "uid", "at": "ts"}
    assert study.metrics["price_per_unit"].where == "event = 'buy'"


def test_a_column_that_sql_would_misread_is_quoted() -> None:
    rows = table(
        "ab.csv",
        text("user", "1", distinct=60),
        text("arm", "control", "new"),
        yes_no("order"),
        yes_no('a"b'),
    )
    metrics = load([rows]).metrics
    assert [metric.where for metric in metrics.values()] == ['"order" = 1', '"a""b" = 1']


def test_events_are_quoted_as_text() -> None:
    events = table("e.csv", USER, text("event", "it's", "b"), time("ts"))
    study = load([table("x.csv", USER, text("variant", "control", "b")), events])
    assert study.metrics["it_s_rate"].where == "event = 'it''s'"


def test_exposures_without_outcomes_say_what_is_missing() -> None:
    written = write_study([table("x.csv", USER, text("variant", "control", "b"))])
    assert check_study(tomllib.loads(written)).metrics == {}
    assert "# No outcome was found. Declare a table of [facts], and metrics over it such as:" in written


def test_texts_that_read_as_times_are_times() -> None:
    stamped = text("timestamp", "2017-01-21 22:11:48.556739", distinct=90)
    study = load([table("x.csv", USER, text("variant", "control", "b"), stamped, yes_no("bought"))])
    assert study.unit_values is not None
    assert study.unit_values.columns["at"] == "timestamp"


def test_many_experiments_are_listed_as_far_as_they_are_known() -> None:
    names = tuple(f"test {i}" for i in range(30))
    exposures = table(
        "x.csv", text("experiment", *names, distinct=900), USER, text("variant", "control", "b")
    )
    written = write_study([exposures])
    experiments = check_study(tomllib.loads(written)).experiments
    assert isinstance(experiments, dict)
    assert list(experiments) == list(names[:20])
    assert "# 'experiment' holds more experiments: add them, or use [experiments] with a path" in written


@pytest.mark.parametrize("name", ["control", "A", "Baseline", "control_group", "1 (control)", "status quo"])
def test_a_variant_with_a_telling_name_is_the_control(name: str) -> None:
    study = load([table("u.csv", USER, text("arm", "zzz", name), number("orders"))])
    assert study.experiments == {"u": Experiment(control=name)}


@pytest.mark.parametrize(
    ("variant", "control", "message"),
    [
        (
            text("arm", "gate_30", "gate_40"),
            None,
            "which variant of 'arm' is the control? Seen are 'gate_30', 'gate_40'",
        ),
        (text("arm", "A", "control"), None, "which variant of 'arm' is the control? Seen are 'A', 'control'"),
        (text("arm", "x", distinct=9), None, "which variant of 'arm' is the control? Seen are 'x', ..."),
        (text("arm", "x", "y"), "z", "there is no variant 'z'; seen are 'x', 'y'"),
        (text("arm", "x", "y"), "", "there is no variant ''; seen are 'x', 'y'"),
        (text("arm", "x"), None, "the variant column 'arm' holds one value only ('x')"),
    ],
)
def test_the_control_is_never_guessed(variant: ColumnProfile, control: str | None, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        write_study([table("u.csv", USER, variant, number("orders"))], control=control)
    assert raised.value.message == message
    assert raised.value.exit_code is ExitCode.USAGE


def test_the_control_can_be_named() -> None:
    written = write_study([table("u.csv", USER, text("arm", "x", "y"), number("orders"))], control="y")
    assert 'control = "y"   # as given with --control' in written


def test_files_without_variants_are_refused_with_what_was_seen() -> None:
    with pytest.raises(UsageError) as raised:
        write_study([table("w.csv", text("MarketID", "1"), number("Sales"))])
    assert raised.value.message == (
        "no file says which unit saw which variant (in a column such as variant, group or arm): "
        "'w.csv' has 'MarketID', 'Sales'"
    )


def test_an_experiment_column_without_names_is_refused() -> None:
    columns = (text("experiment", distinct=3), USER, text("variant", "control", "b"))
    with pytest.raises(UsageError, match="the experiment column 'experiment' names no experiment"):
        write_study([table("x.csv", *columns)])


TYPES: st.SearchStrategy[ColumnType] = st.sampled_from(["text", "number", "integer", "boolean", "timestamp"])
NAMES = st.text(max_size=8) | st.sampled_from(
    ["accepted", "task_completed", "tickets", "help", "seconds", "session", "churned",
     "user_id", "group", "variant", "experiment", "ts", "event", "revenue", "pre_revenue", "model", "metric", "value",
     "query", "Revenue", "day", "is_new", "select", "a'b", 'a"b', "<script>", "x\ny", "a.b", "\x1b[31m", "units"]
)  # fmt: skip
EXAMPLES = st.lists(
    st.text(max_size=6) | st.sampled_from(["control", "A", "B", "'; drop"]), max_size=4, unique=True
)
COLUMNS = st.builds(
    ColumnProfile,
    name=NAMES,
    type=TYPES,
    distinct=st.none() | st.integers(0, 30),
    examples=EXAMPLES.map(tuple),
    minimum=st.none() | st.sampled_from([0, -1.5]) | st.text(max_size=6),
    maximum=st.none() | st.sampled_from([1, 99]) | st.text(max_size=6),
)
WITH_VARIANTS = st.lists(COLUMNS, max_size=6).map(
    lambda columns: [text("user_id", "1", distinct=40), text("variant", "control", "b"), *columns]
)
NAMED = EXAMPLES.map(lambda examples: ColumnProfile(name="model", type="text", examples=tuple(examples)))
SCORES = st.tuples(NAMED, NAMED).map(
    lambda pair: [pair[0], dataclasses.replace(pair[1], name="metric"), number("value")]
)
TABLES = st.builds(
    TableProfile,
    path=st.text(min_size=1, max_size=10),
    columns=(WITH_VARIANTS | SCORES | st.lists(COLUMNS, max_size=6)).map(tuple),
    rows=st.integers(0, 50),
)


@given(st.lists(TABLES, min_size=1, max_size=4), st.none() | st.just("control"))
def test_whatever_the_names_the_study_loads(tables: list[TableProfile], control: str | None) -> None:
    try:
        written = first_study(tables, control=control, recipes=tuple(RECIPES.values()))
    except UsageError:
        return
    study = check_study(tomllib.loads(written.text))
    if study.experiments:
        placed = sum(name in study.metrics or f"{name}_2" in study.metrics for name in RECIPES)
        assert placed + len(written.missing) >= len(RECIPES)


def test_a_fact_table_without_numbers_gives_the_share_of_units_in_it() -> None:
    visits = table("visits.csv", text("user_id", "u1", distinct=60), time("ts"), rows=900)
    study = load([table("x.csv", USER, text("variant", "control", "b")), visits])
    assert {name: (m.kind, m.fact) for name, m in study.metrics.items()} == {
        "visits_rate": (Kind.PROPORTION, "visits")
    }


def test_money_without_a_purchase_event_is_added_up_over_all_rows_and_other_numbers_are_left() -> None:
    events = table("e.csv", USER, text("event", "x", "y"), number("revenue"), number("scroll_depth"))
    study = load([table("x.csv", USER, text("variant", "control", "b")), events])
    assert list(study.metrics) == ["revenue_per_unit", "x_rate", "y_rate"]
    assert study.metrics["revenue_per_unit"].where is None


def test_two_tables_of_one_name_are_two_facts() -> None:
    facts = [table(f"{folder}/events.csv", USER, time("ts"), number("orders")) for folder in ("a", "b")]
    study = load([table("x.csv", USER, text("variant", "control", "b")), *facts])
    assert list(study.facts) == ["events", "events_2"]


def test_tables_and_columns_that_are_not_used_are_named() -> None:
    exposures = table("x.csv", USER, text("variant", "control", "b"), number("orders"))
    events = table("e.csv", USER, text("event", "x", "y"), time("ts"))
    units = table("people.csv", USER, number("age"))
    written = write_study([exposures, events, units])
    assert "# not used: 'orders'" in written
    assert written.endswith("# not used: 'people.csv'\n")
    assert check_study(tomllib.loads(written)).units is None


RUN = table("runs.parquet", text("model", "new", "old"), text("qid", "1"), text("doc", "d"), number("score"))
QRELS = table("qrels.csv", text("qid", "1"), text("doc", "d"), number("relevance"))


def test_results_of_models_alone_make_a_study_without_experiments() -> None:
    written = write_study([RUN, QRELS, table("notes.csv", text("note", "x"))])
    study = check_study(tomllib.loads(written))
    assert study.offline.rankings is not None
    assert study.offline.judgements is not None
    assert study.offline.rankings.columns == {
        "model": "model",
        "query": "qid",
        "item": "doc",
        "score": "score",
    }
    assert study.offline.judgements.columns == {"query": "qid", "item": "doc", "relevance": "relevance"}
    assert '# production = "new"' in written
    assert "# not used: 'notes.csv'" in written


@pytest.mark.parametrize(
    ("truth", "predicted", "task"),
    [
        (yes_no("label"), number("score", 0, 1), "binary"),
        (text("actual", "cat", "dog"), text("predicted", "cat", "dog"), "multiclass"),
        (number("y_true"), number("y_pred"), "regression"),
    ],
)
def test_predictions_say_what_is_predicted(truth: ColumnProfile, predicted: ColumnProfile, task: str) -> None:
    study = load([table("p.csv", text("id", "1", "2"), truth, predicted)])
    assert study.offline.predictions is not None
    assert study.offline.predictions.task == task
    assert study.offline.predictions.columns["model"] == ConstantColumn(value="model")


def test_a_table_with_variants_is_an_experiment_even_where_it_could_be_predictions() -> None:
    ids = text("id", "1", distinct=100)
    study = load([table("users.csv", ids, GROUP, yes_no("outcome"), number("score"))])
    assert study.unit_values is not None


def test_rankings_stand_beside_an_experiment() -> None:
    study = load([table("users.csv", USER, GROUP, yes_no("converted")), RUN, QRELS])
    assert study.unit_values is not None
    assert study.offline.rankings is not None
    assert study.offline.scores is None


@pytest.mark.parametrize("alone", [RUN, QRELS])
def test_rankings_that_nobody_judged_are_not_used(alone: TableProfile) -> None:
    users = table("users.csv", USER, GROUP, yes_no("converted"))
    written = write_study([users, alone])
    study = check_study(tomllib.loads(written))
    assert (study.offline.rankings, study.offline.judgements) == (None, None)
    assert f"# not used: '{alone.path}'" in written


def test_the_kind_of_a_judgement_is_told_from_its_grade() -> None:
    judged = table(
        "qrels.csv", text("qid", "1"), text("doc", "d"), number("relevance"), text("label", "click", "buy")
    )
    study = load([RUN, judged])
    assert study.offline.judgements is not None
    assert study.offline.judgements.columns == {
        "query": "qid",
        "item": "doc",
        "relevance": "relevance",
        "label": "label",
    }
