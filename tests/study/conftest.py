"""Sound studies to break in one place."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from abgap.errors import StudyError
from abgap.study.load import check_study

LOGS = """
[exposures]
path = "exposures.parquet"
columns = { experiment = "experiment_id", unit = "user_id", variant = "variation_id", at = "ts" }
[facts.events]
path = "events.parquet"
columns = { unit = "user_id", at = "ts" }
[experiments.test]
control = "A"
"""

UNIT_VALUES = """
[unit_values]
path = "users.csv"
columns = { experiment = { value = "mail" }, variant = "group" }
[experiments.mail]
control = "A"
"""

MOMENTS = """
[moments]
path = "moments.parquet"
[experiments.test]
control = "A"
"""

FUNNEL = """
[metrics.sessions]
kind = "mean"
fact = "events"
value = "session"
aggregate = "count_distinct"
[metrics.orders_per_session]
kind = "ratio"
numerator = { fact = "events", where = "event = 'purchase'", aggregate = "count" }
denominator = { fact = "events", value = "session", aggregate = "count_distinct" }
[metrics.revenue_per_order]
kind = "ratio"
numerator = { fact = "events", where = "event = 'purchase'", value = "amount" }
denominator = { fact = "events", where = "event = 'purchase'", aggregate = "count" }
[metrics.revenue]
kind = "mean"
fact = "events"
where = "event = 'purchase'"
value = "amount"
aggregate = "sum"
cap_percentile = 99
[funnels.purchase]
total = "revenue"
stages = ["sessions", "orders_per_session", "revenue_per_order"]
"""


SOUND = {
    "logs": LOGS,
    "unit_values": UNIT_VALUES,
    "moments": MOMENTS,
    "funnel": LOGS + FUNNEL,
    "nothing": "",
}

# The parameter of a test and the file that holds its cases.
CASE_FILES = {"rule_case": "rule_cases.txt", "value_case": "value_cases.txt"}


def _changed(study: str, change: str) -> str:
    """A study with lines added to it, or with ``OLD => NEW`` replaced in it."""
    old, arrow, new = change.partition(" => ")
    if not arrow:
        return f"{study}\n{change}"
    assert old in study
    return study.replace(old, new.replace("\\n", "\n"))


def _read_cases(file: str) -> dict[str, tuple[str, list[str]]]:
    """Cases of a file by name: a study, and all of its problems."""
    text = (Path(__file__).parent / file).read_text(encoding="utf-8")
    cases: dict[str, tuple[str, list[str]]] = {}
    for block in text.split("=== ")[1:]:
        head, _, body = block.partition("\n")
        name, base = (part.strip() for part in head.split("|"))
        change, _, expected = body.partition("\n---\n")
        cases[f"{name} {len(cases)}"] = (_changed(SOUND[base], change), expected.strip().splitlines())
    return cases


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for every case of the file that its parameter stands for."""
    for parameter, file in CASE_FILES.items():
        if parameter in metafunc.fixturenames:
            cases = _read_cases(file)
            metafunc.parametrize(parameter, cases.values(), ids=cases.keys())


@pytest.fixture(scope="session")
def rule_studies() -> Sequence[str]:
    """All studies that break a rule."""
    return [study for study, _ in _read_cases(CASE_FILES["rule_case"]).values()]


@pytest.fixture(scope="session")
def sound() -> Mapping[str, str]:
    """Studies without a problem, by what their units come from; ``funnel`` is of logs, ``nothing`` is empty."""
    return SOUND


def _problems(text: str) -> list[str]:
    try:
        check_study(tomllib.loads(text))
    except StudyError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.fixture(scope="session")
def problems() -> Callable[[str], list[str]]:
    """All problems of a study, as sentences."""
    return _problems
