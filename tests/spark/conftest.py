"""Spark on this machine, and studies that together run every query of the catalogue."""

from __future__ import annotations

import dataclasses
import gzip
import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abgap.engine.catalogue import Statement
from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.protocol import Columns, Engine, Relation, Row
from abgap.engine.spark_session import start_session
from abgap.errors import EngineError
from abgap.lab.sample.generation import generate
from abgap.lab.sample.truth import EXPERIMENTS
from abgap.offline.shadow import ShadowRun
from abgap.online.rerandomised import Splits
from abgap.pipeline.analysis import Analysis
from abgap.pipeline.results import make_results
from abgap.records import Kind, Moments, QueryText
from abgap.sources.sql import identifier
from abgap.study import model
from abgap.study.load import load_study

ROOT = Path(__file__).resolve().parents[2]
SLICES = 'slices = ["device", "country", "new_user"]'
MOST_ROWS = 2_000
# Places within a tie are in no particular order until ties are broken.
COMPARED = dict.fromkeys(
    ("ranking_places", "lazy_places", "live_values: places", "live_recomputed: places"),
    "model_id, query_id, item, score, is_tied, case when not is_tied then place end as place",
)
# Small data: what counts is how fast a plan is made, not how fast it runs; and nobody reads what Spark writes of it.
SAMPLED = {"typo_tolerance", "cross_encoder"}
"""A plain experiment, one with a broken split, one of three arms, one with units in two variants."""
QUICK_JAVA = (
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
)
QUICK = {
    "spark.driver.extraJavaOptions": QUICK_JAVA,
    "spark.driver.memory": "1g",
    "spark.executor.extraJavaOptions": QUICK_JAVA,
    "spark.log.level": "ERROR",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.maxPlanStringLength": "1000",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.ui.explainMode": "simple",
}


@contextmanager
def spark(master: str) -> Iterator[Callable[[], Engine]]:
    """Engines in one session on ``master``; the test is skipped when Spark cannot start here."""
    with warnings.catch_warnings():
        # Spark's own: sockets that it leaves to the garbage collector, and its opinion of pandas 3.
        warnings.simplefilter("ignore")
        try:
            session = start_session(model.Engine(name="spark", master=master, settings=QUICK))
        except EngineError as error:
            pytest.skip(f"no Spark here: {error.message}; tests/spark/install.sh")
        assert session.sparkContext.master == master
        from abgap.engine.spark import SparkEngine  # noqa: PLC0415 - only importable with Spark

        try:
            yield lambda: SparkEngine(session, stop=False)
        finally:
            with suppress(Exception):
                session.stop()


LOCAL = "local[2]"


@pytest.fixture(scope="module")
def on_spark(request: pytest.FixtureRequest) -> Iterator[Callable[[], Engine]]:
    with spark(getattr(request, "param", LOCAL)) as engines:
        yield engines


@pytest.fixture(scope="session")
def compared() -> Callable[..., set[str]]:
    """Runs a study on both engines, holds statements and results against each other, names what ran."""
    return _compared


@pytest.fixture(scope="session", name="different")
def different_fixture() -> Callable[[Any, Any], list[str]]:
    """Where two values differ by more than 1e-9."""
    return different


def _compared(study: Path, on_spark: Callable[[], Engine], *, rows: bool = True) -> set[str]:
    """rows: also those of every table and view, which no answer shows."""
    loaded = load_study(study)
    with DuckDBEngine(directory=study.parent) as duckdb, on_spark() as other:
        both = [Listening(duckdb), Listening(other)]
        analyses = [Analysis(loaded, engine, _silent) for engine in both]
        found = [make_results(analysis) for analysis in analyses]
        folds = [
            {f.name: list(getattr(a.moments_and_folds, f.name)) for f in dataclasses.fields(Moments)}
            for a in analyses
        ]
        assert different(folds[0], folds[1]) == []
        runs = [analysis.offline.shadow("two", "one") for analysis in analyses]
        assert different(plain_run(runs[0]), plain_run(runs[1])) == []
        assert bits_of_draws(analyses[0]) == bits_of_draws(analyses[1])
        if loaded.study.moments is None:
            divided = [bits_of_divisions(analysis) for analysis in analyses]
            assert divided[0] == divided[1]
        here, there = (dataclasses.asdict(dataclasses.replace(r, provenance=None)) for r in found)  # type: ignore[arg-type]
        assert different(here, there) == []
        ran_here, ran_there = (list(map(without_types, engine.record.texts)) for engine in (duckdb, other))
        assert [text for text in ran_here if text not in ran_there] == []
        assert ran_here == ran_there
        assert different(both[0].answers, both[1].answers) == []
        for name in both[0].made if rows else ():
            ((count,),) = duckdb.rows(f"SELECT count(*) AS n FROM {identifier(name)}")
            if count > MOST_ROWS:
                continue  # its answers are compared; its rows would take Python longer than all the rest
            columns = COMPARED.get(name, "*")
            expected, got = (
                in_order(e.rows(f"SELECT {columns} FROM {identifier(name)}")) for e in (duckdb, other)
            )
            assert different(expected, got, name) == []
        return {statement.query.name for statement in duckdb.record.compiled}


