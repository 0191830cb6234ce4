"""Every cross-key rule has a study that breaks it, and the sentence a reader gets."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence

import pytest

from abgap.study.flaws import Draft
from abgap.study.model import Study
from abgap.study.rules import RULES

Problems = Callable[[str], list[str]]


def test_a_broken_rule_gives_its_sentence_and_no_other(
    rule_case: tuple[str, list[str]], problems: Problems
) -> None:
    study, expected = rule_case
    assert problems(study) == expected


@pytest.mark.parametrize("base", ["logs", "unit_values", "moments", "funnel"])
def test_the_studies_of_the_cases_are_sound(base: str, problems: Problems, sound: Mapping[str, str]) -> None:
    assert problems(sound[base]) == []


def test_slices_are_free_and_different(problems: Problems) -> None:
    text = """
[exposures]
path = "e"
columns = { experiment = "e", unit = "u", variant = "v" }
slices = ["device", "Device", "at", "Period", "clicks"]
[facts.events]
path = "f"
columns = { unit = "u" }
[metrics.clicks]
kind = "mean"
fact = "events"
[experiments.x]
control = "A"
"""
    taken = (
        "is the name of a column abgap makes itself; "
        "slice by another column, or give it another name with a query"
    )
    twice = (
        "'Device' differs from the slice 'device' by upper and lower case only; give one of them another name"
    )
    assert problems(text) == [
        f"exposures.slices[1]: {twice}",
        f"exposures.slices[2]: 'at' {taken}",
        f"exposures.slices[3]: 'Period' {taken}",
        "metrics.clicks: has the name of the slice 'clicks'; give one of them another name",
    ]


UNTIMED = """
[exposures]
path = "e"
columns = { experiment = "e", unit = "u", variant = "v" }
[facts.events]
path = "f"
columns = { unit = "u" }
[facts.visits]
path = "f"
columns = { unit = "u", at = "ts" }
[experiments.x]
control = "A"
[metrics.a]
kind = "mean"
fact = "events"
window_days = 7
[metrics.b]
kind = "ratio"
numerator = { fact = "visits" }
denominator = { fact = "events" }
window_days = 7
[metrics.c]
kind = "proportion"
fact = "visits"
covariate = { lookback_days = 7 }
"""


def test_windows_and_look_backs_need_the_time_of_exposure_and_of_the_events(problems: Problems) -> None:
    advice = 'map it: columns = { at = "name of your column", ... }'
    assert problems(UNTIMED) == [
        f"metrics.a.window_days: needs times, but exposures and facts.events map no `at`; {advice}",
        f"metrics.b.window_days: needs times, but exposures and facts.events map no `at`; {advice}",
        f"metrics.c.covariate.lookback_days: needs times, but exposures map no `at`; {advice}",
    ]


def test_facts_and_units_take_new_columns_made_by_an_expression(
    problems: Problems, sound: Mapping[str, str]
) -> None:
    extra = """
[facts.orders]
path = "o"
columns = { unit = "u", at = "ts", amount = { expr = "price * pieces" } }
[units]
path = "u"
columns = { unit = "u", pre_spend = { expr = "coalesce(spend, 0)" } }
[metrics.spend]
kind = "mean"
fact = "orders"
value = "amount"
covariate = { column = "pre_spend" }
"""
    assert problems(sound["logs"] + extra) == []


def test_every_rule_is_broken_by_some_study(rule_studies: Sequence[str]) -> None:
    """A rule that no study breaks is either dead or untested."""
    broken = set()
    for text in (*rule_studies, UNTIMED):
        data = tomllib.loads(text)
        draft = Draft(study=Study.model_validate(data), declared=data)
        broken |= {rule.__name__ for rule in RULES if any(True for _ in rule(draft))}
    assert broken == {rule.__name__ for rule in RULES}
