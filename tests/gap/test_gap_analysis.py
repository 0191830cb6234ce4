from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from abgap.gap import GapAnalysis, analyse_gaps
from abgap.records import (
    Adjustment,
    Decision,
    Direction,
    Gap,
    Interval,
    NotEstimable,
    Reason,
    Role,
    VerdictName,
)

Make = Callable[..., Any]
V = VerdictName


@pytest.fixture
def analysed(make_study: Make, make_facts: Make, make_offline: Make) -> Make:
    """Analyse estimates of one experiment with one matching offline row."""

    def analyse(*estimates: Any, facts: Any = None, **inputs: Any) -> GapAnalysis:
        study = inputs.pop("study", None) or make_study()
        inputs.setdefault("offline_rows", [make_offline()])
        return analyse_gaps(study, experiments=[facts or make_facts()], estimates=estimates, **inputs)

    return analyse


def only(found: GapAnalysis) -> Gap:
    assert len(found.gaps) == 1
    return found.gaps[0]


def test_a_pair_carries_everything_from_both_sides(analysed: Make, make_estimate: Make) -> None:
    gap = only(analysed(make_estimate(-0.008, 0.010)))
    assert (gap.experiment, gap.treatment, gap.control) == ("search_v2", "B", "A")
    assert (gap.offline_metric, gap.business_metric) == ("ndcg@10", "revenue_per_user")
    assert isinstance(gap.offline_gain, Interval)
    assert gap.offline_gain.estimate == pytest.approx(0.06)
    assert gap.verdict is V.DID_NOT_MOVE
    assert gap.smallest_worthwhile_lift == 0.015
    assert gap.correction == (
        "Holm over primary metrics and arms; "
        "the offline gain counts when its own interval excludes 0, not corrected over candidates"
    )
    assert gap.money_per_year is not None
    assert gap.expected_lift is None
    assert (
        "no exchange rate is declared for ndcg@10 and revenue_per_user, "
        "so the verdict uses the smallest worthwhile lift alone"
    ) in gap.notes
    assert gap.units_needed is None


def test_without_a_worthwhile_lift_the_verdict_says_that_it_knows_only_signs(
    analysed: Make, make_study: Make, make_estimate: Make
) -> None:
    metric = make_study().metrics["revenue_per_user"].model_copy(update={"smallest_worthwhile_lift": None})
    gap = only(analysed(make_estimate(0.01, 0.03), study=make_study(metrics={"revenue_per_user": metric})))
    assert gap.verdict is V.TRANSLATED
    assert gap.notes[0] == (
        "no exchange rate is declared for ndcg@10 and revenue_per_user, "
        "nor is a smallest worthwhile lift: the verdict knows only signs"
    )


def test_an_inconclusive_pair_names_power_units_and_weeks(analysed: Make, make_estimate: Make) -> None:
    gap = only(analysed(make_estimate(-0.02, 0.03)))
    assert gap.verdict is V.INCONCLUSIVE
    assert gap.power_at_smallest_worthwhile == pytest.approx(0.217, abs=0.001)
    assert gap.units_needed == pytest.approx(56_756, abs=20)
    assert gap.weeks_needed == pytest.approx(18.7, abs=0.01)


def test_an_exchange_rate_gives_the_expected_lift(
    analysed: Make, make_study: Make, make_estimate: Make
) -> None:
    gap_settings = {
        "offline": ["ndcg@10"],
        "business": ["revenue_per_user"],
        "exchange_rate": {"ndcg@10": {"revenue_per_user": 0.8}},
    }
    gap = only(analysed(make_estimate(0.005, 0.025), study=make_study(gap=gap_settings)))
    assert gap.verdict is V.FELL_SHORT
    assert gap.expected_lift is not None
    assert gap.expected_lift.estimate == pytest.approx(0.048)
    assert gap.expected_source is not None
    assert "declared exchange rate" in gap.expected_source
    assert gap.power_at_expected == pytest.approx(1.0)
    assert not [note for note in gap.notes if "exchange rate" in note]


def test_the_correction_decides_what_is_established(analysed: Make, make_estimate: Make) -> None:
    effect = make_estimate(
        0.001, 0.031, role=Role.SECONDARY, adjustment=Adjustment.BENJAMINI_HOCHBERG, p_adjusted=0.2
    )
    gap = only(analysed(effect))
    assert gap.verdict is V.INCONCLUSIVE
    assert gap.correction.startswith("Benjamini-Hochberg over secondary metrics and arms; ")
    assert any("not after correction for multiple testing" in note for note in gap.notes)
    raw = make_estimate(0.001, 0.031, adjustment=Adjustment.NONE, p_adjusted=None)
    assert only(analysed(raw)).verdict is V.TRANSLATED


