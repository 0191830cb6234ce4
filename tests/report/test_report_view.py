from __future__ import annotations

from dataclasses import replace

import pytest

from abgap.records import (
    Adjustment,
    Decision,
    Direction,
    Estimate,
    Interval,
    NonInferiority,
    NotEstimable,
    Reason,
    Results,
    Role,
    Status,
    VerdictName,
)
from abgap.report.marks import (
    NOT_JUDGED,
    NOTHING_TO_SHIP,
    TONES,
    decision_mark,
    outcome_mark,
    reading,
    status_mark,
    verdict_mark,
)
from abgap.report.view import LADDER, view_of
from abgap.report.view.axes import CUT, cut_remark, limits_of
from abgap.report.view.index import gain_is_established, index_of
from abgap.report.view.model import Cell, ReportView, Table
from abgap.report.view.pictures import Cumulative, Forest, Scatter, Waterfall


@pytest.fixture(scope="module")
def view(example: Results) -> ReportView:
    return view_of(example)


def rows_of(table: Table) -> list[tuple[Cell, ...]]:
    return [row for group in table.groups for row in group.rows]


def test_the_verdict_counts_what_was_planted(view: ReportView) -> None:
    assert view.opening.verdict == (
        "3 of 9 offline gains reached revenue per user; 1 result cannot be trusted."
    )
    assert view.opening.detail == (
        "Of these gains, 1 brought less than expected, 2 did not move it, 1 went the other way and 3 are inconclusive. "
        "Main reason: proxy label (4). "
        "Without an offline gain, 1 won all the same, 1 changed nothing that is established and 1 lost online too."
    )
    assert view.title == f"Search ranking 2026: {view.opening.verdict}"


def test_the_money_is_the_sum_of_what_ships_with_independent_errors(
    example: Results, view: ReportView
) -> None:
    shipped = {e.name for e in example.experiments if e.decision is Decision.SHIP}
    amounts = [
        gap.money_per_year
        for gap in example.gaps
        if gap.experiment in shipped and gap.offline_metric == "ndcg@10" and gap.money_per_year
    ]
    total = sum(amount.estimate for amount in amounts)
    half = sum((amount.high - amount.estimate) ** 2 for amount in amounts) ** 0.5
    assert len(amounts) == 4
    assert view.opening.money is not None
    assert view.opening.money.amount.text == f"+{total / 1e3:.1f} thousand EUR"
    assert view.opening.money.amount.range == f"[+{(total - half) / 1e3:.1f}, +{(total + half) / 1e3:.1f}]"
    assert [fact.label for fact in view.opening.money.beside] == [
        "Do not ship (4 experiments)",
        "Keep running (4 experiments)",
    ]


def test_without_a_money_metric_the_report_says_how_to_declare_one(not_estimable: Results) -> None:
    money = view_of(not_estimable).opening.money
    assert money is not None
    assert money.amount.text == "—"
    assert "money = true" in money.assumption


def test_the_three_actions_are_of_three_kinds_the_most_valuable_first(view: ReportView) -> None:
    actions = view.opening.actions
    assert [action.mark.word for action in actions] == ["ship", "do not ship", "cannot be judged"]
    assert [action.experiment for action in actions] == [
        "purchase_weighted",
        "dense_retrieval",
        "personal_rerank",
    ]
    assert actions[0].link == "e1"
    assert actions[0].more == "3 more like it"
    assert actions[2].stake == "", "no money is named for a result that cannot be trusted"


def test_with_one_kind_of_decision_all_actions_are_of_it(example: Results) -> None:
    same = replace(
        example,
        experiments=tuple(replace(e, decision=Decision.KEEP_RUNNING) for e in example.experiments),
    )
    actions = view_of(same).opening.actions
    assert [action.mark.word for action in actions] == ["keep running"] * 3
    assert [action.more for action in actions] == ["", "", "10 more like it"]


