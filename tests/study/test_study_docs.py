"""docs/study.md lags behind nothing: every key with its default, every column role, and every example loads."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from abgap.errors import StudyError
from abgap.study.keys import KEYS
from abgap.study.load import check_study
from abgap.study.model import (
    Annotations,
    ConstantColumn,
    ExperimentsFile,
    Exposures,
    ExpressionColumn,
    LivePredictions,
    LiveRankings,
    Logged,
    PortfolioEffects,
    Predictions,
    Queries,
    Rankings,
    Scores,
    Source,
    Study,
    StudyModel,
    Training,
    UnitValues,
)
from abgap.study.rules.sources import ROLES
from abgap.study.walk import all_tables

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "study.md").read_text(encoding="utf-8")

# Models that stand in many places have one section for all of them.
GENERAL: dict[type[StudyModel], str] = {
    Study: "The parts of the file",
    Source: "Every source",
    ExperimentsFile: "Every source",
    ConstantColumn: "A column",
    ExpressionColumn: "A column",
}
SOURCES = (
    Exposures,
    UnitValues,
    Scores,
    Queries,
    Rankings,
    Predictions,
    Logged,
    Training,
    Annotations,
    LivePredictions,
    LiveRankings,
    PortfolioEffects,
)
INHERITED = dict.fromkeys(SOURCES, Source.model_fields)
OFFLINE = (
    "scores",
    "rankings",
    "judgements",
    "queries",
    "items",
    "predictions",
    "logged",
    "policies",
    "shadow",
    "training",
    "annotations",
    "trained_on",
)
ROLE_SECTIONS = {"facts": "`[facts.NAME]`"} | {name: f"`[offline.{name}]`" for name in OFFLINE}


def _sections() -> dict[str, str]:
    """The text under each heading; a heading of several tables counts for each of them."""
    found: dict[str, str] = {}
    parts = re.split(r"^#{2,3} (.*)$", PAGE, flags=re.MULTILINE)[1:]
    for heading, text in zip(parts[::2], parts[1::2], strict=True):
        for title in heading.split(", "):
            found[title] = found.get(title, "") + text
    return found


def _rows(text: str, first_column: str) -> dict[str, str]:
    """The rows of the tables whose first column has this title, by what stands in it."""
    rows: dict[str, str] = {}
    for block in re.findall(rf"^\| {first_column} \|.*\n(?:\|.*\n)+", text, flags=re.MULTILINE):
        for line in block.splitlines()[2:]:
            rows[line.split("|")[1].strip().strip("`")] = line
    return rows


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "none" if value in (None, {}, []) or isinstance(value, BaseModel) else f"`{json.dumps(value)}`"


def _expected() -> dict[str, dict[str, str]]:
    """The rows that every section must have, written from the models."""
    expected: dict[str, dict[str, str]] = {}
    for place, model in all_tables():
        section = GENERAL.get(model, f"`[{'.'.join(place)}]`")
        for key, field in model.model_fields.items():
            if key not in INHERITED.get(model, ()):
                row = f"| `{key}` | {_default(field)} | {KEYS[model][key]} |"
                expected.setdefault(section, {})[key] = row
    return expected


@pytest.mark.parametrize("section", _expected())
def test_every_key_stands_in_its_section_with_its_default(section: str) -> None:
    assert _rows(_sections()[section], "key") == _expected()[section]


@pytest.mark.parametrize("source", ROLES)
def test_every_column_stands_in_the_section_of_its_source(source: str) -> None:
    rows = _rows(_sections()[ROLE_SECTIONS.get(source, f"`[{source}]`")], "column")
    assert set(rows) == set(ROLES[source].known)
    needed = {role for role, row in rows.items() if row.split("|")[2].strip() == "yes"}
    assert needed == set(ROLES[source].required)


def _examples(kind: str) -> list[str]:
    return re.findall(rf"^```toml{kind}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", _examples(""))
def test_a_whole_study_of_the_page_loads(example: str) -> None:
    check_study(tomllib.loads(example))


def test_the_parts_of_the_page_make_one_study_that_loads() -> None:
    study = check_study(tomllib.loads("\n".join(_examples(" part"))))
    assert set(study.funnels) == {"purchase"}


def test_the_same_study_runs_on_spark_with_the_settings_of_the_page() -> None:
    (spark,) = _examples(" spark")
    parts = "\n".join(part for part in _examples(" part") if not part.startswith("[engine]"))
    assert check_study(tomllib.loads(f"{parts}\n{spark}")).engine.name == "spark"


def test_every_example_block_is_tested() -> None:
    blocks = re.findall(r"^```(\w.*)$", PAGE, flags=re.MULTILINE)
    assert {block.split()[0] for block in blocks} == {"toml", "text"}
    assert {block for block in blocks if block.startswith("toml")} == {
        "toml",
        "toml part",
        "toml spark",
    }


def test_the_errors_shown_are_those_a_reader_gets() -> None:
    parts = "\n".join(_examples(" part"))
    broken = parts.replace("window_days = 14\nrole", "windw_days = 14\nrole").replace(
        '"sessions_per_user", "orders_per_session"', '"sessions_per_user", "orders_per_sesion"'
    )
    with pytest.raises(StudyError) as raised:
        check_study(tomllib.loads(broken), file="abgap.toml")
    assert str(raised.value) in PAGE
