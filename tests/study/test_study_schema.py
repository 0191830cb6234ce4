"""The JSON Schema of the study file: it accepts sound studies, refuses misspelt ones, and knows every key."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from abgap.study.keys import KEYS
from abgap.study.model import Source
from abgap.study.schema import study_schema
from abgap.study.walk import all_tables, known_keys

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data" / "abgap.toml"


def _errors(text: str) -> list[str]:
    data = json.loads(json.dumps(tomllib.loads(text), default=lambda moment: moment.isoformat()))
    return [error.message for error in jsonschema.Draft202012Validator(study_schema()).iter_errors(data)]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(study_schema())
    assert study_schema()["$id"] == "urn:abgap:schema:study:1"
    assert json.dumps(study_schema()) == json.dumps(study_schema())


@pytest.mark.parametrize("base", ["logs", "unit_values", "moments", "funnel"])
def test_sound_studies_fit_the_schema(base: str, sound: Mapping[str, str]) -> None:
    assert _errors(sound[base]) == []


def test_the_study_of_the_demo_fits_the_schema() -> None:
    assert _errors(SAMPLE.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "lines",
    [
        "[metrics.x]\nkind = 'meen'",
        "[metrics.x]\nfact = 'events'",
        "[metrics.x]\nkind = 'mean'\nwindw_days = 3",
        "[experiments.b]\ncontrl = 'A'",
        "[units]\npath = 'a'\ncolumns = { unit = { valu = 3 } }",
        "[study]\nalpha = 0.7",
        "[metric.x]\nkind = 'mean'",
    ],
)
def test_a_misspelt_study_does_not_fit(lines: str, sound: Mapping[str, str]) -> None:
    assert len(_errors(f"{sound['logs']}\n{lines}")) == 1


def test_every_key_has_a_sentence_and_every_sentence_a_key() -> None:
    for place, model in all_tables():
        assert set(KEYS[model]) == set(model.model_fields), place
    assert all(text.endswith(".") for sentences in KEYS.values() for text in sentences.values())


def test_the_schema_shows_the_sentences_and_no_class_names() -> None:
    schema = study_schema()
    window: dict[str, Any] = schema["$defs"]["Metric"]["properties"]["window_days"]
    assert window == {
        "description": "Days after first exposure that count; by default until the experiment's end.",
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 36525,
    }
    assert "title" not in json.dumps(schema["$defs"])
    assert '"null"' not in json.dumps(schema)


def test_the_keys_of_a_place_are_those_of_its_models() -> None:
    assert known_keys(("facts", "events")) == tuple(Source.model_fields)
    assert known_keys(("metrics", "x", "covariate", 0)) == ("lookback_days", "column")
    assert known_keys(("exposures", "columns", "unit")) == ("value", "expr")
    assert known_keys(("exposures", "columns")) == ()