def test_every_result_stands_once_in_the_tally_with_its_number(view: ReportView) -> None:
    rows = view.opening.tally.rows
    assert sorted(int(label) for row in rows for label, _ in row.items) == list(range(1, 14))
    assert {row.mark.word: row.count for row in rows}["inconclusive"] == "3"


def test_experiments_come_by_decision_and_then_by_what_is_at_stake(view: ReportView) -> None:
    order = [e.decision.word for e in view.experiments]
    assert order == sorted(order, key=["ship", "do not ship", "keep running", "cannot be judged"].index)
    assert view.experiments[0].name == "purchase_weighted"


def test_an_untrustworthy_experiment_says_why_and_keeps_its_numbers(view: ReportView) -> None:
    doubted = view.experiments[-1]
    assert not doubted.trusted
    assert "3 % fewer units" in doubted.alarms[0]
    assert rows_of(doubted.scorecards[0])
    assert all(experiment.trusted for experiment in view.experiments[:-1])


def test_a_scorecard_groups_metrics_by_role_and_names_sizes_once(view: ReportView) -> None:
    card = view.experiments[0].scorecards[0]
    assert [group.title for group in card.groups] == ["Primary", "Secondary", "Guardrails", "Diagnostic"]
    assert card.columns[1].note == "A, n 240,000"
    primary = card.groups[0].rows[0]
    assert primary[3].text == "+1.9 %"
    assert primary[4].bar is not None
    assert primary[4].bar.tone == "good"
    assert primary[8].mark is not None
    assert primary[8].mark.word == "better"


def test_less_is_better_turns_the_bar_but_not_the_number(view: ReportView) -> None:
    card = view.experiments[0].scorecards[0]
    guards = next(group for group in card.groups if group.title == "Guardrails").rows
    latency = guards[0]
    assert latency[0].sub == "ratio, lower is better"
    assert latency[4].bar is not None
    shown_up = latency[3].text.startswith("+")
    assert (latency[4].bar.at < 50.0) is shown_up


def test_slices_show_the_headline_metric_and_what_stands_out(view: ReportView) -> None:
    slices = view.experiments[0].slices[0]
    assert slices.groups[0].title == "revenue_per_user"
    assert {len(group.rows) for group in slices.groups} == {9}, "whole metrics or none"
    assert "country = not known" in [row[0].text for row in slices.groups[0].rows]
    assert "results.json" in slices.note


def test_slices_come_by_role_and_say_how_many_metrics_are_left_out(example: Results) -> None:
    rows = [e for e in example.estimates if e.slice_name is not None]
    slices = view_of(example, replace(LADDER[0], slice_rows=27)).experiments[0].slices[0]
    roles = {e.metric: e.role for e in rows}
    titles = [group.title.split(",")[0] for group in slices.groups]
    order = [Role.PRIMARY, Role.GUARDRAIL, Role.SECONDARY, Role.DIAGNOSTIC]
    assert [roles[title] for title in titles] == sorted((roles[t] for t in titles), key=order.index)
    left = len({e.metric for e in rows}) - len(titles)
    assert (f"{left} more metric" in slices.note) is (left > 0)


def test_slices_that_do_not_fit_are_counted_not_cut(example: Results) -> None:
    slices = view_of(example, replace(LADDER[0], slice_rows=5)).experiments[0].slices[0]
    assert rows_of(slices) == []
    assert "not shown here" in slices.note


