"""The offline part of the report: a panel per model, and the first screen of a study that is about models alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abgap.records import Direction, Interval, NotEstimable, OfflineRow, Reason, Results
from abgap.records.counterfactual import Counterfactual, OffPolicyEstimate, WeightDiagnosis
from abgap.report.marks import offline_reading
from abgap.report.view import view_of
from abgap.report.view.limits import LADDER
from abgap.report.view.model import Table


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