def test_an_offline_value_without_an_interval_is_taken_at_face_value_and_noted(
    analysed: Make, make_estimate: Make, make_offline: Make
) -> None:
    bare = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail="one value per model")
    gap = only(analysed(make_estimate(0.01, 0.03), offline_rows=[make_offline(gain=bare)]))
    assert gap.verdict is V.TRANSLATED
    assert gap.offline_face_value == pytest.approx(0.06)
    assert gap.notes[0] == "no interval given for the offline gain"
    assert gap.correction == "Holm over primary metrics and arms"
    few = NotEstimable(reason=Reason.TOO_FEW_UNITS, detail="3 queries")
    unknown = only(analysed(make_estimate(0.01, 0.03), offline_rows=[make_offline(gain=few)]))
    assert unknown.verdict is V.INCONCLUSIVE
    assert unknown.offline_face_value is None
    assert "is not known (3 queries)" in unknown.sentence


def test_metrics_where_less_is_better_are_turned_on_both_sides(
    analysed: Make, make_estimate: Make, make_offline: Make, make_interval: Make
) -> None:
    row = make_offline(gain=make_interval(-0.065, -0.055), direction=Direction.DOWN)
    estimate = make_estimate(-0.03, -0.01, direction=Direction.DOWN)
    gap = only(analysed(estimate, offline_rows=[row]))
    assert gap.verdict is V.TRANSLATED
    assert isinstance(gap.offline_gain, Interval)
    assert isinstance(gap.online_lift, Interval)
    assert gap.offline_gain.low == pytest.approx(0.055)
    assert gap.online_lift.low == pytest.approx(0.01)
    assert sum("less is better" in note for note in gap.notes) == 2
    bare = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail="bare")
    face = make_offline(gain=bare, direction=Direction.DOWN, value=0.70, baseline_value=0.75)
    assert only(analysed(estimate, offline_rows=[face])).offline_face_value == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("facts", "row", "detail"),
    [
        (
            {},
            {"baseline": "ranker-0"},
            "no offline result in 'ndcg@10' compares model 'ranker-2' with 'ranker-1'",
        ),
        ({}, {"metric": "mrr"}, "no offline result in 'ndcg@10' compares"),
        ({}, {"slice_name": "device"}, "no offline result in 'ndcg@10' compares"),
        ({"models": {"A": "ranker-1"}}, {}, "does not say which model ran in variant 'B'"),
        ({"models": {"B": "ranker-2"}}, {}, "does not say which model ran in variant 'A'"),
        ({"models": {}}, {}, "does not say which model ran in variant 'B'"),
    ],
)
def test_a_missing_offline_side_is_named_and_keeps_the_pair(
    analysed: Make,
    make_estimate: Make,
    make_offline: Make,
    make_facts: Make,
    facts: dict[str, Any],
    row: dict[str, Any],
    detail: str,
) -> None:
    found = analysed(make_estimate(0.01, 0.03), facts=make_facts(**facts), offline_rows=[make_offline(**row)])
    gap = only(found)
    assert gap.verdict is V.INCONCLUSIVE
    assert isinstance(gap.offline_gain, NotEstimable)
    assert detail in gap.offline_gain.detail
    assert detail in gap.sentence
    assert found.portfolio.nine_cells[0].counts == ((0, 0, 0), (0, 0, 0), (0, 0, 0))


def test_a_missing_online_side_is_named_and_keeps_the_pair(analysed: Make) -> None:
    gap = only(analysed())
    assert gap.verdict is V.INCONCLUSIVE
    assert "was not measured" in gap.sentence
    assert gap.money_per_year is None


def test_a_lift_without_bounds_leaves_the_difference_in_a_note(analysed: Make, make_estimate: Make) -> None:
    unbounded = NotEstimable(reason=Reason.CONTROL_NEAR_ZERO, detail="control near zero")
    gap = only(analysed(make_estimate(0.01, 0.03, lift=unbounded)))
    assert gap.verdict is V.INCONCLUSIVE
    assert "without a lift, the difference in absolute terms is +0.20 [+0.10, +0.30]" in gap.notes
    down = only(analysed(make_estimate(0.01, 0.03, lift=unbounded, direction=Direction.DOWN)))
    assert "without a lift, the difference in absolute terms is +0.20 [+0.10, +0.30]" in down.notes


def test_one_model_in_both_arms_has_a_gain_of_exactly_zero(
    analysed: Make, make_estimate: Make, make_facts: Make
) -> None:
    facts = make_facts(models={"A": "ranker-1", "B": "ranker-1"})
    gap = only(analysed(make_estimate(-0.01, 0.02), facts=facts))
    assert gap.offline_gain == Interval(estimate=0.0, low=0.0, high=0.0, level=0.95, method="same model")
    assert gap.verdict is V.NO_OFFLINE_GAIN
    assert gap.money_per_year is None


