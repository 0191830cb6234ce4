"""Offline scores: read, paired query by query where queries are given, and nothing without a partner gets lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.offline.aggregates import FACE_VALUE, UNPAIRED
from abgap.offline.comparison import make_offline_rows
from abgap.offline.contest import Findings
from abgap.offline.example_contests import PAIRED
from abgap.offline.matching import (
    ServedModels,
    claimed_comparisons,
    declared_checks,
    find_comparisons,
    idle_key_checks,
    matching_checks,
)
from abgap.offline.scores import compare_scores, read_scores
from abgap.records import Check, Direction, Interval, NotEstimable, OfflineRow, Reason, Status
from abgap.study.load import check_study
from abgap.study.model import OfflineMetric, Study

SOUND = {"columns": {"model": "m", "metric": "x", "value": "v"}}
COLUMNS = {"model": "model", "metric": "metric", "value": "value", "query": "qid", "n": "n", "se": "se"}
Read = Callable[..., Findings]
ALPHA = 0.05


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write scores, read them, and sum up the comparisons."""

    def reader(
        frame: pd.DataFrame | Mapping[str, Any],
        comparisons: Sequence[tuple[str, str]] = (("new", "old"),),
        *,
        suffix: str = "parquet",
        **offline: str,
    ) -> Findings:
        table = pd.DataFrame(frame)
        path = tmp_path / f"scores.{suffix}"
        if suffix == "csv":
            table.to_csv(path, index=False)
        else:
            table.to_parquet(path, index=False)
        columns = {role: column for role, column in COLUMNS.items() if column in table.columns}
        base = {"path": "x.parquet", "columns": {"experiment": "e", "variant": "v"}}
        study = check_study(
            {
                "unit_values": base,
                "experiments": {"e": {"control": "A"}},
                "offline": {"scores": {"path": path.name, "columns": columns}} | offline,
            }
        )
        with DuckDBEngine(directory=tmp_path) as engine:
            return compare_scores(read_scores(engine, study, tmp_path, comparisons), study)

    return reader


def per_query(values: Mapping[str, Mapping[str, float | None]], metric: str = "ndcg@10") -> pd.DataFrame:
    """One row per model and query."""
    rows = [
        {"model": model, "metric": metric, "qid": query, "value": value}
        for model, queries in values.items()
        for query, value in queries.items()
    ]
    return pd.DataFrame(rows)


def study_of(**metrics: Any) -> Study:
    return check_study({"offline": {"scores": {"path": "s"} | SOUND}, "offline_metrics": metrics})


def compare(scores: Findings, **metrics: Any) -> tuple[OfflineRow, ...]:
    return make_offline_rows(scores.contests, study_of(**metrics))


def the_only(rows: tuple[OfflineRow, ...]) -> OfflineRow:
    (row,) = rows
    return row


rng = np.random.default_rng(12)
QUERIES = [f"q{i}" for i in range(60)]
OLD = dict(zip(QUERIES, rng.uniform(0, 1, 60), strict=True))
NEW = {query: min(value + rng.normal(0.02, 0.05), 1.0) for query, value in OLD.items()}


