"""Binary metrics from the engine, held against scikit-learn, published numbers and independent formulas."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.offline.comparison import make_offline_rows
from abgap.offline.contest import Contest
from abgap.offline.lazy import PRODUCTION
from abgap.offline.predictions import order
from abgap.offline.predictions.evaluate import EvaluatedPredictions, evaluate_binary
from abgap.records import Interval, NotEstimable, Reason
from abgap.study.load import check_study
from abgap.study.model import Study

StudyOf = Callable[..., Study]
Evaluate = Callable[..., EvaluatedPredictions]
TOLERANCE = 1e-9


@pytest.fixture
def evaluate(study_of: StudyOf, tmp_path: Path) -> Evaluate:
    """Evaluate predictions; pairs that experiments ran may be given."""

    def evaluated(table: Any, *, ran: Sequence[tuple[str, str]] = (), **keys: Any) -> EvaluatedPredictions:
        with DuckDBEngine(directory=tmp_path) as engine:
            return evaluate_binary(engine, study_of(table, **keys), tmp_path, ran)

    return evaluated


def scored(seed: int = 3, n: int = 3000, *, decimals: int = 3) -> pd.DataFrame:
    """Two models over the same examples, with ties, and a slice."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.12).astype(int)
    shared = rng.normal(size=n) + y
    group = rng.choice(["a", "b", "c"], n, p=[0.6, 0.39, 0.01])
    frames = []
    for model, noise, skill in (("new", 0.5, 0.4), ("old", 0.3, 0.0)):
        logit = shared + noise * rng.normal(size=n) + skill * y - 2.2
        score = np.round(1 / (1 + np.exp(-logit)), decimals)
        frames.append(pd.DataFrame({"model": model, "y_true": y, "y_score": score, "group": group}))
        frames[-1]["example"] = [f"e{i}" for i in range(n)]
    return pd.concat(frames, ignore_index=True)


def by_metric(
    found: EvaluatedPredictions, model: str, *where: str, baseline: str | None = None
) -> dict[str, Contest]:
    """Contests of a model, over all examples or in a slice, by metric."""
    name, value = where or (None, None)
    return {
        c.metric: c
        for c in found.contests
        if (c.model, c.baseline, c.slice_name, c.slice_value) == (model, baseline, name, value)
    }