def test_broken_data_leave_the_estimates_but_no_verdict_and_no_money(
    analysed: Make, make_estimate: Make, make_check: Make
) -> None:
    found = analysed(make_estimate(0.01, 0.03), checks=[make_check()])
    gap = only(found)
    assert gap.verdict is V.UNTRUSTWORTHY
    assert isinstance(gap.online_lift, Interval)
    assert gap.money_per_year is None
    assert found.experiments[0].decision is Decision.CANNOT_BE_JUDGED
    assert found.portfolio.nine_cells[0].untrustworthy == 1


def test_every_pair_of_every_arm_is_judged_in_the_order_of_the_study(
    analysed: Make, make_study: Make, make_estimate: Make, make_offline: Make, make_facts: Make
) -> None:
    study = make_study(gap={"offline": ["ndcg@10", "mrr"], "business": ["revenue_per_user", "latency"]})
    facts = make_facts(
        treatments=("C", "B"),
        arms={"A": 1, "C": 1, "B": 1},
        models={"A": "ranker-1", "B": "ranker-2", "C": "ranker-3"},
    )
    rows = [
        make_offline(model=model, metric=metric)
        for model in ("ranker-2", "ranker-3")
        for metric in ("ndcg@10", "mrr")
    ]
    estimates = [make_estimate(0.01, 0.03, treatment=arm) for arm in ("B", "C")]
    found = analysed(*estimates, study=study, facts=facts, offline_rows=rows)
    assert [(g.treatment, g.offline_metric, g.business_metric) for g in found.gaps] == [
        (arm, offline, business)
        for arm in ("C", "B")
        for offline in ("ndcg@10", "mrr")
        for business in ("revenue_per_user", "latency")
    ]
    assert found.gaps[0].sentence.startswith("C: NDCG@10 rose")
    assert found.portfolio.verdicts[V.TRANSLATED.value] == 2
    assert sum(found.portfolio.verdicts.values()) == 2
    assert len(found.portfolio.nine_cells) == 4


def test_the_headline_is_that_of_the_arm_the_decision_is_about(
    analysed: Make, make_estimate: Make, make_offline: Make, make_facts: Make
) -> None:
    facts = make_facts(
        treatments=("B", "C"),
        arms={"A": 1, "B": 1, "C": 1},
        models={"A": "ranker-1", "B": "ranker-2", "C": "ranker-3"},
    )
    rows = [make_offline(model=model) for model in ("ranker-2", "ranker-3")]
    worse, clear = make_estimate(-0.03, -0.01), make_estimate(0.01, 0.03, treatment="C")
    found = analysed(worse, clear, facts=facts, offline_rows=rows)
    assert [gap.verdict for gap in found.gaps] == [V.REVERSED, V.TRANSLATED]
    assert found.experiments[0].headline == found.gaps[1].sentence


def test_headline_and_money_follow_the_best_of_the_arms_that_qualify(
    analysed: Make, make_estimate: Make, make_offline: Make, make_facts: Make, make_study: Make
) -> None:
    metrics = {"revenue_per_user": make_study().metrics["revenue_per_user"]}
    facts = make_facts(
        treatments=("B", "C"),
        arms={"A": 10, "B": 10, "C": 10},
        models={"A": "ranker-1", "B": "ranker-2", "C": "ranker-3"},
    )
    rows = [make_offline(model=model) for model in ("ranker-2", "ranker-3")]
    effects = make_estimate(0.01, 0.03), make_estimate(0.03, 0.05, treatment="C")
    found = analysed(*effects, facts=facts, offline_rows=rows, study=make_study(metrics=metrics))
    experiment = found.experiments[0]
    assert (experiment.decision, experiment.treatment) == (Decision.SHIP, "C")
    assert experiment.headline == found.gaps[1].sentence
    assert experiment.money_per_year == found.gaps[1].money_per_year != found.gaps[0].money_per_year


def test_an_a_a_test_is_no_offline_gain_in_the_portfolio(
    analysed: Make, make_estimate: Make, make_facts: Make
) -> None:
    facts = make_facts(models={"A": "ranker-1", "B": "ranker-1"})
    found = analysed(make_estimate(-0.01, 0.02), facts=facts)
    assert found.experiments[0].decision is Decision.DO_NOT_SHIP
    assert found.portfolio.verdicts[V.NO_OFFLINE_GAIN.value] == 1
    assert sum(found.portfolio.verdicts.values()) == 1
    # Rows: offline loss, not established, gain.
    assert found.portfolio.nine_cells[0].counts == ((0, 0, 0), (0, 1, 0), (0, 0, 0))