class TestPaired:
    def test_queries_are_compared_one_by_one(self, read: Read) -> None:
        row = the_only(compare(read(per_query({"new": NEW, "old": OLD}))))
        new, old = (np.array([values[q] for q in QUERIES]) for values in (NEW, OLD))
        oracle = scipy.stats.ttest_rel(new, old)
        interval = oracle.confidence_interval(1 - ALPHA)
        assert isinstance(row.gain, Interval)
        assert row.gain.estimate == pytest.approx((new - old).mean(), rel=1e-12)
        assert (row.gain.low, row.gain.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
        assert row.p_value == pytest.approx(oracle.pvalue, rel=1e-9)
        assert (row.value, row.baseline_value) == pytest.approx((new.mean(), old.mean()))
        assert (row.n, row.skipped, row.definition, row.gain.method) == (60, 0, PAIRED, "paired-t")

    def test_queries_that_one_of_them_lacks_are_skipped_and_counted(self, read: Read) -> None:
        new = {q: v for q, v in NEW.items() if q != "q0"} | {"extra": 0.5, "q1": None}
        row = the_only(compare(read(per_query({"new": new, "old": OLD}), examples="shared")))
        assert (row.n, row.skipped) == (58, 4), "q0 of old, extra of new, q1 of both"

    def test_ids_of_queries_are_text(self, read: Read) -> None:
        frame = pd.concat(
            [
                per_query({"new": {f"0{i}": 0.5 for i in range(9)}}),
                per_query({"old": {f"{i}": 0.4 for i in range(9)}}),
            ]
        )
        row = the_only(compare(read(frame, suffix="csv")))
        assert isinstance(row.gain, NotEstimable)
        assert row.gain.detail == "the two models share no query"
        assert (row.n, row.skipped, row.value) == (0, 18, None)

    def test_the_same_difference_everywhere_cannot_be_tested(self, read: Read) -> None:
        same = {q: v + 0.06 for q, v in OLD.items()}
        row = the_only(compare(read(per_query({"new": same, "old": OLD}))))
        assert row.gain == NotEstimable(
            reason=Reason.ZERO_VARIANCE,
            detail="the difference is the same in every query, so nothing can be tested",
        )
        assert row.value == pytest.approx(np.mean(list(same.values())))

    def test_one_query_is_spoken_of_as_one(self, read: Read) -> None:
        row = the_only(compare(read(per_query({"new": {"q": 0.5}, "old": {"q": 0.4}}))))
        assert isinstance(row.gain, NotEstimable)
        assert row.gain.detail == "only 1 query is shared, at least 8 are needed"

    def test_few_queries_give_no_test(self, read: Read) -> None:
        few = QUERIES[:7]
        values = {"new": {q: NEW[q] for q in few}, "old": {q: OLD[q] for q in few}}
        row = the_only(compare(read(per_query(values))))
        assert row.gain == NotEstimable(
            reason=Reason.TOO_FEW_UNITS, detail="only 7 queries are shared, at least 8 are needed"
        )

    @settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 2**31), scale=st.sampled_from([1.0, 1e-6, 1e6]))
    def test_the_order_of_rows_changes_no_bit(self, read: Read, seed: int, scale: float) -> None:
        frame = per_query({"new": NEW, "old": OLD})
        frame["value"] *= scale
        pairs = [read(frame.sample(frac=1, random_state=s)).contests for s in (seed, seed + 1)]
        assert pairs[0] == pairs[1]

    def test_candidates_of_a_metric_are_corrected_by_holm(self, read: Read) -> None:
        candidates = {
            name: {q: v + rng.normal(gain, 0.05) for q, v in OLD.items()}
            for name, gain in (("a", 0.01), ("b", 0.02), ("c", 0.0))
        }
        comparisons = tuple((name, "old") for name in candidates)
        rows = compare(read(per_query({"old": OLD} | candidates), comparisons))
        raw = [row.p_value for row in rows]
        assert [row.p_adjusted for row in rows] == pytest.approx(multipletests(raw, method="holm")[1])

    def test_names_come_back_as_they_were(self, read: Read) -> None:
        hostile = ["<script>", "'; drop table x; --", "a|b\nc", "n" * 200, "ü"]
        frames = [per_query({name: NEW, "old": OLD}, metric=name) for name in hostile]
        comparisons = tuple((name, "old") for name in hostile)
        rows = compare(read(pd.concat(frames).drop_duplicates(), comparisons))
        assert {(row.model, row.metric) for row in rows} == {(name, name) for name in hostile}


