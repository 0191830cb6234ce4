"""Why a gain got lost, as the report shows it: for a reader who sees the section of one experiment only."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from abgap.records import (
    EvidenceRow,
    FindingStatus,
    Gap,
    Interval,
    Measure,
    NotEstimable,
    Reason,
    Results,
    words,
)
from abgap.report import reasons
from abgap.report.html import render_html
from abgap.report.markdown import escaped, render_markdown
from abgap.report.view import view_of
from abgap.report.view.model import ExperimentView, ReportView
from abgap.report.view.pictures import Waterfall
from tests.report.hostile_names import HOSTILE
from tests.report.made_experiments import STORY
from tests.report.made_results import results_of

LOST, WON, FLAT, BROKEN = "click_ndcg_ranker", "purchase_weighted", "same_model_aa", "personal_rerank"


@pytest.fixture(scope="module")
def results() -> Results:
    rows = [row for row, told in enumerate(STORY) if told[0] in {LOST, WON, FLAT, BROKEN}]
    return results_of([STORY[row][0] for row in rows], rows=rows)


@pytest.fixture(scope="module")
def view(results: Results) -> ReportView:
    return view_of(results)


def section(view: ReportView, name: str) -> ExperimentView:
    return next(each for each in view.experiments if each.name == name)


def gap_of(results: Results, name: str) -> Gap:
    return next(gap for gap in results.gaps if gap.experiment == name)


def test_supported_reasons_stand_first_with_amount_evidence_step_and_query(view: ReportView) -> None:
    (why,) = section(view, LOST).whys
    assert [reason.title for reason in why.reasons] == ["Proxy label", "Latency and cost"]
    first = why.reasons[0]
    assert first.explains.text.startswith("+")
    assert first.explains.range.startswith("[+")
    assert first.explains.sub == "70 % of the gap"
    assert first.next_action == "Train and evaluate on purchases, and test the model again."
    assert (first.sql.text, first.sql.link) == ("enrolments", "q1")
    assert first.evidence[0].label == "gain on clicks"


def test_the_other_reasons_take_a_line_each_kind(view: ReportView) -> None:
    (why,) = section(view, LOST).whys
    ruled_out, uncertain, untested = why.others
    assert ruled_out == (
        "Tested, and not the reason: novelty or primacy +0.04 % [−0.06, +0.14]; "
        "dilution −0.02 % [−0.12, +0.08]; wrong baseline."
    )
    assert uncertain == "Too uncertain to tell: slices that differ +1.0 % [−1.0, +3.0]."
    assert "position bias (needs column propensity of [offline.rankings])" in untested
    assert "robustness (needs [gap] perturbed and [live.rankings])" in untested
    assert "saturation (it takes 5 other experiments, and there are 3)" in untested


def test_a_sentence_does_not_repeat_the_amount_beside_it(results: Results) -> None:
    first, second = reasons.supported(gap_of(results, LOST))
    assert isinstance(first.lift, Interval)
    told = replace(first, sentence=f"It took this: {words.percent_interval(first.lift)} of lift.")
    assert reasons.sentence(told) == "It took this."
    assert reasons.sentence(second) == second.sentence


def test_without_a_gap_nothing_is_drawn_and_only_what_was_expected_is_told(view: ReportView) -> None:
    (why,) = section(view, WON).whys
    assert why.reasons == ()
    assert why.budget is None
    (told,) = why.others
    assert told.startswith("No exchange rate is declared: the smallest worthwhile lift stands for")


def test_what_was_not_diagnosed_has_no_why(view: ReportView) -> None:
    assert section(view, BROKEN).whys == ()


def test_the_budget_goes_from_what_was_expected_to_what_came(view: ReportView, results: Results) -> None:
    (why,) = section(view, LOST).whys
    assert why.budget is not None
    figure = why.budget.figure
    assert figure is not None
    picture = figure.picture
    assert isinstance(picture, Waterfall)
    labels = ["Expected lift", "Proxy label", "Latency and cost", "Unexplained"]
    assert [step.label for step in picture.steps] == labels
    assert picture.total.label == "Observed lift"
    assert math.fsum(step.amount for step in picture.steps) == pytest.approx(picture.total.amount, abs=1e-9)
    lift = gap_of(results, LOST).online_lift
    assert isinstance(lift, Interval)
    assert picture.total.amount == pytest.approx(100 * lift.estimate)
    assert [step.amount < 0 for step in picture.steps[:3]] == [False, True, True]


def test_picture_table_and_alt_text_have_the_same_numbers(view: ReportView) -> None:
    (why,) = section(view, LOST).whys
    assert why.budget is not None
    assert why.budget.figure is not None
    picture = why.budget.figure.picture
    assert isinstance(picture, Waterfall)
    steps = (*picture.steps, picture.total)
    rows = why.budget.table.groups[0].rows
    assert [(row[0].text, row[1].text) for row in rows] == [(step.label, step.text) for step in steps]
    assert all(f"{step.label} {step.text}" in why.budget.figure.alt for step in steps)
    decimals = {len(row[1].text.removesuffix(" %").rpartition(".")[2]) for row in rows}
    assert len(decimals) == 1, "numbers that add up have the same decimals"


def test_what_the_expectation_is_made_of_is_said(results: Results) -> None:
    (why,) = section(view_of(results), LOST).whys
    assert why.budget is not None
    assert "the smallest worthwhile lift stands for what should have come" in why.budget.table.note
    declared = replace(
        results,
        gaps=tuple(
            replace(gap, expected_lift=gap.budget[0].amount if gap.budget else None) for gap in results.gaps
        ),
    )
    (why,) = section(view_of(declared), LOST).whys
    assert why.budget is not None
    assert "smallest worthwhile" not in why.budget.table.note
    claimed = replace(
        declared,
        gaps=tuple(
            replace(gap, expected_lift=gap.expected_lift and gap.expected_lift.scaled(0.5))
            for gap in declared.gaps
        ),
    )
    (why,) = section(view_of(claimed), LOST).whys
    assert why.budget is not None
    assert "as it was claimed, against another model" in why.budget.table.note


def test_a_metric_where_less_is_better_keeps_its_sign_in_the_budget(results: Results) -> None:
    less = replace(
        results,
        gaps=tuple(replace(gap, business_metric="latency_mean_ms") for gap in results.gaps),
    )
    (why,) = section(view_of(less), LOST).whys
    assert why.budget is not None
    texts = [row[1].text for row in why.budget.table.groups[0].rows]
    assert texts[0].startswith("−")
    assert texts[1].startswith("+")
    assert why.budget.table.columns[1].note == "latency_mean_ms, lower is better"


def test_the_section_says_what_happened_how_sure_why_and_what_next_in_this_order(view: ReportView) -> None:
    one = replace(view, experiments=(section(view, LOST),))
    shown = section(view, LOST)
    for text in (render_html(one), render_markdown(one)):
        start = text.index("<article" if "<article" in text else "\n### ")
        places = [
            text.index(part, start)
            for part in (shown.verdicts[0].sentence, "How sure", "Why", "What to do next", "Scorecard of")
        ]
        assert places == sorted(places)


def test_the_overview_names_the_main_reason(view: ReportView) -> None:
    assert view.overview is not None
    table = view.overview.table
    place = [column.label for column in table.columns].index("Main reason")
    said = {row[0].text: (row[place].text, row[place].sub) for row in table.groups[0].rows}
    assert said[LOST] == ("Proxy label", "70 % of the gap")
    assert said[WON] == ("—", "")


def test_without_any_reason_the_overview_has_no_column_for_it(results: Results) -> None:
    bare = replace(results, gaps=tuple(replace(gap, reasons=(), budget=()) for gap in results.gaps))
    overview = view_of(bare).overview
    assert overview is not None
    assert "Main reason" not in [column.label for column in overview.table.columns]


def test_a_reason_without_an_amount_explains_without_a_number(results: Results) -> None:
    none = NotEstimable(reason=Reason.NOT_DECLARED, detail="no covariate")
    bare = replace(
        results,
        gaps=tuple(
            replace(gap, reasons=tuple(replace(found, lift=none, share=None) for found in gap.reasons))
            for gap in results.gaps
        ),
    )
    view = view_of(bare)
    (why,) = section(view, LOST).whys
    assert why.reasons[0].explains.text == ""
    assert "<strong>Proxy label</strong></p>" in render_html(view)
    assert "1. **Proxy label**. With purchases as labels" in render_markdown(view)


def test_every_arm_has_its_own_why(several_arms: Results) -> None:
    (shown,) = view_of(several_arms).experiments
    assert [why.title for why in shown.whys] == ["C", "B"]


def test_hostile_words_of_reasons_stay_text(few_hostile: Results) -> None:
    view = replace(view_of(few_hostile), queries=())
    (why,) = view.experiments[0].whys
    html, markdown = render_html(view), render_markdown(view)
    assert any(reason.title.endswith(HOSTILE[0]) for reason in why.reasons) or HOSTILE[0] in why.sentence
    for text in (html, markdown):
        assert "<script" not in text.lower()
        assert "<img" not in text.lower()
    assert all(escaped(line) in markdown for line in why.others)


@pytest.mark.parametrize(
    ("row", "text", "interval"),
    [
        (EvidenceRow(name="x", value=0.04, measure=Measure.LIFT), "+4.0 %", ""),
        (
            EvidenceRow(name="x", value=0.04, measure=Measure.LIFT, low=0.03, high=0.05),
            "+4.0 %",
            "[+3.0, +5.0]",
        ),
        (EvidenceRow(name="x", value=0.25, measure=Measure.SHARE), "25.0 %", ""),
        (EvidenceRow(name="x", value=0.25, measure=Measure.SHARE, low=0.2, high=0.3), "25 %", "[20, 30]"),
        (EvidenceRow(name="x", value=-0.0123, measure=Measure.GAIN), "−0.0123", ""),
        (
            EvidenceRow(name="x", value=0.01, measure=Measure.GAIN, low=0.0, high=0.02),
            "+0.010",
            "[0.000, +0.020]",
        ),
        (EvidenceRow(name="x", value=310.0, measure=Measure.MILLISECONDS), "310 ms", ""),
        (
            EvidenceRow(name="x", value=310.0, measure=Measure.MILLISECONDS, low=300, high=320),
            "310 ms",
            "[300, 320]",
        ),
        (EvidenceRow(name="x", value=2.5, measure=Measure.MONEY), "2.50 EUR", ""),
        (EvidenceRow(name="x", value=12_345, measure=Measure.COUNT), "12,345", ""),
        (EvidenceRow(name="x", value=0.00001, measure=Measure.P_VALUE), "< 0.001", ""),
        (EvidenceRow(name="x", value=14, measure=Measure.DAYS), "14 days", ""),
        (EvidenceRow(name="x", value=0.72, measure=Measure.NUMBER), "0.72", ""),
        (EvidenceRow(name="x", value=None, measure=Measure.RATIO), "—", ""),
    ],
)
def test_evidence_is_written_as_what_it_is(row: EvidenceRow, text: str, interval: str) -> None:
    found = reasons.shown(row, "EUR")
    assert (found.text, found.range) == (text, interval)


def test_no_reason_is_lost_between_the_three_kinds(view: ReportView, results: Results) -> None:
    (why,) = section(view, LOST).whys
    for found in gap_of(results, LOST).reasons:
        if found.status is FindingStatus.SUPPORTED:
            assert found.title in [reason.title for reason in why.reasons]
        else:
            assert re.search(re.escape(found.title), " ".join(why.others), re.IGNORECASE)