def oracle(y: np.ndarray[Any, Any], score: np.ndarray[Any, Any], threshold: float) -> dict[str, float]:
    """The same by scikit-learn; calibration error by a formula of its own."""
    decided = (score >= threshold).astype(int)
    bins = np.minimum((score * 10).astype(int), 9)
    ece = sum(
        abs(score[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)
    )
    return {
        "accuracy": sk.accuracy_score(y, decided),
        "balanced_accuracy": sk.balanced_accuracy_score(y, decided),
        "precision": sk.precision_score(y, decided),
        "recall": sk.recall_score(y, decided),
        "specificity": sk.recall_score(1 - y, 1 - decided),
        "f1": sk.f1_score(y, decided),
        "mcc": sk.matthews_corrcoef(y, decided),
        "roc_auc": sk.roc_auc_score(y, score),
        "average_precision": sk.average_precision_score(y, score),
        "log_loss": sk.log_loss(y, score),
        "brier": sk.brier_score_loss(y, score),
        "calibration_error": ece,
    }


class TestAgainstScikitLearn:
    @pytest.mark.parametrize("decimals", [1, 3, 12])
    def test_every_metric_overall_and_by_slice(self, evaluate: Evaluate, decimals: int) -> None:
        table = scored(decimals=decimals)
        found = evaluate(table, slices=["group"], threshold=0.3)
        for model in ("new", "old"):
            for where in ((), ("group", "a"), ("group", "b")):
                rows = table[table.model == model]
                rows = rows[rows.group == where[1]] if where else rows
                expected = oracle(rows.y_true.to_numpy(), rows.y_score.to_numpy(), 0.3)
                contests = by_metric(found, model, *where)
                assert contests.keys() == expected.keys()
                for name, value in expected.items():
                    assert contests[name].value == pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE), name
                    assert contests[name].n == len(rows)

    @pytest.mark.parametrize("binned", [False, True])
    def test_slices_add_up_to_the_whole_with_what_is_not_known(
        self, evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch, binned: bool
    ) -> None:
        monkeypatch.setattr(order, "SORTED_ROWS", 0 if binned else 200_000)
        monkeypatch.setattr(order, "RARE", 4)
        table = scored(decimals=6)
        table["group"] = table.group.mask(table.group == "b")
        found = evaluate(table, slices=["group"], offline={"production": "old"}, threshold=0.3)
        for model, baseline in (("new", "old"), ("old", None)):
            sliced = [c for c in found.contests if c.model == model and c.slice_name == "group"]
            whole = by_metric(found, model, baseline=baseline)["accuracy"]
            assert list(dict.fromkeys(c.slice_value for c in sliced)) == ["a", "c", None]
            assert sum(c.n or 0 for c in sliced if c.metric == "accuracy") == whole.n
            rows = table[(table.model == model) & table.group.isna()]
            expected = oracle(rows.y_true.to_numpy(), rows.y_score.to_numpy(), 0.3)
            unknown = {c.metric: c.value for c in sliced if c.slice_value is None}
            assert unknown == pytest.approx(expected, rel=TOLERANCE)
            if baseline is not None:
                gains = {c.metric: c.gain for c in sliced if c.slice_value is None}
                assert isinstance(gains["roc_auc"], Interval)

    def test_certain_probabilities_have_the_log_loss_of_scikit_learn(self, evaluate: Evaluate) -> None:
        table = {
            "model": ["m"] * 4,
            "example": list("abcd"),
            "y_true": [0, 1, 1, 0],
            "y_score": [0.0, 1.0, 0.0, 0.3],
        }
        found = by_metric(evaluate(table), "m")["log_loss"].value
        assert found == pytest.approx(sk.log_loss(table["y_true"], table["y_score"]), rel=1e-12)

    def test_the_threshold_curve_has_points_of_the_whole_curve(self, evaluate: Evaluate) -> None:
        table = scored(decimals=6)
        (new, _) = evaluate(table).curves
        rows = table[table.model == "new"]
        assert 100 <= len(new.points) <= 201
        for point in new.points:
            assert point.threshold is not None
            decided = (rows.y_score >= point.threshold).astype(int)
            (tn, fp), (fn, tp) = sk.confusion_matrix(rows.y_true, decided)
            assert (point.true_positives, point.false_positives, point.false_negatives, point.true_negatives) == (
                tp, fp, fn, tn,
            )  # fmt: skip
        last = new.points[-1]
        assert (last.false_negatives, last.true_negatives) == (0, 0)
        assert new.declared.threshold == 0.5

    def test_the_cheapest_threshold_is_the_cheapest_of_all(self, evaluate: Evaluate) -> None:
        table = scored(decimals=2)
        found = evaluate(table, error_costs={"false_positive": 1, "false_negative": 7})
        for curves in found.curves:
            rows = table[table.model == curves.model]
            costs = {
                t: ((rows.y_true == 0) & (rows.y_score >= t)).sum()
                + 7 * ((rows.y_true == 1) & (rows.y_score < t)).sum()
                for t in np.unique(rows.y_score)
            }
            best = min(costs, key=lambda t: (costs[t], -t))
            assert curves.cheapest is not None
            assert curves.cheapest.threshold == best
            assert curves.cost == pytest.approx(costs[best] / len(rows))
            contests = by_metric(found, curves.model)
            assert contests["expected_cost@cost-optimal"].value == pytest.approx(costs[best] / len(rows))
            decided = (rows.y_score >= best).astype(int)
            assert contests["f1@cost-optimal"].value == pytest.approx(sk.f1_score(rows.y_true, decided))

    def test_where_errors_of_calling_are_dear_nobody_is_called(self, evaluate: Evaluate) -> None:
        found = evaluate(scored(), error_costs={"false_positive": 1e6, "false_negative": 1})
        cheapest = {curves.model: curves.cheapest for curves in found.curves}["old"]
        assert cheapest is not None
        assert (cheapest.threshold, cheapest.true_positives, cheapest.false_positives) == (None, 0, 0)
        assert by_metric(found, "old")["recall@cost-optimal"].value == 0.0

    def test_calibration_bins_hold_the_share_of_positives_with_wilsons_interval(
        self, evaluate: Evaluate
    ) -> None:
        table = scored()
        (new, _) = evaluate(table).curves
        rows = table[table.model == "new"]
        for bin_ in new.calibration:
            mine = rows[(rows.y_score * 10).astype(int).clip(upper=9) == round(bin_.low * 10)]
            test = scipy.stats.binomtest(int(mine.y_true.sum()), len(mine)).proportion_ci(method="wilson")
            assert bin_.n == len(mine)
            assert bin_.mean_probability == pytest.approx(mine.y_score.mean())
            assert (bin_.positives.low, bin_.positives.high) == pytest.approx(
                (test.low, test.high), abs=1e-12
            )