def plain_run(run: ShadowRun | None) -> Any:
    """A shadow run without its source."""
    return None if run is None else {**dataclasses.asdict(run), "relation": None}


def bits_of_draws(analysis: Analysis) -> dict[tuple[object, ...], bytes]:
    """Every draw of the bootstrap, by metric and arm."""
    found = analysis.resamples
    metrics = {} if found is None else found.metrics
    return {
        (name, *key): draws.tobytes() for name, by_key in metrics.items() for key, draws in by_key.items()
    }


def bits_of_divisions(analysis: Analysis) -> list[bytes]:
    """Moments of the units of an experiment, divided anew a few times."""
    metrics = {n: m for n, m in analysis.study.metrics.items() if m.kind is not Kind.QUANTILE}
    strata = tuple(dict.fromkeys(m.stratify_by for m in metrics.values() if m.stratify_by))
    first = next(iter(analysis.declared.values()))
    splits = Splits(
        experiment=first.name, control=first.control, treatment="it's B", control_share=0.3,
        metrics=tuple(metrics), strata=strata, draws=5, seed=3,
    )  # fmt: skip
    card = analysis.divided_anew(splits)
    if card is None:
        return []
    columns = (getattr(card.moments, f.name) for f in dataclasses.fields(Moments))
    return [c.tobytes() if c.dtype == np.float64 else repr(c.tolist()).encode() for c in columns]


def without_types(query: QueryText) -> str:
    """A statement as it ran; of the view of a source only its name, since engines find other types in text files."""
    return query.name if query.name in {"exposures", "fact", "units", "unit_values"} else query.sql


class Listening:
    """An engine whose answers are kept, and the names of what it made."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.answers: list[tuple[str, Any]] = []
        self.made: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def fetch(self, statement: Statement) -> Columns:
        found = self._engine.fetch(statement)
        whole = whole_sums(found)
        rows = list(zip(*whole.values(), strict=True))
        self.answers.append((statement.query.name, [list(whole), in_order(rows)]))
        return found

    def fetch_row(self, statement: Statement) -> Row:
        found = self._engine.fetch_row(statement)
        self.answers.append((statement.query.name, found))
        return found

    def statistics(self, relation: Relation, columns: Sequence[str]) -> None:
        """None, so that rows are read for what files may say about themselves: only then can answers be compared."""

    def create_table(self, name: str, statement: Statement) -> None:
        self._engine.create_table(name, statement)
        self.made = [*(known for known in self.made if known != name), name]

    def create_view(self, name: str, statement: Statement) -> None:
        self._engine.create_view(name, statement)
        self.made = [*(known for known in self.made if known != name), name]


def _silent(message: str) -> None:
    """No progress."""


def whole_sums(found: Columns) -> Columns:
    """The parts of exact sums together: logarithms of engines differ in the last digit, where a part has its first."""
    whole: Columns = {}
    for name, column in found.items():
        stem = name.partition(" (part ")[0]
        whole[stem] = whole[stem] + column if stem in whole and stem != name else column
    return whole


def in_order(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows in an order of their own: most statements promise none."""
    found = [[plain(value) for value in row] for row in rows]
    return sorted(found, key=lambda row: [f"{v:.6g}" if isinstance(v, float) else str(v) for v in row])


def plain(value: Any) -> Any:
    """A value without what only one engine has: types of numbers, and the flags that put nulls last on Spark."""
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if not name.endswith(": is null")}
    return float(value) if isinstance(value, int | float | Decimal | np.number) else value


