"""The pages say what the code does: fields, words, checks, verdicts, exit codes, dependencies, help texts, links."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from abgap import __version__, records
from abgap.cli.reference import reference
from abgap.errors import ExitCode
from abgap.lab.scenarios.registry import SCENARIOS
from abgap.online import activity_checks, arm_checks, balance, checks, value_checks
from abgap.records.moments import FLOAT_COLUMNS, KEYS, LIST_COLUMNS
from abgap.records.moments import SCHEMA_VERSION as MOMENTS_VERSION
from abgap.report.document import SCHEMA_VERSION
from abgap.stats.arrays import MIN_UNITS
from abgap.stats.funnel import FunnelArm, decompose_funnel

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "sample_data" / "README.md"]
)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands below a heading (not the page's own), up to the next one."""
    found = re.search(rf"^##+ {re.escape(title)}$(.*?)(?=^#{{1,3}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no section {title!r}"
    return found.group(1)


def first_cells(text: str) -> list[str]:
    """The code in the first column of a table, row by row."""
    return re.findall(r"^\| `([^`]+)`[^|]*\|", text, re.MULTILINE)


def types_in(hint: Any) -> Iterator[type]:
    if isinstance(hint, type):
        yield hint
    for inner in get_args(hint):
        yield from types_in(inner)


def reachable(record: type, seen: dict[type, None]) -> dict[type, None]:
    """All records and words that results consist of."""
    seen[record] = None
    for hint in get_type_hints(record).values() if is_dataclass(record) else ():
        for part in types_in(hint):
            if part not in seen and (is_dataclass(part) or issubclass(part, StrEnum)):
                reachable(part, seen)
    return seen


CONTRACT = list(reachable(records.Results, {}))
RECORDS = [part for part in CONTRACT if is_dataclass(part)]
WORDS = [part for part in CONTRACT if issubclass(part, StrEnum)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_field_of_the_results_is_described_and_no_other(record: type) -> None:
    described = first_cells(section(page("results.md"), record.__name__))
    expected = [field.name for field in fields(record)]
    assert described == (["schema_version", *expected] if record is records.Results else expected)


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words.__name__)
def test_every_word_of_the_results_is_described(words: type[StrEnum]) -> None:
    text = page("results.md")
    assert [word for word in words if f"`{word.value}`" not in text] == []


def test_every_column_of_the_moments_is_described_and_no_other() -> None:
    described = first_cells(section(page("results.md"), "The moments table"))
    assert described == [*KEYS, *FLOAT_COLUMNS, *LIST_COLUMNS]


def test_the_versions_of_the_contracts_are_those_of_the_code() -> None:
    assert f'`schema_version` is "{SCHEMA_VERSION}"' in page("results.md")
    assert MOMENTS_VERSION == SCHEMA_VERSION == "1"
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_exit_codes_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", section(page("results.md"), "Exit codes"), re.MULTILINE)
    assert [(int(code), name) for code, name in rows] == [(code.value, code.name) for code in ExitCode]


def test_the_command_line_page_is_what_the_commands_say() -> None:
    assert page("cli.md") == reference(), "run: python -m abgap.cli.reference > docs/cli.md"


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_of_the_lab_has_its_row(name: str) -> None:
    scenario = SCENARIOS[name]
    plants = ", ".join(f"`{reason}`" for reason in scenario.reasons) or "nothing"
    assert f"| `{name}` | {plants} | {scenario.story} |" in page("lab.md").splitlines()


def test_every_data_check_is_described_and_no_other() -> None:
    sources = [*(ROOT / "abgap" / "online").glob("*.py"), *(ROOT / "abgap" / "offline").rglob("*.py")]
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    named = set(re.findall(r'(?:make_check|_check|_listed)\(\s*"(\w+)"', code))
    named |= set(re.findall(r'"(\w+_left_out)"', code))
    assert set(first_cells(section(page("methods.md"), "Data checks"))) == named


def test_thresholds_of_data_checks_are_those_of_the_code() -> None:
    text = section(page("methods.md"), "Data checks")
    assert arm_checks.SRM_ALPHA == value_checks.MISSING_ALPHA == balance.BALANCE_ALPHA == 0.001
    assert text.count("0.001") == 6
    assert activity_checks.NEARLY_ALL == 0.9
    assert "nine of ten units" in text
    assert f"warns from {activity_checks.BOT_SHARE * 100:g} % on" in text
    assert f"fewer than {arm_checks.MIN_EXPECTED:g} expected units" in text
    assert f"warns below {MIN_UNITS} |" in text
    warn, fail = f"{checks.MIXED_WARN * 100:g} %", f"{checks.MIXED_FAIL * 100:g} %"
    assert f"warns above {warn} (and at least {checks.MIXED_MIN_UNITS} units), fails above {fail}" in text


def test_verdicts_and_decisions_stand_in_the_tables_that_define_them() -> None:
    verdicts = re.findall(
        r"^\| \d+ \| `([^`]+)` \|", section(page("methods.md"), "The verdict"), re.MULTILINE
    )
    assert set(verdicts) == set(records.VerdictName)
    decisions = re.findall(
        r"^\| \d+ \| ([^|`]+) \|", section(page("methods.md"), "The decision"), re.MULTILINE
    )
    assert set(decisions) == set(records.Decision)


def test_every_refusal_is_described() -> None:
    text = section(page("methods.md"), "Refusals")
    assert [reason for reason in records.Reason if f"`{reason.value}`" not in text] == []


def test_the_check_value_of_the_funnel_is_what_the_code_gives() -> None:
    found = decompose_funnel(_arm(0.20, 0.050, 40.0), _arm(0.22, 0.046, 39.0), 0.05)
    text = " ".join(section(page("methods.md"), "The funnel").split())
    assert "Logs " + ", ".join(f"{x:+.6f}" for x in found.log_lift.estimate) in text
    assert "LMDI " + ", ".join(f"{x:+.7f}" for x in found.money.estimate) in text


def _arm(*stages: float) -> FunnelArm:
    means = np.asarray(np.cumprod(stages), dtype=np.float64)
    return FunnelArm(n=np.array(1000.0), means=means, covariance=np.full((3, 3), np.nan))


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = section(page("decisions.md"), "Dependencies")
    names = [re.split(r"[<>=\[]", line)[0] for line in project["project"]["dependencies"]]
    assert set(first_cells(text)) == set(names)
    development = [re.split(r"[<>=\[]", line)[0] for line in project["dependency-groups"]["dev"]]
    assert [name for name in development if f"`{name}`" not in text] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)
    assert broken == []


def anchors(text: str) -> set[str]:
    """The anchors that a forge makes of headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