class TestCompas:
    @pytest.fixture
    def reference(self, data_dir: Path) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(
            (data_dir / "compas" / "reference.json").read_text(encoding="utf-8")
        )
        return found

    @pytest.fixture
    def found(self, data_dir: Path) -> EvaluatedPredictions:
        columns = {
            "model": {"value": "COMPAS"},
            "example": "id",
            "y_true": "two_year_recid",
            "y_score": "decile_score",
        }
        path = str(data_dir / "compas" / "compas_two_years_slim.csv")
        source = {"path": path, "task": "binary", "threshold": 5, "columns": columns}
        study = check_study({"offline": {"predictions": source | {"slices": ["race", "sex", "age_cat"]}}})
        with DuckDBEngine(directory=data_dir) as engine:
            return evaluate_binary(engine, study, data_dir, [])

    @pytest.mark.data
    def test_overall(self, found: EvaluatedPredictions, reference: Mapping[str, Any]) -> None:
        contests = by_metric(found, "COMPAS")
        for name in ("precision", "recall", "accuracy", "f1", "roc_auc", "average_precision"):
            assert contests[name].value == pytest.approx(reference["overall"][name], rel=1e-12)
        assert contests["specificity"].value == pytest.approx(1 - reference["overall"]["fpr"], rel=1e-12)
        assert contests["accuracy"].counts == {"positives": 3251, "negatives": 3963}
        assert contests["accuracy"].notes == ()

    @pytest.mark.data
    def test_by_slice_with_a_note_where_a_label_is_rare(
        self, found: EvaluatedPredictions, reference: Mapping[str, Any]
    ) -> None:
        for key, expected in reference["slices"].items():
            contests = by_metric(found, "COMPAS", *key.split("=", 1))
            for name in ("precision", "recall", "accuracy", "f1", "roc_auc"):
                assert contests[name].value == pytest.approx(expected[name], rel=1e-12), key
            rare = min(expected["tp"] + expected["fn"], expected["fp"] + expected["tn"]) < 30
            assert bool(contests["accuracy"].notes) is rare
        few = by_metric(found, "COMPAS", "race", "Native American")["accuracy"].notes
        assert few == (
            "only 10 positive examples: the value may be far off",
            "only 8 negative examples: the value may be far off",
        )

    @pytest.mark.data
    def test_deciles_are_no_probabilities_and_it_is_said(self, found: EvaluatedPredictions) -> None:
        row = by_metric(found, "COMPAS")["log_loss"]
        assert row.value is None
        assert isinstance(row.gain, NotEstimable)
        assert row.gain.detail.endswith("of 7,214 scores lie outside [0, 1]: they are no probabilities")
        assert all(curves.calibration == () for curves in found.curves)


class TestUndefined:
    def row(self, evaluate: Evaluate, metric: str, y: list[int], score: list[float], **keys: Any) -> Contest:
        table = {
            "model": ["m"] * len(y),
            "example": [str(i) for i in range(len(y))],
            "y_true": y,
            "y_score": score,
        }
        return by_metric(evaluate(table, **keys), "m")[metric]

    @pytest.mark.parametrize(
        ("metric", "y", "score", "why"),
        [
            ("precision", [0, 1], [0.1, 0.2], "no example is called positive"),
            ("recall", [0, 0], [0.1, 0.9], "no example is positive"),
            ("specificity", [1, 1], [0.1, 0.9], "no example is negative"),
            ("balanced_accuracy", [1, 1], [0.1, 0.9], "only one of the two labels occurs"),
            ("roc_auc", [1, 1], [0.1, 0.9], "only one of the two labels occurs"),
            ("average_precision", [0, 0], [0.1, 0.9], "only one of the two labels occurs"),
            ("f1", [0, 0], [0.1, 0.2], "no example is positive, and none is called so"),
            ("mcc", [0, 1], [0.1, 0.2], "all labels or all decisions are the same"),
            ("brier", [0, 1], [0.1, 1.2], "1 of 2 scores lie outside [0, 1]: they are no probabilities"),
        ],
    )
    def test_is_null_with_its_reason(
        self, evaluate: Evaluate, metric: str, y: list[int], score: list[float], why: str
    ) -> None:
        row = self.row(evaluate, metric, y, score)
        assert row.value is None
        assert row.gain == NotEstimable(reason=Reason.NOT_DEFINED, detail=why)
        assert row.lazy == {}

    def test_nothing_found_of_what_is_there_is_zero(self, evaluate: Evaluate) -> None:
        assert self.row(evaluate, "f1", [0, 1], [0.9, 0.2]).value == 0.0

    def test_decisions_have_no_order(self, evaluate: Evaluate) -> None:
        table = {"model": ["m"] * 4, "example": list("abcd"), "y_true": [0, 1, 1, 0], "y_pred": [0, 1, 0, 0]}
        contests = by_metric(evaluate(table), "m")
        assert contests["recall"].value == 0.5
        assert contests["recall"].definition == "TP / (TP + FN); decisions as given"
        assert contests["roc_auc"].gain == NotEstimable(
            reason=Reason.NOT_DEFINED, detail="there are only decisions, and no scores"
        )


