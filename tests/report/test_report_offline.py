"""The offline part of the report: a panel per model, and the first screen of a study that is about models alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abgap.cli.offline_findings import show_offline
from abgap.records import (
    Direction,
    Interval,
    NotEstimable,
    OfflineHistory,
    OfflineRow,
    OfflineSweep,
    Reason,
    Results,
)
from abgap.records.counterfactual import Counterfactual, OffPolicyEstimate, WeightDiagnosis
from abgap.records.offline import ConfusionMatrix, SweptDefinition
from abgap.records.predictions import CalibrationBin, PredictionCurves, ThresholdPoint
from abgap.report.charts import draw
from abgap.report.marks import offline_reading
from abgap.report.view import view_of
from abgap.report.view.limits import LADDER
from abgap.report.view.model import Table
from abgap.report.view.pictures import Lines


@pytest.fixture(scope="session")
def models_alone(empty: Results, example: Results) -> Results:
    """The example without its experiments."""
    return replace(empty, offline=example.offline)


def _panels(results: Results) -> Table:
    table = view_of(results).offline
    assert table is not None
    return table


def _lines(table: Table, metric: str) -> list[dict[str, str]]:
    labels = [column.label for column in table.columns]
    rows = [row for group in table.groups for row in group.rows if row[0].text == metric]
    return [
        {
            label: cell.text or (cell.mark.word if cell.mark else "")
            for label, cell in zip(labels, row, strict=True)
        }
        for row in rows
    ]


def test_every_pair_of_models_has_a_panel_that_counts_what_got_better_and_worse(example: Results) -> None:
    table = _panels(example)
    whole = [row for row in example.offline if row.slice_name is None]
    pairs = list(dict.fromkeys((row.model, row.baseline) for row in whole))
    assert len(table.groups) == len(pairs)
    for group, (model, baseline) in zip(table.groups, pairs, strict=True):
        words = [
            offline_reading(row, alpha=example.study.alpha).word
            for row in whole
            if (row.model, row.baseline) == (model, baseline)
        ]
        assert group.title.startswith(f"{model} against {baseline}: ")
        for word in ("better", "worse", "not established"):
            assert (f"{words.count(word)} {word}" in group.title) == bool(words.count(word))


def test_the_dumbbell_goes_from_the_baseline_and_less_can_be_better(example: Results) -> None:
    row = next(row for row in example.offline if isinstance(row.gain, Interval) and row.gain.low > 0.0)
    turned = replace(row, direction=Direction.DOWN, p_adjusted=0.001)
    table = _panels(replace(example, offline=(replace(row, p_adjusted=0.001), turned)))
    up, down = (line[2].bar for group in table.groups for line in group.rows)
    assert up is not None
    assert down is not None
    assert up.dumbbell
    assert (up.at > 50.0, down.at < 50.0) == (True, True)
    assert up.at - 50.0 == pytest.approx(50.0 - down.at, abs=0.1)
    assert (up.tone, down.tone) == ("good", "bad")


def test_the_best_lazy_predictor_stands_beside_the_metric_it_was_given(example: Results) -> None:
    row = replace(example.offline[0], lazy={"popularity": 0.51, "random": 0.12}, skill=0.44)
    (line,) = _lines(_panels(replace(example, offline=(row,))), row.metric)
    assert line["Best lazy"] == "0.5100"
    assert row.best_lazy == "popularity"
    assert replace(row, direction=Direction.DOWN).best_lazy == "random"
    bare = _panels(replace(example, offline=(replace(row, lazy={}),)))
    assert "Best lazy" not in [column.label for column in bare.columns]


def test_a_note_of_many_rows_is_said_once(example: Results) -> None:
    rows = tuple(replace(row, notes=("ties decide",)) for row in example.offline if row.slice_name is None)
    (remark,) = view_of(replace(example, offline=rows)).offline_remarks
    assert remark.endswith("and 23 more: Ties decide.")


def test_more_models_than_there_is_room_for_are_counted(example: Results) -> None:
    table = view_of(example, LADDER[-1]).offline
    assert table is not None
    assert len(table.groups) == LADDER[-1].models
    assert "10 more comparisons of models are not shown here" in table.note


def test_a_study_of_models_alone_opens_with_what_got_better(models_alone: Results) -> None:
    opening = view_of(models_alone).opening
    assert opening.verdict.endswith("got better in a metric and worse in none.")
    assert opening.money is None
    assert opening.scope.startswith("13 models")
    assert [row.mark.word for row in opening.tally.rows] == ["better", "not established"]


@pytest.mark.parametrize(("p", "word"), [(0.001, "better"), (0.2, "not established"), (None, "better")])
def test_one_candidate_is_named(models_alone: Results, p: float | None, word: str) -> None:
    row = replace(_first_gain(models_alone), p_adjusted=p)
    opening = view_of(replace(models_alone, offline=(row,))).opening
    assert opening.verdict == f"{row.model} against {row.baseline}: 1 metric {word}."


def test_models_without_a_baseline_say_how_to_name_one(models_alone: Results) -> None:
    row = replace(_first_gain(models_alone), baseline=None, baseline_value=None)
    opening = view_of(replace(models_alone, offline=(row,))).opening
    assert opening.verdict == "1 model evaluated, none held against another."
    assert "production" in opening.detail


def _first_gain(results: Results) -> OfflineRow:
    return next(row for row in results.offline if isinstance(row.gain, Interval) and row.gain.low > 0.0)


def _policy(weights: WeightDiagnosis | None) -> Counterfactual:
    value = Interval(estimate=0.0023, low=0.0006, high=0.0040, level=0.95, method="snips")
    refused = NotEstimable(reason=Reason.NOT_DECLARED, detail="no request")
    estimates = (
        OffPolicyEstimate(name="snips", definition="", value=value, standard_error=0.0009, gain=value),
        OffPolicyEstimate(name="dr", definition="", value=refused, standard_error=None, gain=refused),
    )
    return Counterfactual(
        policy="uniform",
        loggers={"bts": 1.0},
        decisions=10_000,
        skipped=0,
        units=10_000,
        logged_value=value,
        estimates=estimates,
        weights=weights,
        sentence="It would have earned less.",
        next_action="Do not launch it.",
    )


def test_policies_are_shown_with_what_their_numbers_rest_on(models_alone: Results) -> None:
    weights = WeightDiagnosis(
        mean_weight=1.011, max_weight=277.8, effective_sample=340.4, clip=10.0, clipped=0.02, unsupported=0.0
    )
    judged = replace(models_alone, offline=(), counterfactual=(_policy(weights), _policy(None)))
    view = view_of(judged)
    (table,) = view.offline_more
    assert [group.title for group in table.groups] == [
        "uniform: 10,000 decisions worth 340, mean weight 1.011, largest 277.8",
        "uniform: 10,000 decisions",
    ]
    assert [cell.text for cell in table.groups[0].rows[0]] == ["SNIPS", "0.0023", "+0.0023"]
    assert [cell.why for cell in table.groups[0].rows[1]] == ["", "not declared", "not declared"]
    assert view.opening.verdict == "It would have earned less."
    assert view.opening.detail == "Do not launch it."


@pytest.fixture(scope="session")
def rare() -> PredictionCurves:
    """A model of a rare event: 5 of 200 found with 10 false alarms, where errors cost least 95 with 817."""

    def point(threshold: float | None, found: int, false: int) -> ThresholdPoint:
        return ThresholdPoint(
            threshold=threshold,
            true_positives=found,
            false_positives=false,
            false_negatives=200 - found,
            true_negatives=39_800 - false,
        )

    share = Interval(estimate=0.01, low=0.005, high=0.02, level=0.95, method="wilson")
    return PredictionCurves(
        model="alarm-2",
        n=40_000,
        positives=200,
        declared=point(0.5, 5, 10),
        points=(point(None, 0, 0), point(0.5, 5, 10), point(0.16, 95, 817)),
        cheapest=point(0.16, 95, 817),
        cost=0.1254,
        calibration=(CalibrationBin(low=0.0, high=0.1, n=40_000, mean_probability=0.02, positives=share),),
    )


def test_curves_leave_out_where_there_is_no_precision_and_mark_both_thresholds(
    models_alone: Results, rare: PredictionCurves
) -> None:
    trade_off, calibration = view_of(replace(models_alone, curves=(rare,))).offline_pictures
    assert isinstance(trade_off.picture, Lines)
    assert isinstance(calibration.picture, Lines)
    (curve,) = trade_off.picture.curves
    assert curve.xs == (0.025, 0.475)
    assert curve.ys == (5 / 15, 95 / 912)
    assert [(mark.x, mark.shape) for mark in curve.marks] == [(0.025, "o"), (0.475, "^")]
    assert calibration.picture.diagonal
    assert calibration.picture.curves[0].lows == (0.005,)
    assert "alarm-2 finds 2.5 % of the positives" in trade_off.alt
    for figure in (trade_off, calibration):
        assert "alarm-2" in draw(figure)


def test_scores_that_are_no_probabilities_have_no_calibration(
    models_alone: Results, rare: PredictionCurves
) -> None:
    view = view_of(replace(models_alone, curves=(replace(rare, calibration=()),)))
    assert [figure.key for figure in view.offline_pictures] == ["precision-recall"]


def test_both_thresholds_stand_in_a_table(models_alone: Results, rare: PredictionCurves) -> None:
    (table,) = view_of(replace(models_alone, curves=(rare,))).offline_more
    (group,) = table.groups
    assert group.title == "alarm-2"
    assert [cell.text for cell in group.rows[0]] == ["declared", "0.5000", "5", "195", "10", "0.3333"]
    assert group.rows[1][0].text == "errors cost least, 0.1254 per example"


def test_metrics_that_doing_nothing_satisfies_are_named_on_the_first_screen(models_alone: Results) -> None:
    row = replace(_first_gain(models_alone), target_ready=False)
    opening = view_of(replace(models_alone, offline=(row,))).opening
    assert opening.detail.startswith(f"{row.metric} is satisfied by a solution that learnt nothing")


def test_a_baseline_is_not_shown_alone_as_well(example: Results) -> None:
    row = next(row for row in example.offline if row.slice_name is None)
    alone = replace(row, model=str(row.baseline), baseline=None, baseline_value=None)
    other = replace(alone, model="nobody's baseline")
    table = _panels(replace(example, offline=(row, alone, other)))
    assert [group.title.partition(":")[0] for group in table.groups] == [
        f"{row.model} against {row.baseline}",
        "nobody's baseline",
    ]


def test_other_definitions_are_grouped_under_their_sentence(models_alone: Results) -> None:
    gain = Interval(estimate=0.03, low=0.01, high=0.05, level=0.95, method="paired-t")

    def other(change: str, outcome: str) -> SweptDefinition:
        return SweptDefinition(
            change=change,
            definition="",
            n=100,
            value=0.5,
            baseline_value=0.4,
            gain=gain,
            p_value=0.01,
            outcome=outcome,
        )

    sweep = OfflineSweep(
        model="b",
        baseline="a",
        metric="ndcg@10",
        definition="",
        gain=gain,
        p_value=0.01,
        definitions=(other("exponential gain", "turns"), other("k = 5", "survives")),
        survives=1,
        sentence="The gain survives 1 of 2 other definitions.",
    )
    (table,) = view_of(replace(models_alone, offline_sweeps=(sweep,))).offline_more
    (group,) = table.groups
    assert group.title == sweep.sentence
    assert [(row[0].text, row[-1].mark.word if row[-1].mark else "") for row in group.rows] == [
        ("exponential gain", "turns"),
        ("k = 5", "survives"),
    ]


def test_a_family_that_fell_is_said_in_words(models_alone: Results) -> None:
    first = OfflineHistory(
        metric="ndcg@10",
        family="ranker",
        model="r1",
        date="2026-01-01",
        direction=Direction.UP,
        n=100,
        value=0.7,
        standard_error=0.01,
        previous_model=None,
        previous_date=None,
        change=None,
        p_value=None,
        fell=False,
    )
    gain = Interval(estimate=-0.1, low=-0.12, high=-0.08, level=0.95, method="paired-t")
    second = replace(
        first, model="r2", date="2026-02-01", value=0.6, previous_model="r1", change=gain, fell=True
    )
    view = view_of(replace(models_alone, offline=(), offline_history=(first, second)))
    (table,) = view.offline_more
    assert [row[4].why for row in table.groups[0].rows] == ["the first", ""]
    assert view.offline_remarks == ("ndcg@10 of ranker fell to 0.600 on 2026-02-01.",)


def test_a_confusion_matrix_says_what_is_called_what(models_alone: Results) -> None:
    found = ConfusionMatrix(model="m", classes=("cat", "dog"), counts=((8, 2), (0, 0)), other=0)
    (table,) = view_of(replace(models_alone, confusions=(found,))).offline_more
    assert [column.label for column in table.columns] == ["Actual class", "cat", "dog", "Recall"]
    assert [[cell.text for cell in row] for row in table.groups[0].rows] == [
        ["cat", "8", "2", "0.8000"],
        ["dog", "0", "0", "—"],
    ]


@pytest.mark.parametrize("value", [None, "phone"])
def test_a_slice_that_is_not_known_is_called_so_wherever_it_is_named(
    example: Results, value: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = replace(_first_gain(example), p_adjusted=0.001, direction=Direction.DOWN)
    part = replace(whole, slice_name="device", slice_value=value)
    show_offline((whole, part), alpha=0.05, slices=False)
    assert f"in device = {value or 'not known'} (" in capsys.readouterr().out
    table = view_of(replace(example, offline=(whole, part))).offline_slices
    assert table is not None
    assert table.groups[0].rows[0][0].text == f"device = {value or 'not known'}"