def different(here: Any, there: Any, where: str = "") -> list[str]:
    """Where two documents differ by more than 1e-9 of the larger number."""
    if isinstance(here, dict) and isinstance(there, dict) and list(here) == list(there):
        return [d for key in here for d in different(here[key], there[key], f"{where}.{key}")]
    if isinstance(here, list | tuple) and isinstance(there, list | tuple) and len(here) == len(there):
        return [
            d
            for i, pair in enumerate(zip(here, there, strict=True))
            for d in different(*pair, f"{where}[{i}]")
        ]
    here, there = plain(here), plain(there)
    if isinstance(here, float) and isinstance(there, float):
        near = math.isclose(here, there, rel_tol=1e-9) or (math.isnan(here) and math.isnan(there))
        return [] if near else [f"{where}: {here} {there}"]
    return [] if here == there else [f"{where}: {here!r} {there!r}"]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample study over a thin slice of its data: two of its experiments, and two of its three slices."""
    folder = tmp_path_factory.mktemp("sample")
    generate(folder, scale=0.002)
    text = (ROOT / "sample_data" / "abgap.toml").read_text(encoding="utf-8")
    assert SLICES in text
    study = folder / "abgap.toml"
    text = _without_experiments(folder, text.replace(SLICES, 'slices = ["device", "new_user"]'))
    study.write_text(text, encoding="utf-8")
    return study


def _without_experiments(folder: Path, text: str) -> str:
    """The study without the experiments that say nothing new to an engine, and without their logs."""
    for number, experiment in enumerate(EXPERIMENTS, start=1):
        if experiment.name not in SAMPLED:
            for file in folder.glob(f"logs/*/month=*/part-{number:02d}.parquet"):
                file.unlink()
            text = re.sub(rf"\[experiments\.{experiment.name}\]\n(?:.+\n)+", "", text)
    return text


@pytest.fixture(scope="session")
def ready_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One row per unit in CSV; ids with leading zeros, caps, missing values, crowded values, experiments in a file."""
    folder = tmp_path_factory.mktemp("ready_made")
    rng = np.random.default_rng(7)
    n = 400
    spend = rng.lognormal(3.0, 1.5, n)
    frame = pd.DataFrame(
        {
            "user": [f"{i:05d}" for i in range(n)],
            "test": ["e1" if i % 3 else 'it\'s; "e2"' for i in range(n)],
            "arm": rng.choice(["A", "B"], n),
            "device": [None if i % 11 == 0 else ("phone" if i % 2 else "desk|top") for i in range(n)],
            "seen": [f"2026-03-{1 + i % 5:02d} 23:30:00" for i in range(n)],
            "spend": spend,
            "before": np.where(np.arange(n) % 7 == 0, np.nan, spend + rng.normal(0, 5, n)),
            "items": rng.integers(0, 9, n),
            "clock": 1e9 + rng.normal(0, 1e-3, n),
        }
    )
    frame.to_csv(folder / "users.csv", index=False)
    pd.DataFrame({"name": ["e1", 'it\'s; "e2"'], "ctl": ["A", "A"]}).to_csv(folder / "tests.csv", index=False)
    study = folder / "abgap.toml"
    study.write_text(
        """
[study]
timezone = "America/New_York"
[unit_values]
path = "users.csv"
columns = { experiment = "test", unit = "user", variant = "arm", at = "seen" }
slices = ["device"]
[experiments]
path = "tests.csv"
columns = { experiment = "name", control = "ctl" }
[metrics.spend]
kind = "mean"
value = "spend"
cap_percentile = 95
covariate = { column = "before" }
[metrics.bought]
kind = "proportion"
value = "items > 0"
[metrics.per_item]
kind = "ratio"
numerator = { value = "spend" }
denominator = { value = "items" }
[metrics.clock]
kind = "mean"
value = "clock"
[metrics.dear]
kind = "quantile"
value = "items"
quantile = 0.8
""",
        encoding="utf-8",
    )
    return study