def placements(y: Any, score: Any) -> tuple[Any, Any]:
    """Of DeLong, by comparing every pair."""
    above = score[y == 1][:, None] - score[y == 0][None, :]
    won = (above > 0) + 0.5 * (above == 0)
    return won.mean(axis=1), won.mean(axis=0)


def delong(y: Any, new: Any, old: Any) -> tuple[float, float]:
    """The difference of two areas and its standard error, from the placements."""
    (a10, a01), (b10, b01) = placements(y, new), placements(y, old)
    variance = np.var(a10 - b10, ddof=1) / len(a10) + np.var(a01 - b01, ddof=1) / len(a01)
    return float(a10.mean() - b10.mean()), float(np.sqrt(variance))


def jackknifed(y: Any, new: Any, old: Any, metric: Callable[..., float]) -> float:
    """The standard error of a difference by weights moved a little: the infinitesimal jackknife by finite steps."""
    n, step = len(y), 1e-6
    # Examples that are alike move the metric alike.
    _, first, alike = np.unique(np.stack([y, new, old]), axis=1, return_index=True, return_inverse=True)
    slopes = np.empty(len(first))
    for k, i in enumerate(first):
        up, down = np.ones(n), np.ones(n)
        up[i], down[i] = 1 + step, 1 - step
        ends = [metric(y, new, sample_weight=w) - metric(y, old, sample_weight=w) for w in (up, down)]
        slopes[k] = (ends[0] - ends[1]) / (2 * step)
    return float(np.sqrt((slopes[alike] ** 2).sum()))