def test_a_guardrail_has_a_bar_on_the_scale_of_its_margin_and_the_p_of_its_test(example: Results) -> None:
    drawn = {}
    for lift in (0.046, 0.199, 1.249):
        estimates = tuple(
            replace(
                e,
                direction=Direction.DOWN,
                lift=Interval(estimate=lift, low=lift - 0.01, high=lift + 0.01, level=0.95, method="welch"),
                non_inferiority=NonInferiority(margin=0.25, p_value=0.012, holds=lift < 0.2),
            )
            if e.role is Role.GUARDRAIL and e.non_inferiority is not None
            else e
            for e in example.estimates
        )
        card = view_of(replace(example, estimates=estimates)).experiments[0].scorecards[0]
        row = next(group for group in card.groups if group.title == "Guardrails").rows[0]
        assert row[4].bar is not None
        drawn[lift] = row[4].bar
        assert row[5].sub == "margin 0.012"
        assert "shade: margin" in card.note
    sliced = view_of(example).experiments[0].slices[0]
    for group in sliced.groups:
        bars = [row[4].bar for row in group.rows if row[4].bar is not None]
        if group.title.startswith("latency"):
            assert {bar.band for bar in bars} == {(25.0, 75.0)}, "slices are seen against the margin too"
    assert drawn[0.046].band == (25.0, 75.0)
    assert drawn[0.046].at == pytest.approx(45.4)
    assert drawn[0.199].at == pytest.approx(30.1)
    assert drawn[1.249].at == 0.0
    assert drawn[1.249].cut_low
    assert not drawn[1.249].cut_high


def test_a_p_value_that_was_not_adjusted_is_a_dash_in_its_column(example: Results) -> None:
    plain = tuple(replace(e, adjustment=Adjustment.NONE) for e in example.estimates)
    card = view_of(replace(example, estimates=plain)).experiments[0].scorecards[0]
    assert {row[6].text for row in rows_of(card)} == {"—"}
    assert {row[5].text for row in rows_of(card)} != {"—"}


def test_nothing_is_read_from_an_experiment_that_cannot_be_judged(view: ReportView) -> None:
    doubted = view.experiments[-1]
    for row in rows_of(doubted.scorecards[0]):
        assert row[8].mark == NOT_JUDGED
        assert row[3].muted
        assert row[4].bar is None or row[4].bar.tone == "blocked"
    assert "Not judged" in doubted.slices[0].note
    assert view.overview is not None
    row = rows_of(view.overview.table)[-1]
    assert [cell.sub for cell in row[2:4]] == ["not judged"] * 2
    assert view.overview.forest is not None
    assert isinstance(view.overview.forest.picture, Forest)
    assert [r.tone for r in view.overview.forest.picture.rows].index("blocked") == 12
    scatter = view.overview.scatters[0].picture
    assert isinstance(scatter, Scatter)
    assert [point.tone for point in scatter.points].count("blocked") == 1


def test_less_is_better_keeps_its_sign_everywhere(example: Results) -> None:
    name = "revenue_per_user"
    down = replace(
        example,
        metrics=tuple(replace(m, direction=Direction.DOWN) if m.name == name else m for m in example.metrics),
        estimates=tuple(
            replace(e, direction=Direction.DOWN) if e.metric == name else e for e in example.estimates
        ),
        gaps=tuple(
            replace(g, online_lift=g.online_lift.flipped())
            if g.business_metric == name and isinstance(g.online_lift, Interval)
            else g
            for g in example.gaps
        ),
    )
    view, plain = view_of(down), view_of(example)
    assert view.overview is not None
    assert plain.overview is not None
    column = next(c for c in view.overview.table.columns if c.note.startswith(name))
    assert column.note == "revenue_per_user, lower is better"
    place = view.overview.table.columns.index(column)
    shown = {row[0].text: row[place].text for row in rows_of(view.overview.table)}
    assert shown == {row[0].text: row[place].text for row in rows_of(plain.overview.table)}
    card = {e.name: rows_of(e.scorecards[0])[0][3].text for e in view.experiments}
    assert shown == card, "the overview has the signs of the scorecards"
    days = view.experiments[0].cumulative[0]
    assert rows_of(days.table)[-1][3].text == rows_of(plain.experiments[0].cumulative[0].table)[-1][3].text
    assert days.table.columns[3].note == "lower is better"