@pytest.fixture(scope="session")
def logs_with_units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs in JSON lines with a table of units; first exposures that tie, with a slice that is missing."""
    folder = tmp_path_factory.mktemp("logs")
    rng = np.random.default_rng(8)
    units = [f"{i:04d}" for i in range(200)]
    exposures = pd.DataFrame(
        {
            "unit": units * 2,
            "arm": ["A" if int(u) % 2 else "B" for u in units] * 2,
            "country": [None, "DE", "FR", None] * 100,
            "ts": ["2026-03-01T12:00:00+01:00"] * 400,
        }
    )
    exposures.to_json(folder / "seen.jsonl", orient="records", lines=True)
    seconds = rng.uniform(0, 10 * 86400, 2000)
    events = pd.DataFrame(
        {
            "unit": rng.choice(units, 2000),
            "ts": (pd.Timestamp("2026-03-01") + pd.to_timedelta(seconds, unit="s")).astype("datetime64[us]"),
            "amount": rng.lognormal(2, 1, 2000),
            "kind": rng.choice(["buy", "look"], 2000),
        }
    )
    for day, part in events.groupby(events.ts.dt.date):
        part.to_parquet(folder / f"events-{day}.parquet", index=False)
    pd.DataFrame({"unit": units, "age": rng.integers(18, 80, 200)}).to_parquet(
        folder / "units.parquet", index=False
    )
    served_models(folder, units)
    study = folder / "abgap.toml"
    study.write_text(
        SERVED
        + """