class TestComparison:
    def sides(self, table: pd.DataFrame) -> tuple[Any, Any, Any]:
        new, old = (table[table.model == model].sort_values("example") for model in ("new", "old"))
        return new.y_true.to_numpy(), new.y_score.to_numpy(), old.y_score.to_numpy()

    @pytest.mark.parametrize("decimals", [1, 4])
    def test_roc_auc_is_compared_as_delong_did(self, evaluate: Evaluate, decimals: int) -> None:
        table = scored(decimals=decimals)
        found = evaluate(table, ran=[("new", "old")], slices=["group"])
        for where in ((), ("group", "b")):
            rows = table[table.group == where[1]] if where else table
            row = by_metric(found, "new", *where, baseline="old")["roc_auc"]
            y, new, old = self.sides(rows)
            gain, error = delong(y, new, old)
            of_rarer = scipy.stats.t(min(y.sum(), (1 - y).sum()) - 1)
            assert isinstance(row.gain, Interval)
            assert row.gain.method == "delong"
            assert row.gain.estimate == pytest.approx(gain, rel=TOLERANCE)
            assert row.gain.high - row.gain.low == pytest.approx(
                2 * of_rarer.ppf(0.975) * error, rel=TOLERANCE
            )
            assert row.p_value == pytest.approx(2 * of_rarer.sf(abs(gain) / error), rel=1e-8)

    @pytest.mark.parametrize("decimals", [1, 4])
    def test_average_precision_is_compared_by_the_influence_of_examples(
        self, evaluate: Evaluate, decimals: int
    ) -> None:
        table = scored(n=250, decimals=decimals)
        row = by_metric(evaluate(table, ran=[("new", "old")]), "new", baseline="old")["average_precision"]
        y, new, old = self.sides(table)
        assert isinstance(row.gain, Interval)
        assert row.gain.estimate == pytest.approx(
            sk.average_precision_score(y, new) - sk.average_precision_score(y, old), rel=TOLERANCE
        )
        m = min(y.sum(), (1 - y).sum())
        error = jackknifed(y, new, old, sk.average_precision_score) * np.sqrt(m / (m - 1))
        assert row.gain.high - row.gain.low == pytest.approx(
            2 * scipy.stats.t(m - 1).ppf(0.975) * error, rel=1e-6
        )

    def test_few_positives_are_said_beside_every_metric(self, evaluate: Evaluate) -> None:
        table = scored(n=150)
        contests = by_metric(evaluate(table, ran=[("new", "old")]), "new", baseline="old")
        few = int(table.y_true.sum() / 2)
        assert 8 <= few < 30
        assert {"log_loss", "brier", "roc_auc", "average_precision"} < contests.keys()
        for row in contests.values():
            assert f"only {few} positive examples: the value may be far off" in row.notes

    def test_means_are_compared_by_the_paired_t(self, evaluate: Evaluate) -> None:
        table = scored()
        y, new, old = self.sides(table)
        contests = by_metric(evaluate(table, ran=[("new", "old")]), "new", baseline="old")
        values = {
            "accuracy": [(s >= 0.5) == y for s in (new, old)],
            "brier": [(s - y) ** 2 for s in (new, old)],
            "log_loss": [-np.log(np.clip(np.where(y == 1, s, 1 - s), 2.3e-16, 1)) for s in (new, old)],
        }
        for name, (ours, theirs) in values.items():
            test = scipy.stats.ttest_rel(ours.astype(float), theirs.astype(float))
            interval = test.confidence_interval()
            row = contests[name]
            assert isinstance(row.gain, Interval)
            assert row.gain.method == "paired-t"
            assert (row.gain.low, row.gain.high) == pytest.approx((interval.low, interval.high), rel=1e-8)
            assert row.p_value == pytest.approx(test.pvalue, rel=1e-8)
            assert row.sd == pytest.approx(
                np.std(ours.astype(float) - theirs.astype(float), ddof=1), rel=1e-9
            )
            assert isinstance(row.bootstrap, Interval)
            assert row.p_permutation is not None

    @pytest.mark.parametrize(
        ("name", "formula"),
        [
            ("precision", sk.precision_score),
            ("recall", sk.recall_score),
            ("f1", sk.f1_score),
            ("mcc", sk.matthews_corrcoef),
            ("balanced_accuracy", sk.balanced_accuracy_score),
        ],
    )
    def test_functions_of_counts_are_compared_by_the_delta_method(
        self, evaluate: Evaluate, name: str, formula: Callable[..., float]
    ) -> None:
        table = scored(n=400)
        y, new, old = self.sides(table)
        row = by_metric(evaluate(table, ran=[("new", "old")], threshold=0.2), "new", baseline="old")[name]
        carry = {"recall": int(y.sum()), "precision": 400}.get(name, int(min(y.sum(), (1 - y).sum())))
        error = jackknifed(y, new >= 0.2, old >= 0.2, formula) * np.sqrt(carry / (carry - 1))
        assert isinstance(row.gain, Interval)
        half = scipy.stats.t.ppf(0.975, carry - 1) * error
        assert row.gain.high - row.gain.estimate == pytest.approx(half, rel=1e-6)
        assert isinstance(row.bootstrap, Interval)
        assert row.bootstrap.high - row.bootstrap.low == pytest.approx(2 * half, rel=0.15)

    def test_recall_gets_the_paired_t_over_positives_and_specificity_over_negatives(
        self, evaluate: Evaluate
    ) -> None:
        table = scored(n=400)
        y, new, old = self.sides(table)
        contests = by_metric(evaluate(table, ran=[("new", "old")], threshold=0.2), "new", baseline="old")
        for name, label in (("recall", 1), ("specificity", 0)):
            right = [((s >= 0.2) == label)[y == label].astype(float) for s in (new, old)]
            test = scipy.stats.ttest_rel(*right)
            interval = test.confidence_interval()
            row = contests[name]
            assert isinstance(row.gain, Interval)
            assert (row.gain.low, row.gain.high) == pytest.approx((interval.low, interval.high), rel=1e-8)
            assert row.p_value == pytest.approx(test.pvalue, rel=1e-8)

    def test_calibration_errors_stand_side_by_side_untested(self, evaluate: Evaluate) -> None:
        row = by_metric(evaluate(scored(), ran=[("new", "old")]), "new", baseline="old")["calibration_error"]
        assert row.value is not None
        assert row.baseline_value is not None
        assert isinstance(row.gain, NotEstimable)
        assert row.p_value is None

    def test_every_model_is_held_against_the_one_in_production(self, evaluate: Evaluate) -> None:
        found = evaluate(scored(), offline={"production": "old"})
        assert {(c.model, c.baseline) for c in found.contests} == {("new", "old"), ("old", None)}
        alone = evaluate(scored())
        assert {(c.model, c.baseline) for c in alone.contests} == {("new", None), ("old", None)}

    def test_other_examples_are_refused_with_counts(self, evaluate: Evaluate) -> None:
        table = scored()
        table = table[~((table.model == "new") & (table.example == "e0"))]
        row = by_metric(evaluate(table, offline={"production": "old"}), "new", baseline="old")["f1"]
        assert row.gain == NotEstimable(
            reason=Reason.NOT_MATCHED,
            detail="evaluated on 2,999 examples, the baseline on 3,000, 2,999 shared",
        )
        assert row.value is not None
        assert row.p_value is None

    def test_the_baseline_has_no_value_on_other_examples(self, evaluate: Evaluate, study_of: StudyOf) -> None:
        table = scored()
        table = table[~((table.model == "new") & (table.example == "e0"))]
        found = evaluate(table, offline={"production": "old"})
        alone = by_metric(found, "old")
        study = study_of(table, offline={"production": "old"})
        for row in make_offline_rows(list(by_metric(found, "new", baseline="old").values()), study):
            assert row.value is not None
            assert (row.baseline_value, row.bare_improvement) == (None, None)
            assert alone[row.metric].value is not None
            assert PRODUCTION not in row.lazy

    @pytest.mark.parametrize("side", ["new", "old"])
    def test_an_empty_score_leaves_its_example_out_of_both(self, evaluate: Evaluate, side: str) -> None:
        table = scored(n=1000)
        gap = table.assign(y_score=table.y_score.mask((table.model == side) & (table.example == "e7")))
        found = by_metric(evaluate(gap, offline={"production": "old"}), "new", baseline="old")
        without = evaluate(table[table.example != "e7"], offline={"production": "old"})
        expected = by_metric(without, "new", baseline="old")
        for name, row in found.items():
            assert (row.n, row.skipped) == (999, 2)
            if name != "calibration_error":
                assert (row.value, row.baseline_value, row.gain) == (
                    expected[name].value,
                    expected[name].baseline_value,
                    expected[name].gain,
                )

    def test_an_empty_score_does_not_hide_other_examples(self, evaluate: Evaluate) -> None:
        table = scored(n=1000)
        table = table[~((table.model == "new") & (table.example == "e0"))]
        table["y_score"] = table.y_score.mask((table.model == "old") & (table.example == "e7"))
        row = by_metric(evaluate(table, offline={"production": "old"}), "new", baseline="old")["f1"]
        assert isinstance(row.gain, NotEstimable)
        assert row.gain.detail == "evaluated on 999 examples, the baseline on 1,000, 999 shared"

    def test_models_that_never_scored_the_same_example_say_so(self, evaluate: Evaluate) -> None:
        table = scored(n=100)
        first = table.example.isin([f"e{i}" for i in range(50)])
        table["y_score"] = table.y_score.mask(first == (table.model == "new"))
        row = by_metric(evaluate(table, offline={"production": "old"}), "new", baseline="old")["f1"]
        assert isinstance(row.gain, NotEstimable)
        assert row.gain.detail == "no example has a prediction of both models"

    def test_shared_examples_are_compared_when_the_study_asks(self, evaluate: Evaluate) -> None:
        table = scored(n=1000)
        cut = table[~((table.model == "new") & (table.example.isin(["e0", "e1"])))]
        both = table[~table.example.isin(["e0", "e1"])]
        shared = {"production": "old", "examples": "shared"}
        found = by_metric(evaluate(cut, offline=shared), "new", baseline="old")
        expected = by_metric(evaluate(both, offline={"production": "old"}), "new", baseline="old")
        for name, row in found.items():
            assert (row.n, row.skipped) == (998, 2)
            if name != "calibration_error":
                assert (row.value, row.gain) == (expected[name].value, expected[name].gain)

    def test_labels_that_differ_between_models_are_refused(self, evaluate: Evaluate) -> None:
        table = scored(n=200)
        table.loc[table.index[:3], "y_true"] = 1 - table.loc[table.index[:3], "y_true"]
        with pytest.raises(
            DataError, match="'new' and 'old' have different labels for 3 examples; an example has one"
        ):
            evaluate(table, offline={"production": "old"})

    def test_a_slice_with_few_of_a_label_has_values_and_no_test(self, evaluate: Evaluate) -> None:
        table = scored()
        rare = by_metric(
            evaluate(table, slices=["group"], offline={"production": "old"}),
            "new",
            "group",
            "c",
            baseline="old",
        )["roc_auc"]
        assert rare.value is not None
        assert isinstance(rare.gain, NotEstimable)
        assert rare.gain.reason is Reason.TOO_FEW_UNITS
        assert rare.p_value is None

    def test_models_that_decide_alike_cannot_be_told_apart(self, evaluate: Evaluate) -> None:
        table = scored()
        table.loc[table.model == "new", "y_score"] = table.loc[table.model == "old", "y_score"].to_numpy()
        contests = by_metric(evaluate(table, ran=[("new", "old")]), "new", baseline="old")
        tested = {name: row for name, row in contests.items() if name != "calibration_error"}
        assert {row.gain.reason for row in tested.values() if isinstance(row.gain, NotEstimable)} == {
            Reason.ZERO_VARIANCE
        }
        assert len(tested) == 11