class TestAggregated:
    def aggregates(self, **columns: Any) -> dict[str, Any]:
        return {"model": ["new", "old"], "metric": ["auc", "auc"], "value": [0.78, 0.72]} | columns

    def test_standard_errors_give_an_unpaired_interval(self, read: Read) -> None:
        row = the_only(compare(read(self.aggregates(se=[0.01, 0.02], n=[500, 400]))))
        assert isinstance(row.gain, Interval)
        assert row.gain.estimate == pytest.approx(0.06)
        half = scipy.stats.norm.ppf(0.975) * np.hypot(0.01, 0.02)
        assert row.gain.high - row.gain.estimate == pytest.approx(half)
        assert (row.n, row.definition) == (400, UNPAIRED)

    @pytest.mark.parametrize("columns", [{}, {"se": [0.01, None]}, {"se": [None, None], "n": [9, 9]}])
    def test_a_bare_value_is_taken_at_face_value_and_has_no_interval(
        self, read: Read, columns: Mapping[str, Any]
    ) -> None:
        row = the_only(compare(read(self.aggregates(**columns))))
        assert isinstance(row.gain, NotEstimable)
        assert row.gain.reason is Reason.NO_INTERVAL_GIVEN
        assert (row.value, row.baseline_value, row.definition) == (0.78, 0.72, FACE_VALUE)
        assert row.p_value is None

    def test_queries_on_one_side_only_cannot_be_compared(self, read: Read) -> None:
        new = per_query({"new": NEW}, metric="auc")
        old = pd.DataFrame({"model": ["old"], "metric": ["auc"], "qid": [None], "value": [0.5]})
        row = the_only(compare(read(pd.concat([new, old]))))
        assert isinstance(row.gain, NotEstimable)
        assert row.gain.detail == "one model has queries, the other an aggregate"

    def test_a_metric_knows_its_direction(self, read: Read) -> None:
        scores = read(self.aggregates())
        rows = compare(scores, auc={"direction": "down"})
        assert [row.direction for row in rows] == [Direction.DOWN]

    def test_metrics_stand_in_natural_order(self, read: Read) -> None:
        names = ["ndcg@10", "ndcg@5", "auc"]
        frame = {"model": ["new", "old"] * 3, "metric": [n for n in names for _ in "ab"], "value": [0.5] * 6}
        assert [row.metric for row in compare(read(frame))] == ["auc", "ndcg@5", "ndcg@10"]


class TestRefused:
    def sentence(self, read: Read, frame: Any, **more: Any) -> str:
        with pytest.raises(DataError) as caught:
            read(frame, **more)
        return caught.value.message

    def test_two_scores_for_one_query(self, read: Read) -> None:
        frame = pd.concat([per_query({"new": NEW, "old": OLD}), per_query({"new": {"q0": 0.1}})])
        assert self.sentence(read, frame) == (
            "offline.scores: 'ndcg@10' of model 'new' has 61 rows for 60 queries; one score per query is needed"
        )

    def test_two_aggregated_rows(self, read: Read) -> None:
        frame = {"model": ["new", "new"], "metric": ["auc", "auc"], "value": [0.5, 0.6]}
        assert "has 2 rows without a query; one aggregated row is needed, or map" in self.sentence(
            read, frame
        )

    @pytest.mark.parametrize("bad", [np.inf, -np.inf])
    def test_scores_that_are_no_numbers(self, read: Read, bad: float) -> None:
        frame = per_query({"new": NEW | {"q0": bad}, "old": OLD})
        assert "'ndcg@10' of model 'new' has 1 row with NaN or infinity" in self.sentence(read, frame)

    def test_text_where_a_number_is_needed(self, read: Read) -> None:
        frame = {"model": ["new"], "metric": ["auc"], "value": ["good"]}
        assert self.sentence(read, frame).startswith(
            "offline.scores.columns.value: a number is needed, but 'value' is VARCHAR and holds 'good'"
        )

    def test_a_negative_standard_error(self, read: Read) -> None:
        frame = {"model": ["new"], "metric": ["auc"], "value": [0.5], "se": [-0.1]}
        assert "is -0.1; it cannot be below zero" in self.sentence(read, frame)

    def test_a_row_without_a_model(self, read: Read) -> None:
        frame = {"model": [None], "metric": ["auc"], "value": [0.5]}
        assert "a row has no model or no metric" in self.sentence(read, frame)

    def test_scores_too_large_to_square(self, read: Read) -> None:
        frame = per_query({"new": dict.fromkeys(QUERIES, 1e300), "old": OLD})
        assert "measure it in another unit" in self.sentence(read, frame)

    def test_nothing_to_read_is_nothing(self, read: Read) -> None:
        scores = read({"model": [], "metric": [], "value": []}, suffix="csv")
        assert compare(scores) == ()
        assert scores.known == frozenset()


def served(*arms: str, experiment: str = "e", **models: str) -> ServedModels:
    return ServedModels(experiment=experiment, control="A", variants=arms or ("A", "B"), models=models)


