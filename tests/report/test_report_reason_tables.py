"""Reasons and budgets as tables, for SQL and files."""

from __future__ import annotations

import pytest

from abgap.records import Interval
from abgap.report.tables import budget_table, reasons_table
from tests.report.made_results import results_of


def test_every_finding_and_bar_is_a_row_with_its_pair_and_place() -> None:
    gaps = results_of(["click"], rows=[3]).gaps
    found = reasons_table(gaps).to_pylist()
    assert len(found) == sum(len(gap.reasons) for gap in gaps)
    first = gaps[0].reasons[0]
    assert isinstance(first.lift, Interval)
    assert (found[0]["experiment"], found[0]["business_metric"]) == ("click", "revenue_per_user")
    assert (found[0]["place"], found[1]["place"]) == (1, 2)
    assert (found[0]["name"], found[0]["status"]) == ("proxy_label", "supported")
    assert found[0]["lift"]["estimate"] == pytest.approx(first.lift.estimate)
    assert found[-1]["lift"]["reason"] == "not_declared"
    bars = budget_table(gaps).to_pylist()
    assert [bar["name"] for bar in bars[:5]] == [
        "expected",
        "proxy_label",
        "latency",
        "unexplained",
        "observed",
    ]
    first_pair = [bar["amount"]["estimate"] for bar in bars[:5]]
    assert first_pair[0] - sum(first_pair[1:4]) == pytest.approx(first_pair[4])


def test_tables_without_rows_have_their_columns() -> None:
    assert {"experiment", "place", "status", "missing", "evidence"} <= {*reasons_table([]).column_names}
    assert budget_table([]).column_names[-3:] == ["kind", "name", "amount"]