class TestLazy:
    """The examples of the seeds: metrics that a predictor satisfies that learnt nothing."""

    def decided(self, positives: int, n: int, found: int, alarms: int) -> dict[str, list[Any]]:
        y = [1] * positives + [0] * (n - positives)
        called = [1] * found + [0] * (positives - found) + [1] * alarms + [0] * (n - positives - alarms)
        return {"model": ["m"] * n, "example": [str(i) for i in range(n)], "y_true": y, "y_pred": called}

    def test_one_in_two_hundred(self, evaluate: Evaluate) -> None:
        """200 of 40,000 are positive; five are found, with ten false alarms elsewhere.

        All numbers of the story hold but one: it calls 99.6 % the accuracy of this model. Five found and ten false
        alarms are 39,795 of 40,000 right, 99.4875 %: less than the 99.5 % of never calling anybody.
        """
        contests = by_metric(evaluate(self.decided(200, 40_000, found=5, alarms=10)), "m")
        assert contests["accuracy"].value == pytest.approx(0.994875)
        assert contests["accuracy"].lazy["majority"] == pytest.approx(0.995)
        assert contests["recall"].value == pytest.approx(0.025)
        assert contests["recall"].lazy["majority"] == 0.0
        assert contests["precision"].value == pytest.approx(1 / 3)
        assert contests["f1"].value == pytest.approx(2 * 5 / (2 * 5 + 10 + 195))

    def test_spam(self, evaluate: Evaluate) -> None:
        """10,000 messages, 100 of them spam: 99.80 % against 99.00 %, and a recall of 80 % against none."""
        contests = by_metric(evaluate(self.decided(100, 10_000, found=80, alarms=0)), "m")
        assert contests["accuracy"].value == pytest.approx(0.998)
        assert contests["accuracy"].lazy["majority"] == pytest.approx(0.99)
        assert (contests["recall"].value, contests["recall"].lazy["majority"]) == (0.8, 0.0)

    @pytest.mark.parametrize(
        ("positives", "n", "found", "alarms"), [(200, 40_000, 5, 10), (100, 10_000, 80, 0)]
    )
    def test_accuracy_is_not_ready_to_be_a_target_in_either(
        self, evaluate: Evaluate, study_of: StudyOf, positives: int, n: int, found: int, alarms: int
    ) -> None:
        table = self.decided(positives, n, found, alarms)
        rows = {row.metric: row for row in make_offline_rows(evaluate(table).contests, study_of(table))}
        assert rows["accuracy"].target_ready is False
        assert rows["f1"].target_ready is True
        assert rows["precision"].target_ready is True

    def test_lazy_values_are_those_of_lazy_predictors(self, evaluate: Evaluate) -> None:
        table = scored(n=20_000, decimals=6)
        old = table[table.model == "old"]
        y, rng = old.y_true.to_numpy(), np.random.default_rng(5)
        contests = by_metric(evaluate(old, threshold=0.3), "old")
        constant = np.full(len(y), y.mean())
        assert contests["log_loss"].lazy["constant"] == pytest.approx(sk.log_loss(y, constant))
        assert contests["brier"].lazy["constant"] == pytest.approx(sk.brier_score_loss(y, constant))
        assert contests["average_precision"].lazy["constant"] == pytest.approx(
            sk.average_precision_score(y, constant)
        )
        assert contests["roc_auc"].lazy["constant"] == sk.roc_auc_score(y, constant)
        always = np.ones(len(y), dtype=int)
        assert contests["f1"].lazy["always_positive"] == pytest.approx(sk.f1_score(y, always))
        assert contests["accuracy"].lazy["majority"] == pytest.approx(sk.accuracy_score(y, 1 - always))
        drawn = rng.random(len(y))
        assert contests["average_precision"].lazy["random"] == pytest.approx(
            sk.average_precision_score(y, drawn), abs=0.01
        )
        by_lot = rng.random(len(y)) < y.mean()
        assert contests["f1"].lazy["random"] == pytest.approx(sk.f1_score(y, by_lot), abs=0.02)
        assert contests["brier"].lazy["random"] == pytest.approx(sk.brier_score_loss(y, drawn), abs=0.01)
        assert contests["log_loss"].lazy["random"] == pytest.approx(sk.log_loss(y, drawn), abs=0.05)

    def test_the_mean_average_precision_of_random_orders_is_exact(self) -> None:
        """Every order of 2 positives among 5 examples."""
        from itertools import combinations  # noqa: PLC0415

        from abgap.stats.binary_lazy import lazy_of_scores  # noqa: PLC0415

        orders = [np.isin(np.arange(5), places).astype(int) for places in combinations(range(5), 2)]
        mean = np.mean([sk.average_precision_score(y, -np.arange(5.0)) for y in orders])
        assert lazy_of_scores("average_precision", 2, 5)["random"] == pytest.approx(mean, rel=1e-12)