def test_without_gap_pairs_the_headline_is_that_of_the_primary_metric(
    analysed: Make, make_study: Make, make_estimate: Make, make_check: Make, make_facts: Make
) -> None:
    study = make_study(gap={})
    found = analysed(make_estimate(0.01, 0.03), study=study)
    assert found.gaps == ()
    assert found.experiments[0].headline == "Revenue per user rose: +2.0 % [+1.0, +3.0]."
    two = make_facts(treatments=("B", "C"), arms={"A": 1, "B": 1, "C": 1})
    assert (
        analysed(make_estimate(0.01, 0.03), study=study, facts=two).experiments[0].headline.startswith("B: ")
    )
    wide = make_estimate(-0.02, 0.03)
    assert analysed(wide, study=study).experiments[0].headline == (
        "No effect on revenue per user is established: +0.5 % [−2.0, +3.0] (power: 22 % to see 1.5 %)."
    )
    assert "power" not in analysed(make_estimate(-0.01, 0.01), study=study).experiments[0].headline
    metric = study.metrics["revenue_per_user"].model_copy(update={"smallest_worthwhile_lift": None})
    signs_only = make_study(gap={}, metrics={"revenue_per_user": metric})
    assert (
        analysed(wide, study=signs_only)
        .experiments[0]
        .headline.endswith("+0.5 % [−2.0, +3.0] (80 % power only from 3.6 % on).")
    )
    broken = analysed(make_estimate(0.01, 0.03), study=study, checks=[make_check()]).experiments[0]
    assert broken.headline.startswith("No verdict, because the data cannot be trusted.")
    assert analysed(study=study).experiments[0].headline == "No primary metric was measured in both arms."


def test_the_money_of_an_experiment_is_that_of_the_arm_decided_on_with_or_without_pairs(
    analysed: Make, make_study: Make, make_estimate: Make, make_check: Make
) -> None:
    paired = analysed(make_estimate(0.01, 0.03))
    alone = analysed(make_estimate(0.01, 0.03), study=make_study(gap={})).experiments[0]
    assert paired.experiments[0].treatment == alone.treatment == "B"
    assert paired.experiments[0].money_per_year == only(paired).money_per_year == alone.money_per_year
    assert isinstance(alone.money_per_year, Interval)
    broken = analysed(make_estimate(0.01, 0.03), study=make_study(gap={}), checks=[make_check()]).experiments[
        0
    ]
    assert broken.money_per_year is None


def test_an_experiment_is_handed_on_as_it_was_run(
    analysed: Make, make_estimate: Make, make_facts: Make
) -> None:
    facts = make_facts(tags=("ranking",), hypothesis="better NDCG brings more revenue")
    result = analysed(make_estimate(0.01, 0.03), facts=facts).experiments[0]
    assert (result.name, result.control, result.start, result.end) == (
        "search_v2",
        "A",
        "2026-03-02",
        "2026-03-30",
    )
    assert list(result.arms) == ["A", "B"]
    assert result.tags == ("ranking",)
    assert result.hypothesis == "better NDCG brings more revenue"


HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    'say "hi"',
    "x'; drop table y; --",
    "two\nlines",
    "{braces}",
    "%s",
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_through_as_plain_text(
    name: str, make_study: Make, make_estimate: Make, make_facts: Make, make_offline: Make, make_check: Make
) -> None:
    named = name or "empty"
    study = make_study(
        metrics={named: make_study().metrics["revenue_per_user"]},
        gap={"offline": [named], "business": [named]},
    )
    facts = make_facts(
        name=name,
        control=name + "A",
        treatments=(name + "B",),
        models={name + "A": name + "1", name + "B": name + "2"},
    )
    estimate = make_estimate(
        0.01, 0.03, experiment=name, metric=named, control=name + "A", treatment=name + "B"
    )
    row = make_offline(metric=named, model=name + "2", baseline=name + "1")
    found = analyse_gaps(study, experiments=[facts], estimates=[estimate], offline_rows=[row])
    assert found.gaps[0].verdict is V.TRANSLATED
    assert named.replace("_", " ") in found.gaps[0].sentence
    broken = make_check(experiment=name, name=named, sentence=f"Broken: {name}")
    blocked = analyse_gaps(study, experiments=[facts], estimates=[estimate], checks=[broken])
    assert blocked.gaps[0].verdict is V.UNTRUSTWORTHY


def test_nothing_given_gives_nothing(make_study: Make) -> None:
    found = analyse_gaps(make_study(), experiments=[], estimates=[])
    assert found.gaps == ()
    assert found.experiments == ()
    assert found.portfolio.n_experiments == 0
