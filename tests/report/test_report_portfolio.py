"""The page of the portfolio: what a leader reads of all experiments, and that every number of it is in the records."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from abgap.cli.portfolio_findings import show_portfolio
from abgap.gap.portfolio.sentences import leading_sentences
from abgap.gap.portfolio.steps import gain_in_words, lift_of, step_of, worth_in_words
from abgap.records import Interval, Portfolio, Reason, Results
from abgap.records.portfolio import PairFit, SensitivityLine
from abgap.report.charts import draw
from abgap.report.html import render_html
from abgap.report.markdown import render_markdown
from abgap.report.numbers import NOTHING
from abgap.report.view import LADDER, view_of
from abgap.report.view.comparison import nine_cells_of
from abgap.report.view.model import Cell, PortfolioView, Table
from abgap.report.view.pictures import Scatter
from abgap.report.view.portfolio.tables import rules_table
from tests.report.made_portfolio import around, without, without_numbers


@pytest.fixture(scope="module")
def page(example: Results) -> PortfolioView:
    found = view_of(example).portfolio
    assert found is not None
    return found


def rows_of(table: Table | None) -> list[tuple[Cell, ...]]:
    assert table is not None
    return [row for group in table.groups for row in group.rows]


def first_pair(results: Results) -> PairFit:
    return results.portfolio.pairs[0]


def scatter_of(page: PortfolioView) -> Scatter:
    assert page.picture is not None
    assert isinstance(page.picture.picture, Scatter)
    return page.picture.picture


def with_pair(portfolio: Portfolio, **changes: object) -> Portfolio:
    pair = replace(portfolio.pairs[0], **changes)  # type: ignore[arg-type]
    return replace(portfolio, pairs=(pair, *portfolio.pairs[1:]))


def with_slope(portfolio: Portfolio, estimate: float, half: float) -> Portfolio:
    transfer = portfolio.pairs[0].transfer
    assert transfer is not None
    return with_pair(portfolio, transfer=replace(transfer, b=around(estimate, half)))


def test_the_page_asks_a_question_and_answers_it_in_three_sentences(page: PortfolioView) -> None:
    assert page.title == "Do offline gains reach revenue per user?"
    assert page.sentences == (
        (
            "Offline gains in NDCG@10 reach revenue per user: +0.01 brings +0.4 % [+0.1, +0.8]; from +0.0263 on, the "
            "forecast for a new gain excludes a loss."
        ),
        "Of 4 metrics, a blend stands in best for revenue per user: trust 0.61 [0.25, 0.97], where 1 is perfect.",
        (
            "Launching by abgap's decision would have earned +1.4 million EUR [+0.7, +2.1] a year; launching every win "
            "in NDCG@10, +0.7 million EUR [−0.2, +1.7] a year."
        ),
    )


@pytest.mark.parametrize(
    ("estimate", "half", "needed", "said"),
    [
        (
            0.4,
            0.5,
            8,
            "is not shown by 12 experiments: +0.01 brings +0.4 % [−0.1, +0.9]; about 8 more experiments",
        ),
        (0.4, 0.5, 471, "about 470 more experiments would tell."),
        (0.4, 0.5, None, "[−0.1, +0.9]."),
        (
            -0.4,
            0.2,
            None,
            "Offline gains in NDCG@10 come with losses in revenue per user: +0.01 brings −0.40 %",
        ),
    ],
)
def test_a_slope_is_told_as_far_as_its_interval_goes(
    example: Results, estimate: float, half: float, needed: int | None, said: str
) -> None:
    portfolio = with_pair(with_slope(example.portfolio, estimate, half), experiments_needed=needed)
    assert said in leading_sentences(portfolio, currency="EUR")[0]


def test_a_line_without_a_sure_forecast_says_so(example: Results) -> None:
    portfolio = with_pair(example.portfolio, smallest_gain_worth_testing=None)
    assert "no gain seen so far is large enough for a forecast without a loss" in leading_sentences(
        portfolio, currency=None
    )[0]  # fmt: skip
    facts = view_of(replace(example, portfolio=portfolio)).portfolio
    assert facts is not None
    assert [f.value.text for f in facts.facts if f.label == "Smallest gain worth testing"] == [NOTHING]


def test_what_cannot_be_told_is_said_with_its_reason(example: Results) -> None:
    bare = replace(without_numbers(example.portfolio), metric_trust=())
    assert leading_sentences(bare, currency="EUR") == (
        "Whether offline gains in NDCG@10 reach revenue per user cannot be told: because of no_interval_given.",
        "What a launch rule earned cannot be told: because of no_interval_given.",
    )


def test_trust_that_is_not_shown_leaves_the_decision_to_tests(example: Results) -> None:
    rows = tuple(replace(row, quality=around(0.2, 0.3)) for row in example.portfolio.metric_trust)
    sentence = leading_sentences(replace(example.portfolio, metric_trust=rows), currency=None)[1]
    assert sentence.startswith(
        "No metric is shown to stand in for revenue per user: the best, a blend, has a trust of 0.20"
    )


@pytest.mark.parametrize(
    ("estimate", "half", "said"),
    [
        (
            2e6,
            3e6,
            "That launching by abgap's decision would have earned anything is not shown: +2.0 million EUR",
        ),
        (-2e6, 1e6, "Launching by abgap's decision would have lost: −2.0 million EUR"),
    ],
)
def test_earnings_are_told_as_far_as_their_interval_goes(
    example: Results, estimate: float, half: float, said: str
) -> None:
    rules = tuple(
        replace(rule, money_per_year=around(estimate, half)) if rule.name == "abgap" else rule
        for rule in example.portfolio.decision_rules
    )
    found = leading_sentences(replace(example.portfolio, decision_rules=rules), currency="EUR")
    assert found[2].startswith(said)


def test_without_money_the_rules_are_told_in_lift(example: Results) -> None:
    rules = tuple(replace(rule, money_per_year=None) for rule in example.portfolio.decision_rules)
    portfolio = replace(example.portfolio, decision_rules=rules)
    assert "earned +0.6 % [+0.3, +0.9] of revenue per user per experiment" in leading_sentences(
        portfolio, currency="EUR"
    )[2]  # fmt: skip
    page = view_of(replace(example, portfolio=portfolio)).portfolio
    assert page is not None
    assert page.rules is not None
    assert "Money a year" not in [column.label for column in page.rules.columns]


def test_a_step_is_a_power_of_ten_that_gains_reach(example: Results) -> None:
    pair, proxy = example.portfolio.pairs[0], example.portfolio.pairs[2]
    assert (step_of(pair), gain_in_words(pair, step_of(pair))) == (0.01, "+0.01")
    assert (step_of(proxy), gain_in_words(proxy, step_of(proxy))) == (0.01, "+1 %")
    slope = around(0.41, 0.34)
    assert lift_of(pair, slope).estimate == pytest.approx(math.exp(0.0041) - 1.0, rel=1e-12)
    assert lift_of(proxy, slope).estimate == pytest.approx(1.01**0.41 - 1.0, rel=1e-12)
    assert worth_in_words(replace(proxy, smallest_gain_worth_testing=0.05)) == "+5 %"
    assert step_of(replace(pair, points=(), transfer=None)) == 0.01


def test_the_picture_holds_every_result_with_both_intervals(example: Results, page: PortfolioView) -> None:
    drawn = scatter_of(page)
    pair = first_pair(example)
    assert len(drawn.points) == len(pair.points) == 13
    by_gain = {round(point.x, 9): point for point in drawn.points}
    for point in pair.points:
        shown = by_gain[round(point.gain, 9)]
        assert point.gain_error is not None
        assert point.lift_error is not None
        assert shown.y == pytest.approx(100.0 * point.lift)
        assert shown.y_high - shown.y == pytest.approx(100.0 * 1.959964 * point.lift_error, rel=1e-6)
        assert shown.x_high is not None
        assert shown.x_high - shown.x == pytest.approx(1.959964 * point.gain_error, rel=1e-6)
    assert sum(point.tone == "blocked" for point in drawn.points) == 1


def test_the_line_and_its_forecast_are_those_of_the_transfer(example: Results, page: PortfolioView) -> None:
    drawn, transfer = scatter_of(page), first_pair(example).transfer
    assert transfer is not None
    assert drawn.fit is not None
    band = {point.gain: point for point in transfer.band}
    for x, y, low, high in zip(drawn.fit.xs, drawn.fit.ys, drawn.fit.lows, drawn.fit.highs, strict=True):
        assert (y, low, high) == (100.0 * band[x].lift, 100.0 * band[x].low, 100.0 * band[x].high)
    assert drawn.fit.worth == 0.0263
    assert all(drawn.x_limits[0] <= x <= drawn.x_limits[1] for x in drawn.fit.xs)


def test_the_nine_cells_stand_behind_the_points_and_in_a_table(example: Results, page: PortfolioView) -> None:
    drawn = scatter_of(page)
    assert drawn.fields is not None
    assert drawn.fields.counts == example.portfolio.nine_cells[0].counts
    assert page.picture is not None
    svg = draw(page.picture)
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", svg)
    assert {
        "3 reached",
        "1 reversed",
        "5 offline gain only",
        "1 missed by offline",
        "1 lost too",
    } <= set(texts)
    assert "offline loss only" not in svg
    assert "neither" not in svg, "there is no room for it between the points"
    assert page.folds[-1].cells


def test_a_proxy_is_drawn_in_percent(example: Results) -> None:
    proxy = example.portfolio.pairs[2]
    found = view_of(replace(example, portfolio=replace(example.portfolio, pairs=(proxy,)))).portfolio
    assert found is not None
    assert found.title == "Does clicks per session stand in for revenue per user?"
    drawn = scatter_of(found)
    assert drawn.x_axis == "lift, clicks per session, %"
    assert {round(point.x, 9) for point in drawn.points} == {round(100.0 * p.gain, 9) for p in proxy.points}
    assert drawn.fit is not None
    assert proxy.transfer is not None
    assert drawn.fit.xs[-1] in [pytest.approx(100.0 * p.gain) for p in proxy.transfer.band]


def test_without_errors_there_are_no_fields_no_line_and_no_made_up_interval(not_estimable: Results) -> None:
    page = view_of(not_estimable).portfolio
    assert page is not None
    drawn = scatter_of(page)
    assert drawn.fit is None
    assert drawn.fields is None
    assert all(point.x_low is None and point.y_low == point.y_high for point in drawn.points)


def test_trust_has_a_reading_that_needs_no_colour(page: PortfolioView) -> None:
    rows = rows_of(page.trust)
    assert [row[0].text for row in rows] == ["blend", "NDCG@10", "MRR@10", "clicks per session"]
    assert [row[0].tag for row in rows] == ["1", "2", "3", "4"]
    assert rows[0][0].sub == "0.80 NDCG@10, 0.20 MRR@10"
    assert [row[3].mark.word for row in rows if row[3].mark] == ["stands in"] * 3 + ["not shown"]
    assert rows[0][1].text == "0.61"
    assert page.trust is not None
    assert "Look again at NDCG@10: a warning in trust over time." in page.trust.note


def test_rules_come_by_what_they_earn_and_launching_nothing_earns_nothing(page: PortfolioView) -> None:
    rows = rows_of(page.rules)
    assert rows[0][0].text == "Launch what abgap says to ship"
    assert rows[-1][0].text == "Never launch"
    assert [row[5].mark.word for row in rows if row[5].mark] == ["earns"] * 3 + ["not shown", "nothing"]
    assert rows[0][3].text == "+1.4 million EUR"
    assert rows[-1][3].text == "0"


def test_every_experiment_stands_beside_the_others_once(example: Results, page: PortfolioView) -> None:
    table = next(table for fold in page.folds for table in fold.tables if table.key == "beside")
    rows = rows_of(table)
    assert sorted(row[0].text for row in rows) == sorted(e.name for e in example.experiments)
    shrunk = [row.shrunk.estimate for row in example.portfolio.typical[0].shrunk]
    assert rows[0][2].text.startswith(f"+{100 * max(shrunk):.1f}")
    assert [row[0].text for row in rows if row[5].mark] == ["dense_retrieval"]


def test_what_the_page_shows_is_not_shown_again_below(example: Results) -> None:
    view = view_of(example)
    assert view.overview is not None
    assert view.overview.nine_cells == ()
    assert view.overview.refusals == ()
    assert len(view.overview.scatters) == 1
    assert view.portfolio is not None
    assert example.portfolio.refusals[0] in view.portfolio.remarks


def test_where_nothing_is_known_of_all_together_there_is_no_page(example: Results) -> None:
    counted = Portfolio(
        n_experiments=13, verdicts={}, nine_cells=example.portfolio.nine_cells, refusals=("Too few.",)
    )
    view = view_of(replace(example, portfolio=counted))
    assert view.portfolio is None
    assert view.overview is not None
    assert view.overview.refusals == ("Too few.",)
    assert len(view.overview.nine_cells) == 1
    assert 'id="portfolio"' not in render_html(view)


def test_html_and_markdown_say_the_words_of_the_page(example: Results, page: PortfolioView) -> None:
    view = view_of(example)
    html, markdown = render_html(view), render_markdown(view)
    assert html.index('id="portfolio"') < html.index('id="overview"')
    for sentence in page.sentences:
        assert sentence.replace("'", "&#x27;") in html
        assert sentence in markdown
    for row in rows_of(page.trust) + rows_of(page.rules):
        assert row[0].text in html
        assert row[0].text in markdown


def test_a_large_portfolio_draws_its_most_precise_results(example: Results) -> None:
    pair = first_pair(example)
    points = tuple(replace(pair.points[0], lift_error=0.001 * (k + 1)) for k in range(2_000))
    found = view_of(
        replace(example, portfolio=with_pair(example.portfolio, points=points)), LADDER[0]
    ).portfolio
    assert found is not None
    drawn = scatter_of(found)
    assert len(drawn.points) == LADDER[0].points
    assert all(point.label == "" and point.x_low is None for point in drawn.points)
    assert found.picture is not None
    assert "1,850 more results are not shown here" in found.picture.caption


def test_the_terminal_prints_the_sentences_and_both_tables(
    example: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    show_portfolio(example.portfolio, currency="EUR")
    shown = capsys.readouterr().out
    assert shown.startswith("13 experiments\n")
    for sentence in example.portfolio.sentences:
        assert sentence in shown
    assert "1. blend" in shown
    assert "Launch what abgap says to ship" in shown
    assert "NDCG@10 against revenue per user" in shown
    assert "No fit within tag search" in shown


def test_a_quality_below_zero_misleads(example: Results) -> None:
    rows = (replace(example.portfolio.metric_trust[1], quality=around(-0.5, 0.2)),)
    page = view_of(replace(example, portfolio=replace(example.portfolio, metric_trust=rows))).portfolio
    assert page is not None
    assert [row[3].mark.word for row in rows_of(page.trust) if row[3].mark] == ["misleads"]
    assert isinstance(rows[0].quality, Interval)
    unknown = replace(rows[0], quality=without(Reason.TOO_FEW_EXPERIMENTS))
    page = view_of(replace(example, portfolio=replace(example.portfolio, metric_trust=(unknown,)))).portfolio
    assert page is not None
    assert page.trust is None, "a table of dashes says nothing"
    both = replace(example.portfolio, metric_trust=(rows[0], unknown))
    page = view_of(replace(example, portfolio=both)).portfolio
    assert page is not None
    row = rows_of(page.trust)[1]
    assert (row[1].text, row[1].why) == (NOTHING, "too few experiments")
    assert row[3].mark is not None
    assert row[3].mark.word == "cannot be told"


def test_the_nine_cells_say_on_which_side_a_metric_is(example: Results) -> None:
    first, proxy = example.portfolio.nine_cells[0], example.portfolio.pairs[2]
    quick = replace(first, offline_metric=proxy.predictor, business_metric=proxy.business_metric)
    found = nine_cells_of(replace(example.portfolio, nine_cells=(first, quick, quick, quick, quick)))
    assert [cells.caption for cells in found[:2]] == [
        "NDCG@10 against revenue per user, results in each cell",
        "clicks per session against revenue per user, results in each cell",
    ]
    assert found[0].row_labels == ("offline gain", "offline not established", "offline loss")
    assert found[0].column_labels == ("online loss", "online not established", "online gain")
    assert found[1].row_labels == ("proxy gain", "proxy not established", "proxy loss")
    assert found[1].column_labels == ("business loss", "business not established", "business gain")
    assert len(found) == 3
    assert "2 more such tables are not shown here" in found[-1].note
    assert "more" not in found[0].note


def test_a_blend_has_dashes_and_their_reason_once(page: PortfolioView) -> None:
    assert page.trust is not None
    (blend,) = [row for row in rows_of(page.trust) if row[0].text == "blend"]
    assert [(cell.text, cell.why) for cell in blend[4:6]] == [(NOTHING, ""), (NOTHING, "")]
    assert page.trust.note.count("it has no test of its own whose moves could be counted") == 1


def test_lift_and_money_of_a_rule_are_said_to_count_experiments_differently(
    example: Results, page: PortfolioView
) -> None:
    said = "Lift counts every experiment alike, money by its traffic: the two may differ in sign."
    assert page.rules is not None
    assert said in page.rules.note
    without_money = [replace(rule, money_per_year=None) for rule in example.portfolio.decision_rules]
    table = rules_table(replace(example.portfolio, decision_rules=tuple(without_money)), "EUR")
    assert table is not None
    assert said not in table.note


def test_the_terminal_says_what_columns_are_and_for_which_gain_a_lift_is(
    example: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    show_portfolio(example.portfolio, currency="EUR")
    shown = capsys.readouterr().out
    assert "Launches, of " in shown
    assert re.search(r"\] for \+0\.01\b", shown)
    assert "Trust: correlation of the metric" in shown
    assert "Lift counts every experiment alike" in shown
    assert "NDCG@10 against revenue per user, results in each cell" in shown
    gain, loss = shown.index("\noffline gain"), shown.index("\noffline loss")
    assert gain < loss


def test_slopes_by_other_methods_stand_in_numbers_beside_the_line(example: Results) -> None:
    pair = first_pair(example)
    assert pair.noise_corrected is not None
    slope, more = around(0.3, 0.1), pair.noise_corrected.sensitivity
    unknown = SensitivityLine(
        method="noise correlation 0.9", slope=slope, intercept=None, chi_square=None, df=None, sentence="Odd."
    )
    corrected = replace(pair.noise_corrected, sensitivity=(unknown, *more))
    results = replace(example, portfolio=with_pair(example.portfolio, noise_corrected=corrected))
    found = view_of(results).portfolio
    assert found is not None
    (table,) = [table for fold in found.folds for table in fold.tables if table.key == "line"]
    says = {row[2].text: row[1].text for row in rows_of(table)}
    assert says["by moments, with a noise correlation of 0.9"] == "+0.30 %"
    assert says["York's line, beside it"]
    assert not [text for fold in found.folds for text in fold.texts if text == "Odd."]