[exposures]
path = "seen.jsonl"
columns = { experiment = { value = "e" }, unit = "unit", variant = "arm", at = "ts" }
slices = ["country"]
[facts.events]
path = "events-*.parquet"
columns = { unit = "unit", at = "ts" }
[units]
path = "units.parquet"
columns = { unit = "unit" }
[experiments.e]
control = "A"
start = 2026-03-01
models = { A = "old", B = "new" }
[metrics.revenue]
kind = "mean"
fact = "events"
where = "kind = 'buy'"
value = "amount * 1.1"
window_days = 7
covariate = { column = "age" }
smallest_worthwhile_lift = 0.01
[metrics.largest]
kind = "mean"
fact = "events"
value = "amount"
aggregate = "max"
[metrics.back]
kind = "retention"
fact = "events"
where = "kind = 'look'"
from_day = 1
to_day = 9
[metrics.usual]
kind = "quantile"
fact = "events"
value = "amount"
quantile = 0.6
window_days = 4
role = "primary"
[metrics.most]
kind = "quantile"
fact = "events"
value = "amount"
aggregate = "sum"
quantile = 0.75
""",
        encoding="utf-8",
    )
    return study


SERVED = """
[facts.outcomes]
path = "outcomes.parquet"
columns = { unit = "unit", at = "ts" }
[offline.predictions]
path = "tests.parquet"
task = "binary"
columns = { model = "by", example = "id", y_true = "y", y_score = "p", at = "t" }
features = ["f"]
[offline.trained_on]
path = "trained.parquet"
columns = { example = "id", model = "by" }
[models.new]
trained_until = 2026-02-01
[offline.rankings]
path = "runs.parquet"
columns = { model = "by", query = "q", item = "d", score = "s", position = "k", propensity = "e" }
[offline.judgements]
path = "judged.parquet"
columns = { query = "q", item = "d", relevance = "r" }
[live.predictions]
path = "served.parquet"
columns = { unit = "unit", at = "ts", model = "by", example = "id", y_score = "p", offline_score = "o" }
outcome = { fact = "outcomes", within_days = 0.5, key = "id" }
[live.rankings]
path = "lists.parquet"
columns = { unit = "unit", at = "ts", model = "by", query = "id", item = "d", score = "s", offline_score = "o" }
outcome = { fact = "outcomes", key = "id", item = "d" }
[offline_metrics.roc_auc]
[offline_metrics.log_loss]
[offline_metrics."hit@2"]
[gap]
offline = ["roc_auc", "hit@2"]
business = ["revenue"]
"""


def served_models(folder: Path, units: Sequence[str]) -> None:
    """Two models on a test set and in production, with outcomes; four rows that name no request."""
    rng = np.random.default_rng(31)
    by = np.array(["A" if int(u) % 2 else "B" for u in units])
    n = len(units)
    ts = pd.Timestamp("2026-03-02") + pd.to_timedelta(np.arange(n) * 600, unit="s")
    ids = [*[None] * 4, *(f"it's {i}" for i in range(4, n))]
    frame = {
        "unit": units,
        "ts": ts.astype("datetime64[us]"),
        "by": np.where(by == "A", "old", "new"),
        "id": ids,
    }
    served = pd.DataFrame(frame | {"p": rng.random(n).round(2), "o": rng.random(n).round(2)})
    served.to_parquet(folder / "served.parquet", index=False)
    lists = pd.concat(
        [served.iloc[4::5].assign(d=f"d{i}", s=rng.random(len(served.iloc[4::5]))) for i in range(3)]
    )
    lists.drop(columns="p").to_parquet(folder / "lists.parquet", index=False)
    happened = served.iloc[4::3].assign(d="d1", ts=served.ts + pd.Timedelta("1h"))
    happened[["unit", "ts", "id", "d"]].to_parquet(folder / "outcomes.parquet", index=False)
    y = rng.integers(0, 2, 40)
    tests = {"id": np.arange(40), "y": y, "f": y + rng.normal(size=40), "t": pd.Timestamp("2026-02-03")}
    table = pd.concat([pd.DataFrame(tests | {"by": m, "p": rng.random(40)}) for m in ("old", "new")])
    table.to_parquet(folder / "tests.parquet", index=False)
    table[["id", "by"]].iloc[:9].to_parquet(folder / "trained.parquet", index=False)
    runs = [(m, f"q{q}", f"d{d}", rng.random()) for m in ("old", "new") for q in range(9) for d in range(3)]
    shown = pd.DataFrame(runs, columns=["by", "q", "d", "s"])
    shown["k"] = shown.groupby("by").cumcount() % 3 + 1.0
    shown["e"] = 1.0 / shown["k"]
    shown.loc[shown["by"] == "new", ["k", "e"]] = np.nan
    shown.to_parquet(folder / "runs.parquet", index=False)
    judged = pd.DataFrame({"q": [f"q{q}" for q in range(9)], "d": "d1", "r": 1})
    judged.to_parquet(folder / "judged.parquet", index=False)


@pytest.fixture(scope="session")
def numbered_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parquet logs whose ids are numbers: repeated and mixed exposures, sessions, amounts below zero."""
    folder = tmp_path_factory.mktemp("numbered")
    rng = np.random.default_rng(9)
    start, second = pd.Timestamp("2026-03-01"), pd.Timedelta(seconds=1)
    units = np.concatenate([np.arange(150), rng.integers(0, 150, 20)])
    seen = start + rng.integers(0, 3 * 86400, 170) * second
    pd.DataFrame(
        {
            "unit": pd.array(units, dtype="Int64"),
            "arm": np.where((units % 2 == 0) ^ (np.arange(170) > 165), "A", "B"),
            "ts": seen.astype("datetime64[us]"),
        }
    ).to_parquet(folder / "seen.parquet", index=False)
    at = start + rng.integers(-86400, 9 * 86400, 3000) * second
    pd.DataFrame(
        {
            "unit": rng.integers(0, 170, 3000).astype(np.int32),
            "ts": at.astype("datetime64[us]"),
            "session": pd.array(rng.integers(0, 99, 3000), dtype="Int64"),
            "kind": rng.choice(["buy", "look"], 3000),
            "amount": rng.normal(20, 30, 3000),
        }
    ).to_parquet(folder / "events.parquet", index=False)
    study = folder / "abgap.toml"
    study.write_text(
        """
[exposures]
path = "seen.parquet"
columns = { experiment = { value = "e" }, unit = "unit", variant = "arm", at = "ts" }
[facts.events]
path = "events.parquet"
columns = { unit = "unit", at = "ts" }
[experiments.e]
control = "A"
[bootstrap]
replicates = 400
[metrics.revenue]
kind = "mean"
fact = "events"
where = "kind = 'buy'"
value = "amount"
window_days = 7
bootstrap = true
role = "primary"
[metrics.price]
kind = "mean"
fact = "events"
value = "amount"
aggregate = "mean"
window_days = 2
[metrics.cheapest]
kind = "mean"
fact = "events"
value = "amount"
aggregate = "min"
[metrics.sessions]
kind = "mean"
fact = "events"
value = "session"
aggregate = "count_distinct"
window_days = 7
[metrics.buying]
kind = "ratio"
numerator = { fact = "events", where = "kind = 'buy'", value = "session", aggregate = "count_distinct" }
denominator = { fact = "events", aggregate = "count" }
bootstrap = true
""",
        encoding="utf-8",
    )
    return study


