"""Why a gain got lost, in a terminal."""

from __future__ import annotations

import pytest

from abgap.cli.findings import show_gaps
from tests.report.hostile_names import HOSTILE, renamed
from tests.report.made_results import results_of

LOST = results_of(["click"], rows=[3])


def test_a_named_experiment_shows_every_reason_and_the_budget(capsys: pytest.CaptureFixture[str]) -> None:
    show_gaps(LOST.gaps, [], currency="EUR", in_full=True)
    shown = capsys.readouterr().out
    first, second = (line for line in shown.splitlines() if " explains +" in line)
    assert first.startswith("  1 Proxy label explains +2.1 % [+1.6, +2.5], 70 % of the gap. With purchases")
    assert second.startswith("  2 Latency and cost explains")
    assert "    Next: Train and evaluate on purchases, and test the model again." in shown
    assert "gain on clicks +0.060 [+0.055, +0.065]; gain on purchases" in shown
    assert "abgap sql --show enrolments" in shown
    assert "Tested, and not the reason: novelty or primacy" in shown
    assert "position bias (needs column propensity of [offline.rankings])" in shown
    budget = shown[shown.index("gap budget") :].splitlines()
    assert [line.split("  ")[0] for line in budget[1:6]] == [
        "Expected lift",
        "Proxy label",
        "Latency and cost",
        "Unexplained",
        "Observed lift",
    ]


def test_only_the_first_pair_of_an_arm_is_explained_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    show_gaps(LOST.gaps, [], currency="EUR", in_full=True)
    shown = capsys.readouterr().out
    assert shown.count("gap budget") == 1
    assert shown.count("Why: ") == len(LOST.gaps)


def test_without_a_name_the_sentence_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    show_gaps(LOST.gaps, [], currency="EUR")
    shown = capsys.readouterr().out
    assert "Why: Lift is missing. Main reason: proxy label, beside latency and cost." in shown
    assert "the smallest worthwhile lift stands for what should have come" in shown
    assert "explains" not in shown
    assert "gap budget" not in shown


def test_hostile_words_keep_to_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_gaps(renamed(results_of([HOSTILE[0]], rows=[3])).gaps, [], currency="EUR", in_full=True)
    shown = capsys.readouterr().out
    assert "\x00" not in shown
    assert all(line.startswith("  ") for line in shown.splitlines() if "explains +" in line)