def test_a_model_against_itself_has_nothing_to_ship_and_no_place_among_the_gains(example: Results) -> None:
    chosen = next(e for e in example.experiments if e.decision is Decision.DO_NOT_SHIP)
    same = replace(chosen, models=dict.fromkeys(chosen.arms, "ranker-1"))
    results = replace(example, experiments=tuple(same if e is chosen else e for e in example.experiments))
    view = view_of(results)
    assert view.overview is not None
    row = next(row for row in rows_of(view.overview.table) if row[0].text == chosen.name)
    assert row[-1].mark == NOTHING_TO_SHIP
    assert next(e for e in view.experiments if e.name == chosen.name).decision == NOTHING_TO_SHIP
    assert sum(len(row.items) for row in view.opening.tally.rows) == 12
    assert view.opening.tally.note == "1 experiment of a model against itself."
    assert chosen.name not in {action.experiment for action in view.opening.actions}
    broken = replace(same, decision=Decision.CANNOT_BE_JUDGED)
    assert outcome_mark(broken) == decision_mark(Decision.CANNOT_BE_JUDGED)


def test_the_waterfall_adds_up_to_the_total_of_the_table(view: ReportView) -> None:
    panel = view.experiments[0].funnels[0]
    assert panel.figure is not None
    picture = panel.figure.picture
    assert isinstance(picture, Waterfall)
    assert sum(step.amount for step in picture.steps) == pytest.approx(picture.total.amount)
    total = rows_of(panel.table)[-1]
    assert total[0].text == "all stages: revenue_per_user"
    assert total[3].text == picture.total.text, "the same digits in the table and beside the bar"
    assert total[3].range.startswith("[")
    assert [row[3].text for row in rows_of(panel.table)[:-1]] == [step.text for step in picture.steps]


def test_a_funnel_without_a_total_has_no_row_and_no_picture(example: Results) -> None:
    bare = replace(example, gaps=tuple(replace(gap, funnel_total=None) for gap in example.gaps))
    panel = view_of(bare).experiments[0].funnels[0]
    assert panel.figure is None
    assert len(rows_of(panel.table)) == 4


def test_a_funnel_with_a_zero_stage_has_a_table_and_no_waterfall(not_estimable: Results) -> None:
    panel = view_of(not_estimable).experiments[0].funnels[0]
    assert panel.figure is None
    assert rows_of(panel.table)[0][3].why == "a stage is zero"


def test_days_are_drawn_all_and_listed_in_part_up_to_the_last(view: ReportView) -> None:
    panel = view.experiments[0].cumulative[0]
    assert panel.figure is not None
    picture = panel.figure.picture
    assert isinstance(picture, Cumulative)
    assert len(picture.days) == 28
    listed = [row[0].text for row in rows_of(panel.table)]
    assert listed[-1] == picture.days[-1]
    assert len(listed) <= 10
    assert panel.note == "for diagnosis, not for stopping"


def test_sequential_looks_are_named(example: Results) -> None:
    sequential = replace(example, study=replace(example.study, looks="sequential"))
    assert view_of(sequential).experiments[0].cumulative[0].note == "always-valid intervals"


def test_the_arm_the_decision_is_about_speaks_for_the_experiment(several_arms: Results) -> None:
    view = view_of(several_arms)
    assert view.overview is not None
    first, second = rows_of(view.overview.table)
    assert (first[0].tag, second[0].tag) == ("1a", "1b")
    assert first[-1].why == "see arm C"
    assert second[-1].mark == decision_mark(Decision.SHIP)
    section = view.experiments[0]
    assert [verdict.sentence for verdict in section.verdicts] == ["C: better online.", "B: worse online."]
    assert section.decision_reason == "", "it is the headline once more"
    assert "C against A" in section.scorecards[0].caption
    assert view.opening.money is not None
    assert view.opening.money.amount.text != "—"