@pytest.fixture(scope="session")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Households that were randomised, with some in two variants and members of none."""
    folder = tmp_path_factory.mktemp("clustered")
    rng = np.random.default_rng(10)
    home = rng.integers(0, 40, 200)
    pd.DataFrame(
        {
            "user": [f"u{i}" for i in range(200)],
            "home": [None if i % 50 == 0 else f"h{h}" for i, h in enumerate(home)],
            "arm": np.where((home % 2 == 0) ^ (np.arange(200) == 7), "A", "B"),
            "device": np.where(home % 3 == 0, "phone", rng.choice(["phone", "desk"], 200)),
            "spend": np.where(rng.random(200) < 0.1, np.nan, rng.lognormal(2, 1, 200)),
            "before": rng.lognormal(2, 1, 200),
        }
    ).to_parquet(folder / "users.parquet", index=False)
    study = folder / "abgap.toml"
    study.write_text(
        """
[unit_values]
path = "users.parquet"
columns = { experiment = { value = "e" }, unit = "user", variant = "arm", cluster = "home" }
slices = ["device"]
[experiments.e]
control = "A"
[metrics.spend]
kind = "mean"
value = "spend"
cap_percentile = 90
covariate = { column = "before" }
[metrics.usual]
kind = "quantile"
value = "before"
quantile = 0.5
[metrics.large]
kind = "proportion"
value = "spend > 10"
""",
        encoding="utf-8",
    )
    return study


@pytest.fixture(scope="session")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Moments from elsewhere."""
    folder = tmp_path_factory.mktemp("brought")
    rows = {
        "experiment": ["e", "e"],
        "variant": ["A", "B"],
        "metric": ["m", "m"],
        "n": [100, 110],
        "mean": [1.5, 1.7],
        "variance": [2.0, 2.2],
    }
    pd.DataFrame(rows).to_csv(folder / "moments.csv", index=False)
    decisions_and_policies(folder)
    scores_and_queries(folder)
    predictions(folder)
    runs_and_judgements(folder)
    study = folder / "abgap.toml"
    text = "[moments]\npath = 'moments.csv'\n[experiments.e]\ncontrol = 'A'\n[metrics.m]\nkind = 'mean'\n"
    text += """
[offline.logged]
path = "decisions.parquet"
columns = { request = "id", context = "c", action = "a", position = "k", logger = "by", reward = "r", propensity = "p" }
[offline.shadow]
path = "shadow.parquet"
columns = { request = "id", model = "by", latency_ms = "ms", cost = "cost", error = { expr = "ms > 900" } }
[offline.policies]
path = "policies.parquet"
columns = { policy = "by", context = "c", action = "a", probability = "p" }
[offline]
production = "it's"
[offline.scores]
path = "scores.parquet"
columns = { model = "model", metric = { value = "ndcg" }, value = "value", query = "q", split = "part", at = "day" }
slices = ["device"]
[offline.queries]
path = "queries.csv"
columns = { query = "q" }
slices = ["kind"]
[offline.rankings]
path = "runs"
format = "trec"
[offline.judgements]
path = "qrels"
format = "trec"
[offline.items]
path = "items.csv"
columns = { item = "id", price = "price", category = "kind" }
[offline_metrics."graded@3"]
metric = "ndcg@3"
gain = "exp"
ties = "expected"
[offline_metrics."revenue@3"]
[offline_metrics."novelty@3"]
[offline_metrics."diversity@3"]
[offline_metrics."coverage@3"]
[offline_metrics."rbo@3"]
[offline_metrics.mrr]
[offline.predictions]
path = "predictions.parquet"
task = "binary"
threshold = 0.3
columns = { model = "by", example = "id", y_true = "y", y_score = "p", at = "t" }
slices = ["s"]
error_costs = { false_positive = 1, false_negative = 3.5 }
"""
    study.write_text(text, encoding="utf-8")
    return study


