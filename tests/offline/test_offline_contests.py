"""Every model against production: same examples or refused, slices, tests, many candidates, lazy skill, history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.offline.comparison import comparison_checks, make_offline_rows
from abgap.offline.contest import Contest, Findings
from abgap.offline.history import history_checks
from abgap.offline.lazy import PRODUCTION, lazy_checks
from abgap.offline.matching import repeated_checks, without_metrics
from abgap.offline.scores import compare_scores, read_scores
from abgap.records import Direction, Interval, NotEstimable, OfflineHistory, OfflineRow, Reason, Status
from abgap.study.load import check_study

ROLES = ("model", "metric", "value", "query", "n", "se", "split", "at")
Values: TypeAlias = Mapping[str, Any]
Analyse: TypeAlias = Callable[..., tuple[tuple[OfflineRow, ...], tuple[OfflineHistory, ...]]]

rng = np.random.default_rng(31)
BASE = rng.uniform(0.2, 0.8, 40)


def table_of(values: Values, metric: str = "ndcg", *, first: Any = 0, **columns: Any) -> pd.DataFrame:
    """Scores of models over queries q<first>, q<first + 1>, ..."""
    frames = [
        pd.DataFrame(
            {
                "model": model,
                "metric": metric,
                "query": [f"q{first + i}" for i in range(len(scores))],
                "value": scores,
            }
            | columns
        )
        for model, scores in values.items()
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture
def analyse(tmp_path: Path) -> Analyse:
    """Write scores, read them, compare them; ``production`` is 'old'."""

    def analysed(
        frame: pd.DataFrame,
        *,
        queries: pd.DataFrame | None = None,
        slices: Sequence[str] = (),
        study: Mapping[str, Any] | None = None,
        ran: Sequence[tuple[str, str]] = (),
        **offline: Any,
    ) -> tuple[tuple[OfflineRow, ...], tuple[OfflineHistory, ...]]:
        frame.to_parquet(tmp_path / "scores.parquet", index=False)
        columns = {role: role for role in ROLES if role in frame.columns}
        sources: dict[str, Any] = {
            "scores": {"path": "scores.parquet", "columns": columns, "slices": list(slices)}
        }
        if queries is not None:
            queries.to_parquet(tmp_path / "queries.parquet", index=False)
            names = [name for name in queries.columns if name != "query"]
            sources["queries"] = {"path": "queries.parquet", "columns": {"query": "query"}, "slices": names}
        made = check_study({"offline": {"production": "old"} | sources | offline} | dict(study or {}))
        with DuckDBEngine(directory=tmp_path) as engine:
            found = compare_scores(read_scores(engine, made, tmp_path, ran), made)
        return make_offline_rows(found.contests, made), found.history

    return analysed


def by_model(rows: Sequence[OfflineRow]) -> dict[str, OfflineRow]:
    """Rows over all examples."""
    return {row.model: row for row in rows if row.slice_name is None}


def gain_of(row: OfflineRow) -> Interval:
    assert isinstance(row.gain, Interval)
    return row.gain


def reason_of(row: OfflineRow) -> str:
    assert isinstance(row.gain, NotEstimable)
    return row.gain.detail


class TestWhoIsCompared:
    def test_every_model_is_held_against_production_and_that_stands_alone(self, analyse: Analyse) -> None:
        rows, _ = analyse(table_of({"old": BASE, "b": BASE + 0.1, "a": BASE + rng.normal(0.0, 0.1, 40)}))
        assert [(row.model, row.baseline) for row in rows] == [("a", "old"), ("b", "old"), ("old", None)]
        alone = rows[-1]
        assert alone.value == pytest.approx(BASE.mean(), rel=1e-12)
        assert (alone.n, alone.baseline_value, alone.p_value, alone.lazy) == (40, None, None, {})
        assert alone.gain == NotEstimable(
            reason=Reason.NOT_DECLARED, detail="the model is held against no other"
        )

    def test_pairs_of_experiments_come_first_and_once(self, analyse: Analyse) -> None:
        values = {name: BASE + rng.normal(0.0, 0.1, 40) for name in ("old", "x", "y", "z")}
        rows, _ = analyse(table_of(values), ran=[("y", "x"), ("z", "old")])
        compared = [(row.model, row.baseline) for row in rows]
        assert compared == [("y", "x"), ("z", "old"), ("x", "old"), ("y", "old"), ("old", None)]

    def test_without_production_models_that_no_experiment_ran_stand_alone(self, analyse: Analyse) -> None:
        values = {name: BASE + rng.normal(0.0, 0.1, 40) for name in ("x", "y", "spare")}
        rows, _ = analyse(table_of(values), ran=[("y", "x")], production="gone")
        assert [(row.model, row.baseline) for row in rows] == [("y", "x"), ("spare", None)]

    def test_production_without_a_result_is_a_warning(self, analyse: Analyse) -> None:
        rows, _ = analyse(table_of({"x": BASE, "y": BASE}), production="gone")
        (check,) = comparison_checks(rows, "gone")
        assert (check.name, check.status) == ("unmatched_production", Status.WARN)
        assert check.sentence.endswith("so that no model is held against it; evaluated were 'x', 'y'.")
        assert comparison_checks(rows, None) == comparison_checks(rows, "x") == []

    def test_a_metric_that_production_lacks_is_shown_without_gain(self, analyse: Analyse) -> None:
        frame = pd.concat([table_of({"old": BASE, "new": BASE + 0.1}), table_of({"new": BASE}, metric="mrr")])
        rows, _ = analyse(frame)
        assert [(r.model, r.baseline, r.metric) for r in rows] == [
            ("new", "old", "ndcg"),
            ("new", None, "mrr"),
            ("old", None, "ndcg"),
        ]

    def test_aggregated_scores_stand_alone_too(self, analyse: Analyse) -> None:
        frame = pd.DataFrame(
            {"model": ["old", "new"], "metric": ["auc"] * 2, "value": [0.7, 0.8], "se": [0.01, 0.01]}
        )
        rows, _ = analyse(frame)
        assert [(row.baseline, row.value) for row in rows] == [("old", 0.8), (None, 0.7)]


class TestSameExamples:
    def test_aggregates_of_another_split_are_refused(self, analyse: Analyse) -> None:
        frame = pd.DataFrame(
            {"model": ["old", "new"], "metric": ["auc"] * 2, "value": [0.7, 0.8], "se": [0.01, 0.01]}
        )
        row = by_model(analyse(frame.assign(split=["dev", "test"], n=[800, 1000]))[0])["new"]
        assert reason_of(row) == "evaluated on split 'test' (1,000), the baseline on split 'dev' (800)"
        assert (row.value, row.baseline_value) == (None, None)

    def two_splits(self) -> pd.DataFrame:
        new = table_of({"new": rng.uniform(size=1000)}, split="test-a")
        return pd.concat([new, table_of({"old": rng.uniform(size=800)}, first=880, split="test-b")])

    def test_another_split_is_refused_with_its_counts(self, analyse: Analyse) -> None:
        rows, _ = analyse(self.two_splits())
        row = by_model(rows)["new"]
        assert reason_of(row) == (
            "evaluated on split 'test-a' (1,000 queries), the baseline on 'test-b' (800), 120 shared"
        )
        assert (row.n, row.skipped, row.value, row.p_value, row.bootstrap) == (0, 1800, None, None, None)
        assert row.counts == {
            "queries of the model": 1000,
            "queries of the baseline": 800,
            "shared queries": 120,
        }
        (check,) = comparison_checks(rows, "old")
        assert (check.name, check.status, check.value) == ("different_examples", Status.WARN, 1.0)
        assert 'set examples = "shared" in [offline]' in check.sentence

    def test_shared_examples_are_compared_when_that_is_asked_for(self, analyse: Analyse) -> None:
        frame = self.two_splits()
        rows, _ = analyse(frame, examples="shared")
        row = by_model(rows)["new"]
        wide = frame.pivot_table(index="query", columns="model", values="value").dropna()
        oracle = scipy.stats.ttest_rel(wide["new"], wide["old"])
        assert (row.n, row.skipped) == (120, 1560)
        assert row.p_value == pytest.approx(oracle.pvalue, rel=1e-9)

    def test_one_query_more_is_another_set(self, analyse: Analyse) -> None:
        frame = pd.concat([table_of({"old": BASE}), table_of({"new": [*BASE, 0.5]})])
        rows, _ = analyse(frame)
        assert reason_of(by_model(rows)["new"]) == ("evaluated on 41 queries, the baseline on 40, 40 shared")

    def test_the_same_queries_under_another_split_are_another_set(self, analyse: Analyse) -> None:
        frame = pd.concat([table_of({"old": BASE}, split="dev"), table_of({"new": BASE}, split="test")])
        assert "the baseline on 'dev' (40), 40 shared" in reason_of(by_model(analyse(frame)[0])["new"])

    def test_several_splits_of_both_are_pooled_and_named(self, analyse: Analyse) -> None:
        values = {"old": BASE, "new": BASE + rng.normal(0.0, 0.1, 40)}
        frame = pd.concat([table_of(values, split="a"), table_of(values, first=40, split="b")])
        row = by_model(analyse(frame)[0])["new"]
        assert row.n == 80
        assert "pooled over splits 'a', 'b'" in row.notes

    def test_queries_without_a_value_are_skipped_and_counted(self, analyse: Analyse) -> None:
        values = {"old": BASE, "new": np.where(np.arange(40) < 3, np.nan, BASE + rng.normal(0, 0.1, 40))}
        frame = table_of(values).replace({np.nan: None})
        row = by_model(analyse(frame)[0])["new"]
        assert (row.n, row.skipped) == (37, 6)
        gain_of(row)


class TestNumbers:
    def test_all_tests_of_a_pair_are_those_of_scipy(self, analyse: Analyse) -> None:
        new = BASE + rng.normal(0.03, 0.1, 40)
        row = by_model(analyse(table_of({"old": BASE, "new": new}))[0])["new"]
        assert isinstance(row.bootstrap, Interval)
        oracle = scipy.stats.bootstrap(
            (new - BASE,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
        ).confidence_interval
        error = scipy.stats.sem(new - BASE)
        assert row.bootstrap.low == pytest.approx(oracle.low, abs=0.2 * error)
        assert row.bootstrap.high == pytest.approx(oracle.high, abs=0.2 * error)
        signs = scipy.stats.permutation_test(
            (new - BASE,),
            np.mean,
            permutation_type="samples",
            n_resamples=20_000,
            rng=np.random.default_rng(2),
        )
        assert row.p_permutation == pytest.approx(signs.pvalue, abs=0.01)
        assert isinstance(row.effect_size, Interval)
        size = np.mean(new - BASE) / np.std(new - BASE, ddof=1)
        assert row.effect_size.estimate == pytest.approx(size, rel=1e-9)
        assert row.effect_size.excludes_zero() == gain_of(row).excludes_zero()
        assert row.worthwhile_gain == pytest.approx(abs(np.mean(new - BASE)), rel=1e-9)
        oracle_n = TTestPower().solve_power(abs(size), alpha=0.05, power=0.8)
        assert row.examples_needed == int(np.ceil(oracle_n))

    def test_examples_are_those_for_the_gain_that_is_worthwhile(self, analyse: Analyse) -> None:
        new = BASE + rng.normal(0.03, 0.1, 40)
        study = {"offline_metrics": {"ndcg": {"smallest_worthwhile_gain": 0.01}}}
        row = by_model(analyse(table_of({"old": BASE, "new": new}), study=study)[0])["new"]
        size = 0.01 / np.std(new - BASE, ddof=1)
        oracle = int(np.ceil(TTestPower().solve_power(size, alpha=0.05, power=0.8)))
        assert (row.worthwhile_gain, row.examples_needed) == (0.01, oracle)

    def test_thousands_of_queries_share_buckets_and_change_nothing(self, analyse: Analyse) -> None:
        base = rng.uniform(size=6000)
        new = base + rng.normal(0.002, 0.05, 6000)
        frame = table_of({"old": base, "new": new})
        row = by_model(analyse(frame)[0])["new"]
        again = by_model(analyse(frame.sample(frac=1.0, random_state=1))[0])["new"]
        assert isinstance(row.bootstrap, Interval)
        gain = gain_of(row)
        assert (row.bootstrap.low, row.bootstrap.high) == pytest.approx((gain.low, gain.high), abs=2e-4)
        assert row.p_permutation == pytest.approx(row.p_value, abs=0.02)
        assert again == row

    def test_another_model_changes_no_other_row_but_for_multiplicity(self, analyse: Analyse) -> None:
        values = {"old": BASE, "new": BASE + rng.normal(0.03, 0.1, 40)}
        first = by_model(analyse(table_of(values))[0])["new"]
        more = values | {"other": BASE + rng.normal(0.0, 0.1, 40)}
        second = by_model(analyse(table_of(more))[0])["new"]
        assert (first.gain, first.p_permutation) == (second.gain, second.p_permutation)
        ends = [
            (r.bootstrap.low, r.bootstrap.high) for r in (first, second) if isinstance(r.bootstrap, Interval)
        ]
        assert ends[0] == pytest.approx(ends[1], rel=1e-12)

    def test_few_queries_have_a_note(self, analyse: Analyse) -> None:
        rows, _ = analyse(table_of({"old": BASE[:12], "new": BASE[:12] + rng.normal(0, 0.1, 12)}))
        notes = by_model(rows)["new"].notes
        assert notes == ("only 12 queries: the interval leans on their values being nearly normal",)


class TestManyCandidates:
    def candidates(self, spread: float, count: int = 8) -> dict[str, Any]:
        return {f"c{i}": BASE + rng.normal(0.0, spread, 40) for i in range(count)} | {"old": BASE}

    def test_the_best_of_many_that_are_all_the_same_is_mostly_luck(self, analyse: Analyse) -> None:
        rows = [row for row in by_model(analyse(table_of(self.candidates(0.2)))[0]).values() if row.baseline]
        best = max(rows, key=lambda row: gain_of(row).estimate)
        assert all(row.shrunk_gain is not None for row in rows)
        assert best.shrunk_gain is not None
        assert best.shrunk_gain.estimate < 0.5 * gain_of(best).estimate
        assert [row.model for row in rows if any("winner's curse" in note for note in row.notes)] == [
            best.model
        ]
        p = [row.p_value for row in rows]
        assert [row.p_adjusted for row in rows] == pytest.approx(multipletests(p, method="holm")[1])

    def test_two_candidates_are_left_as_they_are(self, analyse: Analyse) -> None:
        rows = by_model(analyse(table_of(self.candidates(0.2, count=2)))[0])
        assert all(row.shrunk_gain is None for row in rows.values())

    def test_shrunk_gains_are_nearer_to_the_truth(self, analyse: Analyse) -> None:
        apart, raw = np.random.default_rng(5), []
        shrunk = []
        for _ in range(4):
            true = apart.normal(0.0, 0.02, 12)
            values = {f"c{i}": BASE + t + apart.normal(0.0, 0.2, 40) for i, t in enumerate(true)}
            rows = by_model(analyse(table_of(values | {"old": BASE}))[0])
            for i, t in enumerate(true):
                row = rows[f"c{i}"]
                assert row.shrunk_gain is not None
                raw.append((gain_of(row).estimate - t) ** 2)
                shrunk.append((row.shrunk_gain.estimate - t) ** 2)
        assert np.mean(shrunk) < 0.7 * np.mean(raw)


class TestSlices:
    def frame(self) -> pd.DataFrame:
        frame = table_of({"old": BASE, "new": BASE + rng.normal(0.05, 0.1, 40)})
        place = frame["query"].str[1:].astype(int)
        sizes = ["big"] * 25 + ["small"] * 10 + ["tiny"] * 5
        return frame.assign(size=[sizes[i] for i in place])

    def test_every_slice_is_compared_and_corrected_together(self, analyse: Analyse) -> None:
        frame = self.frame()
        queries = pd.DataFrame({"query": [f"q{i}" for i in range(40)], "kind": ["a", None] * 20})
        rows, _ = analyse(frame, slices=["size"], queries=queries)
        sliced = [row for row in rows if row.slice_name is not None and row.baseline]
        assert [(r.slice_name, r.slice_value, r.n) for r in sliced] == [
            ("size", "big", 25),
            ("size", "small", 10),
            ("size", "tiny", 5),
            ("kind", "a", 20),
            ("kind", None, 20),
        ]
        wide = frame[frame["size"] == "big"].pivot_table(index="query", columns="model", values="value")
        assert sliced[0].p_value == pytest.approx(
            scipy.stats.ttest_rel(wide["new"], wide["old"]).pvalue, rel=1e-9
        )
        assert reason_of(sliced[2]) == "only 5 queries are shared, at least 8 are needed"
        assert [any("only 10 queries" in note for note in row.notes) for row in sliced] == [0, 1, 0, 0, 0]
        tested = [row for row in sliced if row.p_value is not None]
        oracle = multipletests([row.p_value for row in tested], method="fdr_bh")[1]
        assert [row.p_adjusted for row in tested] == pytest.approx(oracle)
        alone = [row for row in rows if row.slice_name == "size" and row.baseline is None]
        assert [row.n for row in alone] == [25, 10, 5]

    def test_a_slice_that_differs_within_a_query_is_refused(self, analyse: Analyse) -> None:
        frame = self.frame()
        frame.loc[frame["query"].isin(["q3", "q4"]) & (frame["model"] == "new"), "size"] = ["tiny", None]
        with pytest.raises(DataError) as caught:
            analyse(frame, slices=["size"])
        assert caught.value.message == (
            "offline.scores.slices: 2 queries have several values of 'size', the first is 'q3'; "
            "a slice has to be the same in all rows of a query"
        )
        frame["size"] = self.frame()["size"]
        frame.loc[(frame["query"] == "q3") & (frame["model"] == "new"), "size"] = "tiny"
        with pytest.raises(DataError, match="1 query has several values of 'size'"):
            analyse(frame, slices=["size"])


def contest(value: float, base: float | None = None, **more: Any) -> Contest:
    gain = Interval(estimate=value - (base or 0.0), low=-1.0, high=1.0, level=0.95, method="paired-t")
    return Contest(
        model="new", baseline=None if base is None else "old", metric=more.pop("metric", "accuracy"),
        definition="d", n=100, value=value, baseline_value=base, gain=gain, **more,
    )  # fmt: skip


def judged(*contests: Contest, **metrics: Any) -> tuple[OfflineRow, ...]:
    study = {"offline": {"production": "old", "scores": {"path": "s", "columns": SOUND}}}
    return make_offline_rows(contests, check_study(study | {"offline_metrics": metrics}))


SOUND = {"model": "m", "metric": "x", "value": "v"}


class TestLazy:
    def test_half_a_percent_of_positives_make_accuracy_no_target(self) -> None:
        lazy = {"majority": 0.995, "random": 0.5}
        (row,) = judged(contest(0.996, lazy=lazy))
        assert row.target_ready is False
        assert row.skill == pytest.approx(0.001 / 0.005)
        assert row.notes[0] == (
            "not ready to be a target: 'majority' learnt nothing and gets nine tenths of what the model gets, or more"
        )
        (check,) = lazy_checks([row])
        assert (check.name, check.status) == ("lazy_metric", Status.WARN)
        assert check.sentence.startswith("'accuracy' is not ready to be a target: 'majority' learnt nothing")
        assert check.sentence.endswith("it gets 0.995, 'new' 0.996.")

    @pytest.mark.parametrize(("metric", "lazy", "model"), [("smape", 24.5, 8.0), ("brier", 0.16, 0.05)])
    def test_an_error_a_third_of_the_lazy_one_is_worth_having(
        self, metric: str, lazy: float, model: float
    ) -> None:
        (row,) = judged(contest(model, metric=metric, lazy={"mean": lazy}))
        assert row.target_ready is True
        assert row.skill == pytest.approx(1.0 - model / lazy)

    def test_what_starts_below_zero_is_told_as_a_way(self) -> None:
        (row,) = judged(contest(0.05, metric="mcc", lazy={"random": 0.0}))
        assert row.notes[0] == (
            "not ready to be a target: 'random' learnt nothing and comes nine tenths of the model's way from -1, "
            "the worst value, or more"
        )

    def test_a_model_below_the_lazy_one_is_said_to_be(self) -> None:
        (row,) = judged(contest(0.97, lazy={"majority": 0.995}))
        assert row.target_ready is False
        assert row.skill is not None
        assert row.skill < 0.0
        assert row.notes[0].endswith("'majority' learnt nothing and does as well as the model")

    @pytest.mark.parametrize(
        ("metric", "value", "lazy", "ready"),
        [
            ("roc_auc", 0.8, 0.5, True),
            ("rmse", 9.5, 10.0, False),
            ("rmse", 8.0, 10.0, True),
            ("log_loss", 0.3, 0.32, False),
            ("ndcg@10", 0.6, 0.3, True),
            ("bias", -0.5, 2.0, True),
            ("bias", -0.5, 0.1, False),
            ("freshness", 0.6, 0.59, True),
            ("freshness", 0.6, 0.6, False),
        ],
    )
    def test_errors_are_judged_by_skill_and_shares_by_their_way_from_the_worst(
        self, metric: str, value: float, lazy: float, ready: bool
    ) -> None:
        (row,) = judged(contest(value, lazy={"constant": lazy}, metric=metric))
        assert row.target_ready is ready

    def test_production_is_a_lazy_choice_and_makes_no_metric_unfit(self) -> None:
        (row,) = judged(contest(0.81, 0.8, metric="roc_auc"))
        assert row.lazy == {PRODUCTION: 0.8}
        assert row.skill == pytest.approx(0.05)
        assert row.target_ready is None
        assert lazy_checks([row]) == []

    def test_a_gain_smaller_than_the_lazy_ones_lie_apart_is_noted(self) -> None:
        (row,) = judged(contest(0.9, 0.89, metric="ndcg@10", lazy={"random": 0.2, "popularity": 0.4}))
        assert row.notes == ("the difference is smaller than what lies between two lazy solutions",)
        assert row.target_ready is True

    def test_a_metric_without_a_best_value_has_no_skill(self) -> None:
        (row,) = judged(contest(0.9, lazy={"random": 0.2}, metric="freshness"))
        assert (row.skill, row.target_ready) == (None, True)


class TestHistory:
    def frame(self) -> pd.DataFrame:
        before = BASE + rng.normal(0.0, 0.02, 40)
        parts = [
            table_of({"v1": BASE, "old": BASE}, at="2026-01-10"),
            table_of({"v1": before}, at="2026-02-10"),
            table_of({"v2": before - 0.1 + rng.normal(0.0, 0.02, 40)}, at="2026-03-10"),
            table_of({"v2": rng.uniform(0.2, 0.8, 60)}, first=100, at="2026-04-10"),
        ]
        return pd.concat(parts, ignore_index=True)

    def test_every_evaluation_stands_beside_the_one_before_it(self, analyse: Analyse) -> None:
        frame = self.frame()
        family = {"models": {name: {"family": "ranker"} for name in ("v1", "v2")}}
        rows, history = analyse(frame, study=family)
        assert [(h.family, h.model, h.date, h.previous_model, h.previous_date) for h in history] == [
            ("old", "old", "2026-01-10", None, None),
            ("ranker", "v1", "2026-01-10", None, None),
            ("ranker", "v1", "2026-02-10", "v1", "2026-01-10"),
            ("ranker", "v2", "2026-03-10", "v1", "2026-02-10"),
            ("ranker", "v2", "2026-04-10", "v2", "2026-03-10"),
        ]
        second, third, fourth = history[2:]
        assert isinstance(third.change, Interval)
        new, old = (
            frame[(frame["model"] == m) & (frame["at"] == d)]["value"].to_numpy()
            for m, d in (("v2", "2026-03-10"), ("v1", "2026-02-10"))
        )
        oracle = scipy.stats.ttest_rel(new, old).confidence_interval()
        assert (third.change.low, third.change.high) == pytest.approx((oracle.low, oracle.high), rel=1e-9)
        assert second.value == pytest.approx(old.mean(), rel=1e-12)
        assert second.n == 40
        assert second.standard_error == pytest.approx(scipy.stats.sem(old), rel=1e-9)
        assert (second.fell, third.fell, third.change.method) == (False, True, "paired-t")
        assert isinstance(fourth.change, Interval)
        assert fourth.change.method == "normal"
        newest = by_model(rows)["v2"]
        assert reason_of(newest) == "the two models share no query"

    def test_only_a_fall_at_the_end_is_a_warning(self, analyse: Analyse) -> None:
        frame, family = self.frame(), {"models": {name: {"family": "ranker"} for name in ("v1", "v2")}}
        fallen = frame[frame["at"] < "2026-04"]
        (check,) = history_checks(analyse(fallen, study=family)[1])
        assert (check.name, check.status) == ("offline_fall", Status.WARN)
        assert check.sentence.startswith("'ndcg' of 'v2' fell by 0.")
        assert "on 2026-03-10, against 'v1' on 2026-02-10: " in check.sentence
        assert history_checks(analyse(frame, study=family)[1]) in ([], [check])
        down = {"offline_metrics": {"ndcg": {"direction": "down"}}}
        assert history_checks(analyse(fallen, study=family | down)[1]) == []

    def test_aggregates_make_a_history_by_their_standard_errors(self, analyse: Analyse) -> None:
        frame = pd.DataFrame(
            {
                "model": ["old", "old"],
                "metric": ["auc", "auc"],
                "value": [0.8, 0.7],
                "se": [0.01, 0.01],
                "at": ["2026-01-01", "2026-02-01"],
            }
        )
        rows, history = analyse(frame)
        assert [row.value for row in rows] == [0.7]
        change = history[1].change
        assert isinstance(change, Interval)
        assert change.high - change.estimate == pytest.approx(1.959964 * 0.01 * np.sqrt(2.0), rel=1e-6)
        assert history[1].fell

    def test_a_row_without_a_time_is_refused(self, analyse: Analyse) -> None:
        frame = table_of({"old": BASE}, at="2026-01-10")
        frame.loc[0, "at"] = "soon"
        with pytest.raises(
            DataError, match="'ndcg' of model 'old' has 1 row without a time that can be read"
        ):
            analyse(frame)


def test_hostile_names_come_through(analyse: Analyse) -> None:
    name = "'; drop table x; -- <script>|\n"
    frame = table_of({"old": BASE, name: BASE + rng.normal(0, 0.1, 40)}, metric=name, **{name: name})
    rows, _ = analyse(frame, slices=[name])
    assert {(row.model, row.metric) for row in rows if row.baseline} == {(name, name)}
    assert {row.slice_value for row in rows if row.slice_name == name} == {name}


def test_directions_turn_falls_and_the_best(analyse: Analyse) -> None:
    study: Mapping[str, Any] = {"offline_metrics": {"ndcg": {"direction": "down"}}}
    rows, _ = analyse(table_of({"old": BASE, "new": BASE - 0.1}), study=study)
    assert {row.direction for row in rows} == {Direction.DOWN}


def test_a_metric_that_was_brought_is_not_computed_too() -> None:
    brought = Findings(known=frozenset({("new", "ndcg")}))
    made = [contest(0.5, metric="ndcg"), contest(0.5, metric="map")]
    computed = Findings(known=frozenset({("new", "ndcg"), ("new", "map")}), contests=tuple(made))
    left = without_metrics(computed, {"ndcg"})
    assert (left.known, left.contests) == (frozenset({("new", "map")}), (made[1],))
    assert without_metrics(computed, {"mrr"}) is computed
    (check,) = repeated_checks([brought], [computed])
    assert check.sentence == "Offline metrics that are brought ready-made and not computed: 'ndcg'."
    assert repeated_checks([computed], []) == []