def test_a_study_without_gaps_is_told_by_its_decisions(example: Results) -> None:
    plain = replace(example, gaps=(), offline=(), portfolio=replace(example.portfolio, nine_cells=()))
    view = view_of(plain)
    assert view.opening.verdict == (
        "13 experiments: 4 to ship, 4 not to ship, 4 to keep running and 1 that cannot be judged."
    )
    assert view.opening.tally.caption == "What to do with the experiments"
    assert view.overview is not None
    assert [column.label for column in view.overview.table.columns] == [
        "Experiment",
        "Online lift",
        "Online lift",
        "Decision",
    ]
    assert view.overview.scatters == ()
    assert view.overview.forest is not None
    assert view.experiments[0].slices


def test_a_study_of_effects_alone_opens_with_what_they_say_together(empty: Results) -> None:
    told = replace(empty.portfolio, n_experiments=12, sentences=("Gains reach revenue.", "Clicks do not."))
    opening = view_of(replace(empty, portfolio=told)).opening
    assert opening.verdict == "Gains reach revenue."
    assert opening.detail == "12 experiments known by their effects alone: none of them is judged by itself."
    assert opening.scope == "12 experiments"
    assert opening.money is None
    unsettled = view_of(replace(empty, portfolio=replace(told, sentences=()))).opening
    assert unsettled.verdict == "What the effects say together is not settled."


def test_an_empty_study_has_a_report_that_says_so(empty: Results) -> None:
    view = view_of(empty)
    assert view.opening.verdict == "There is no experiment to judge."
    assert view.overview is None
    assert view.experiments == ()
    assert view.opening.trust.text == "Data checks: none made."


def test_nothing_trustworthy_is_said_first(example: Results) -> None:
    doubted = replace(
        example, gaps=tuple(replace(gap, verdict=VerdictName.UNTRUSTWORTHY) for gap in example.gaps)
    )
    assert view_of(doubted).opening.verdict == "None of 13 results can be trusted."


def test_a_gain_taken_at_face_value_counts_as_established(example: Results) -> None:
    gap = example.gaps[0]
    bare = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail="")
    other = NotEstimable(reason=Reason.NOT_MATCHED, detail="")
    assert gain_is_established(replace(gap, offline_gain=bare, offline_face_value=0.01))
    assert not gain_is_established(replace(gap, offline_gain=bare, offline_face_value=-0.01))
    assert not gain_is_established(replace(gap, offline_gain=other, offline_face_value=0.01))


def test_thousands_of_experiments_are_cut_and_counted(many: Results) -> None:
    view = view_of(many)
    assert len(view.experiments) == LADDER[0].sections
    assert (
        view.experiments_left_out
        == "2,970 more experiments are not shown here; results.json has all of them."
    )
    assert view.overview is not None
    assert len(rows_of(view.overview.table)) == LADDER[0].rows
    assert "2,800 more experiments" in view.overview.table.note
    assert sum(int(row.count.replace(",", "")) for row in view.opening.tally.rows) == 3_000
    assert all(row.items == () for row in view.opening.tally.rows)
    lowest = view_of(many, LADDER[-1])
    assert lowest.experiments == ()
    assert lowest.opening.actions[0].link == "", "there is no section to link to"


def test_queries_of_one_name_are_numbered_and_checks_point_to_the_first(example: Results) -> None:
    again = replace(example.provenance, queries=(*example.provenance.queries, example.provenance.queries[1]))
    view = view_of(replace(example, provenance=again))
    assert [query.label for query in view.queries] == [
        "enrolments",
        "enrolment_counts, 1 of 2",
        "enrolment_counts, 2 of 2",
    ]
    checks = next(each.checks for each in view.experiments if not each.trusted)
    assert checks is not None
    links = {row[0].text: row[-1].link for row in rows_of(checks)}
    assert links["sample ratio"] == "q2"


def estimate_like(example: Results, **changes: object) -> Estimate:
    return replace(example.estimates[0], **changes)  # type: ignore[arg-type]