class TestWhatIsDeclared:
    def test_only_declared_metrics_under_their_own_names(self, evaluate: Evaluate) -> None:
        declared = {"offline_metrics": {"AUC": {}, "found": {"metric": "recall"}, "ndcg@10": {}}}
        found = evaluate(scored(), rest=declared)
        assert [c.metric for c in found.contests if c.model == "new"] == ["AUC", "found"]

    def test_definitions_are_whole_sentences_of_formula_and_threshold(self, evaluate: Evaluate) -> None:
        costs = {"false_positive": 1, "false_negative": 20}
        contests = by_metric(evaluate(scored(), threshold=0.25, error_costs=costs), "new")
        assert contests["precision"].definition == "TP / (TP + FP); positive from a score of 0.25 on"
        assert contests["expected_cost"].definition == "(1 FP + 20 FN) / n; positive from a score of 0.25 on"
        assert "errors on these examples cost least" in contests["precision@cost-optimal"].definition


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**31),
    decimals=st.integers(0, 3),
    n=st.integers(8, 60),
)
def test_ties_and_monotone_changes_of_scores(evaluate: Evaluate, seed: int, decimals: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.concatenate([[0, 1], rng.integers(0, 2, n - 2)])
    score = np.round(rng.random(n), decimals)
    models = {"as is": score, "stretched": score * 8 - 3, "reversed": -score, "shuffled": score}
    frames = [
        pd.DataFrame({"model": m, "example": [str(i) for i in range(n)], "y_true": y, "y_score": s})
        for m, s in models.items()
    ]
    frames[3] = frames[3].sample(frac=1, random_state=seed % 1000)
    found = evaluate(pd.concat(frames), threshold=0.5)
    orders = {
        model: tuple(by_metric(found, model)[name].value for name in ("roc_auc", "average_precision"))
        for model in models
    }
    assert orders["as is"] == orders["stretched"] == orders["shuffled"]
    expected = (sk.roc_auc_score(y, score), sk.average_precision_score(y, score))
    assert orders["as is"] == pytest.approx(expected, rel=1e-12)
    assert orders["reversed"][0] == pytest.approx(1 - expected[0], abs=1e-12)
    assert by_metric(found, "as is")["brier"].value == by_metric(found, "shuffled")["brier"].value


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**31), decimals=st.integers(1, 8), fineness=st.sampled_from([4, 64, 2**20]))
def test_bins_of_rare_positives_change_no_bit(
    evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch, seed: int, decimals: int, fineness: int
) -> None:
    rng = np.random.default_rng(seed)
    n = 400
    y = np.zeros(n, dtype=int)
    y[rng.choice(n, 12, replace=False)] = 1
    score = np.round(np.exp(rng.normal(-4 + y, 1.5)), decimals)
    table = pd.DataFrame({"example": [str(i) for i in range(n)], "y_true": y, "y_score": score})
    table["group"] = rng.choice(["a", "b"], n)
    for models in (["m"], ["m", "n"]):
        both = pd.concat([table.assign(model=model) for model in models])
        plain = evaluate(both, slices=["group"])
        with monkeypatch.context() as patch:
            patch.setattr(order, "SORTED_ROWS", 0)
            patch.setattr(order, "MOST_BINS", fineness)
            binned = evaluate(both, slices=["group"])
        assert [(c.metric, c.slice_value, c.value) for c in binned.contests] == [
            (c.metric, c.slice_value, c.value) for c in plain.contests
        ]
        (first, *_) = binned.curves
        for point in first.points:
            assert point.threshold is not None
            assert point.true_positives == ((score >= point.threshold) & (y == 1)).sum()
            assert point.false_positives == ((score >= point.threshold) & (y == 0)).sum()


def test_the_order_of_rows_and_threads_change_no_bit(study_of: StudyOf, tmp_path: Path) -> None:
    table = scored(n=30_000, decimals=8)
    found = []
    for seed, threads in ((1, 1), (2, 2), (3, 4)):
        study = study_of(
            table.sample(frac=1, random_state=seed), slices=["group"], offline={"production": "old"}
        )
        with DuckDBEngine(directory=tmp_path, threads=threads) as engine:
            found.append(evaluate_binary(engine, study, tmp_path, []))
    assert found[0].contests == found[1].contests == found[2].contests
    assert found[0].curves == found[1].curves == found[2].curves