def scores_and_queries(folder: Path) -> None:
    """Scores of three models on two days, some missing, and what is known of their queries."""
    rng = np.random.default_rng(22)
    rows = [
        (model, f"q{q}", day, "test", "phone" if q % 3 else None, rng.random())
        for model in ("it's", "new", "newer")
        for day in ("2026-03-01", "2026-04-01")
        for q in range(24)
    ]
    frame = pd.DataFrame(rows, columns=["model", "q", "day", "part", "device", "value"])
    frame.loc[::17, "value"] = None
    frame["day"] = pd.to_datetime(frame.day).dt.date
    frame.to_parquet(folder / "scores.parquet", index=False)
    kinds = pd.DataFrame({"q": [f"q{q}" for q in range(20)], "kind": ["a|b", "c"] * 10})
    kinds.to_csv(folder / "queries.csv", index=False)


def runs_and_judgements(folder: Path) -> None:
    """TREC files of two models with ties, a query that nobody judged, one that is missing, and lines of other forms."""
    rng = np.random.default_rng(23)
    (folder / "runs").mkdir()
    for tag in ("it's", "new"):
        lines = [
            f"q{q} Q0\td#{d}  0 {rng.integers(0, 3)}.50 {tag}"
            for q in range(13)
            for d in rng.permutation(8)[:5]
        ]
        with gzip.open(folder / "runs" / f"{tag[:2]}.gz", "wt", encoding="utf-8") as stream:
            stream.write("\n".join([*lines, "q1 Q0 d", "", f"q0 Q0 x 1 2e0 {tag} reserved"]) + "\n")
    judged = [f"q{q} 0 d#{d} {rng.integers(0, 4)}" for q in range(1, 15) for d in range(6)]
    (folder / "qrels").write_text("\n".join(judged), encoding="utf-8")
    items = pd.DataFrame(
        {
            "id": [f"d#{d}" for d in range(8)],
            "price": rng.lognormal(1, 1, 8),
            "kind": list("aabbcc") + [None] * 2,
        }
    )
    items.to_csv(folder / "items.csv", index=False)


def predictions(folder: Path) -> None:
    """Two models over the same examples, with ties, a slice that is not always known, a label and a score missing."""
    rng = np.random.default_rng(22)
    n = 300
    y, s = rng.binomial(1, 0.2, n), rng.choice(["a", "it's", ""], n)
    frames = [
        pd.DataFrame(
            {"by": by, "id": np.arange(n), "p": np.round(1 / (1 + np.exp(1 - y - noise)), 2), "s": s}
        )
        for by, noise in (("it's", rng.normal(size=n)), ("new", rng.normal(size=n)))
    ]
    table = pd.concat(frames)
    table["s"] = table.s.replace("", None)
    table["p"] = np.where(np.arange(2 * n) == 7, np.nan, table.p)
    table["y"] = np.tile(np.where(np.arange(n) == 5, np.nan, y), 2)
    table["t"] = pd.Timestamp("2026-03-02 10:15:00")
    table.to_parquet(folder / "predictions.parquet", index=False)


def decisions_and_policies(folder: Path) -> None:
    """A log of two policies, and these with a third; probabilities that do not end in binary."""
    rng = np.random.default_rng(21)
    actions, n = ["it's", "b"], 400
    chances = {(by, c): rng.dirichlet([3.0, 3.0]) for by in ("one", "two", "other") for c in ("new", "old")}
    by, context = rng.choice(["one", "two"], n), rng.choice(["new", "old"], n)
    action = [int(rng.random() < chances[key][1]) for key in zip(by, context, strict=True)]
    pd.DataFrame(
        {
            "id": np.arange(n) // 3,
            "c": context,
            "a": [actions[a] for a in action],
            "k": rng.integers(1, 4, n),
            "by": by,
            "r": rng.lognormal(1, 1, n),
            "p": [chances[b, c][a] for b, c, a in zip(by, context, action, strict=True)],
        }
    ).to_parquet(folder / "decisions.parquet", index=False)
    pd.DataFrame(
        {
            "id": np.repeat(np.arange(150), 2),
            "by": ["one", "two"] * 150,
            "ms": np.where(rng.random(300) < 0.05, np.nan, np.rint(rng.lognormal(5, 1, 300))),
            "cost": rng.lognormal(0, 1, 300),
        }
    ).to_parquet(folder / "shadow.parquet", index=False)
    rows = [(b, c, actions[a], p[a]) for (b, c), p in chances.items() for a in range(2)]
    pd.DataFrame(rows, columns=["by", "c", "a", "p"]).to_parquet(folder / "policies.parquet", index=False)