class TestMatching:
    def checks(
        self, scores: Findings, *experiments: ServedModels, wanted: Sequence[str] = ()
    ) -> dict[str, Check]:
        found = matching_checks(experiments, scores.known, wanted)
        return {check.name: check for check in found}

    def test_comparisons_are_of_arms_that_ran_another_model_each_once(self) -> None:
        experiments = [
            served(A="old", B="new"),
            served(A="old", B="new", experiment="again"),
            served(A="old", B="old", experiment="aa"),
            served("A", "B", "C", A="new", B="old", C="x", experiment="three"),
            served(B="new", experiment="no baseline"),
        ]
        assert find_comparisons(experiments) == [("new", "old"), ("old", "new"), ("x", "new")]

    def test_claims_are_compared_and_the_control_with_what_they_were_made_against(self) -> None:
        experiments = [
            served(A="old", B="new"),
            served(A="older", B="new", experiment="before"),
            served(A="old", B="other", experiment="nothing claimed"),
            served(B="new", experiment="no control"),
        ]
        claims = {"new": "older", "idea": "old", "never ran": "x"}
        assert claimed_comparisons(experiments, claims) == [
            ("idea", "old"),
            ("never ran", "x"),
            ("new", "older"),
            ("old", "older"),
        ]
        assert claimed_comparisons(experiments, {}) == []

    def test_all_matched_is_said_once(self, read: Read) -> None:
        scores = read(per_query({"new": NEW, "old": OLD}))
        found = self.checks(scores, served(A="old", B="new"), wanted=["ndcg@10"])
        assert {name: check.status for name, check in found.items()} == {"unmatched_models": Status.PASS}

    def test_everything_without_a_partner_is_listed(self, read: Read) -> None:
        frame = pd.concat(
            [
                per_query({"new": NEW, "old": OLD, "spare": NEW}),
                per_query({"new": NEW}, metric="mrr"),
                per_query({"old": OLD}, metric="map"),
            ]
        )
        experiments = [
            served(A="old", B="new"),
            served("A", "B", "C", A="gone", B="old", D="x", experiment="f"),
        ]
        found = self.checks(read(frame), *experiments, wanted=["ndcg@10", "auc"])
        assert found["unmatched_models"].sentence.endswith("no offline score: 'gone', 'x'.")
        assert found["unmatched_metrics"].sentence.endswith("that no model has: 'auc'.")
        assert "'mrr of new (not of old)', 'map of old (not of new)'" in found["unmatched_scores"].sentence
        assert found["unmatched_variants"].experiment == "f"
        assert (
            "no model is declared for 'C'; a model is declared for what has no units, 'D'"
            in found["unmatched_variants"].sentence
        )
        assert found["unused_models"].sentence.endswith("'spare'.")

    def test_long_lists_are_cut(self, read: Read) -> None:
        scores = read(per_query({f"m{i}": {"q": 1.0} for i in range(20)}))
        sentence = self.checks(scores, served(A="m0", B="m1"))["unused_models"].sentence
        assert sentence.endswith("'m2', 'm3', 'm4', 'm5', 'm6', 'm7', 'm8', 'm9' and 10 more.")


def test_a_declared_metric_that_nothing_brings_is_named_with_what_may_be_meant() -> None:
    known = {("m", "ndcg@10")}
    (check,) = declared_checks({"ndcg@10": 1, "ndgc@10": 1, "our own": 1}, known)
    assert (check.name, check.value) == ("absent_metrics", 2.0)
    assert "'ndgc@10' may mean 'ndcg@10'" in check.sentence
    assert "'our own'" in check.sentence
    assert declared_checks({"ndcg@10": 1}, known) == []


def test_keys_of_rankings_under_another_metric_are_named() -> None:
    declared = {
        "mae": OfflineMetric(gain="exp", ties="expected", why="errors"),
        "errors of <buyers>": OfflineMetric(metric="mape", label="purchase"),
        "ndcg@10": OfflineMetric(gain="exp", ties="expected", empty="zero"),
        "not there": OfflineMetric(gain="exp"),
        "rmse": OfflineMetric(smallest_worthwhile_gain=1.0),
    }
    known = {("m", name) for name in declared if name != "not there"}
    (check,) = idle_key_checks(declared, known)
    assert (check.name, check.status, check.value) == ("idle_keys", Status.WARN, 3.0)
    assert check.sentence == (
        "Keys of [offline_metrics] that do nothing, as they define metrics made of rankings: "
        "label of 'errors of <buyers>'; gain, ties of 'mae'; remove them."
    )
    assert idle_key_checks({"ndcg@10": declared["ndcg@10"]}, known) == []