def test_a_reading_claims_no_more_than_the_interval(example: Results) -> None:
    low, high = -0.01, 0.02
    unsure = Interval(estimate=0.005, low=low, high=high, level=0.95, method="welch")
    base = {"difference": unsure, "significant": False, "equivalence_p": None, "non_inferiority": None}
    assert reading(estimate_like(example, **base), alpha=0.05).word == "not established"
    assert (
        reading(estimate_like(example, **base | {"equivalence_p": 0.01}), alpha=0.05).word
        == "no change that matters"
    )
    assert reading(estimate_like(example, **base | {"significant": True}), alpha=0.05).word == "better"
    down = base | {"significant": True, "direction": Direction.DOWN}
    assert reading(estimate_like(example, **down), alpha=0.05).word == "worse"
    nothing = NotEstimable(reason=Reason.ZERO_VARIANCE, detail="")
    assert (
        reading(estimate_like(example, **base | {"difference": nothing}), alpha=0.05).word == "not estimable"
    )


@pytest.mark.parametrize(
    ("holds", "worse", "word"),
    [
        (True, False, "within margin"),
        (True, True, "worse, within margin"),
        (False, False, "margin not shown"),
        (False, True, "worse"),
    ],
)
def test_a_guardrail_is_read_by_its_margin(example: Results, holds: bool, worse: bool, word: str) -> None:
    estimate = estimate_like(
        example,
        role=Role.GUARDRAIL,
        direction=Direction.DOWN,
        significant=worse,
        non_inferiority=NonInferiority(margin=0.05, p_value=0.01, holds=holds),
    )
    assert reading(estimate, alpha=0.05).word == word


def test_every_outcome_has_a_colour_a_sign_and_a_word_of_its_own() -> None:
    verdicts = [verdict_mark(verdict) for verdict in VerdictName]
    assert len({mark.word for mark in verdicts}) == len(verdicts)
    assert len({mark.sign for mark in verdicts}) == len(verdicts)
    marks = [*verdicts, *map(decision_mark, Decision), *map(status_mark, Status)]
    assert {mark.tone for mark in marks} <= set(TONES)


def test_axes_hold_every_estimate_and_cut_only_wide_intervals() -> None:
    limits = limits_of([1.0, 9.0], [0.5, 1.5, 8.0, 10.0, -1000.0, 1000.0])
    assert limits[0] < 0.0
    assert 9.0 < limits[1] < 1000.0
    assert cut_remark([-1000.0], limits) == CUT
    assert cut_remark([1.0], limits) == ""
    assert limits_of([], []) == (-0.1, 0.1)


def test_numbers_of_experiments_are_their_ranks(example: Results) -> None:
    index = index_of(example)
    assert [index.number[e.name] for e in index.ranked] == list(range(1, 14))


def test_a_study_of_one_result_says_what_the_experiment_says(several_arms: Results) -> None:
    experiment = replace(several_arms.experiments[0], arms={"A": 100, "C": 102}, decision_reason="It rose.")
    one = replace(several_arms, experiments=(experiment,), gaps=several_arms.gaps[-4:])
    assert view_of(one).opening.verdict == "C: better online."
    assert view_of(one).opening.detail == "rankers: ship. It rose."


def test_without_a_gap_pair_the_arm_named_first_in_the_sentences_is_the_one_decided_on(
    several_arms: Results,
) -> None:
    plain = replace(several_arms, gaps=())
    view = view_of(plain)
    assert view.overview is not None
    first, second = rows_of(view.overview.table)
    assert (first[0].tag, first[-1].why) == ("1a", "see arm C")
    assert second[-1].mark == decision_mark(Decision.SHIP)
    silent = replace(plain.experiments[0], headline="It rose.", decision_reason="", next_action="")
    unnamed = view_of(replace(plain, experiments=(silent,)))
    assert unnamed.overview is not None
    assert [row[-1].mark for row in rows_of(unnamed.overview.table)] == [decision_mark(Decision.SHIP)] * 2
