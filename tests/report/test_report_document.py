from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest

from abgap.records import Interval, Results
from abgap.report.document import PARTS, dumped, part, plain_data, results_document, to_json
from abgap.report.schema import results_schema

TOP = [
    "schema_version",
    "study",
    "generated_at",
    "provenance",
    "metrics",
    "models",
    "experiments",
    "checks",
    "estimates",
    "offline",
    "gaps",
    "portfolio",
    "heterogeneity",
    "trends",
    "offline_history",
    "offline_sweeps",
    "confusions",
    "counterfactual",
    "positions",
    "curves",
    "live_quality",
]


@pytest.mark.parametrize("name", ["example", "hostile", "empty", "not_estimable", "several_arms"])
def test_every_document_satisfies_the_published_schema(name: str, request: pytest.FixtureRequest) -> None:
    schema = results_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    results = request.getfixturevalue(name)
    document = json.loads(to_json(replace(results, estimates=results.estimates[::5])))
    jsonschema.Draft202012Validator(schema).validate(document)


def test_the_schema_refuses_what_is_not_in_the_contract(example: Results) -> None:
    validator = jsonschema.Draft202012Validator(results_schema())
    document: Any = json.loads(to_json(replace(example, estimates=example.estimates[:3])))
    spoilers: tuple[Callable[[Any], object], ...] = (
        lambda d: d.pop("gaps"),
        lambda d: d.update(extra=1),
        lambda d: d["estimates"][0].update(lift=None),
        lambda d: d["estimates"][0].update(role="important"),
        lambda d: d["experiments"][0].pop("headline"),
        lambda d: d["portfolio"]["nine_cells"][0]["counts"].pop(),
    )
    for spoil in spoilers:
        spoiled = json.loads(json.dumps(document))
        spoil(spoiled)
        assert not validator.is_valid(spoiled)


def test_keys_stand_in_the_published_order(example: Results) -> None:
    document: Any = results_document(example)
    assert list(document) == TOP
    assert list(document["estimates"][0]["lift"]) == ["estimate", "low", "high", "level", "method"]
    assert list(document["gaps"][0])[:8] == [
        "experiment",
        "treatment",
        "control",
        "offline_metric",
        "business_metric",
        "offline_gain",
        "offline_face_value",
        "online_lift",
    ]


def test_numbers_have_twelve_significant_digits_and_no_negative_zero() -> None:
    assert plain_data(0.1 + 0.2) == 0.3
    assert plain_data(1234567.8901234567) == 1234567.89012
    assert math.copysign(1.0, float(str(plain_data(-0.0)))) == 1.0
    assert plain_data(np.float64(0.1 + 0.2)) == 0.3
    assert plain_data(np.int64(3)) == 3
    assert plain_data(np.bool_(True)) is True


def test_a_number_that_could_not_be_computed_is_its_reason(not_estimable: Results) -> None:
    document: Any = results_document(not_estimable)
    reasons = {tuple(estimate["lift"]) for estimate in document["estimates"]}
    assert reasons == {("reason", "detail")}
    assert {estimate["p_value"] for estimate in document["estimates"]} == {None}


def test_what_is_not_finite_is_null_where_it_may_be_missing_and_an_error_elsewhere(example: Results) -> None:
    estimate = replace(example.estimates[0], mde=math.inf, p_value=math.nan)
    document: Any = plain_data(estimate)
    assert document["mde"] is None
    assert document["p_value"] is None
    broken = Interval(estimate=math.nan, low=0.0, high=1.0, level=0.95, method="welch")
    with pytest.raises(ValueError, match=r"Estimate\.difference: Interval\.estimate: nan"):
        plain_data(replace(estimate, difference=broken))
    assert "NaN" not in to_json(replace(example, estimates=(estimate,)))


def test_something_without_a_place_in_json_is_refused() -> None:
    with pytest.raises(TypeError, match="complex has no place"):
        plain_data(1j)


def test_a_part_carries_the_schema_version_and_nothing_else(example: Results) -> None:
    document: Any = part("checks", example.checks)
    assert list(document) == ["schema_version", "checks"]
    assert document["checks"] == json.loads(to_json(example))["checks"]
    assert set(TOP[1:]) == set(PARTS)
    with pytest.raises(ValueError, match="no part 'wins'"):
        part("wins", ())


def test_the_text_is_one_record_a_line_and_every_stream_takes_it(example: Results) -> None:
    text = to_json(example)
    lines = text.splitlines()
    assert sum(line.startswith('{"experiment":') for line in lines) == len(example.estimates) + len(
        example.gaps
    )
    named = replace(example, provenance=replace(example.provenance, study_file="caf\udce9.toml"))
    text = to_json(named)
    text.encode("utf-8")
    assert json.loads(text)["provenance"]["study_file"] == "caf\udce9.toml"
    assert dumped({"empty": []}) == '{\n"empty": []\n}\n'
