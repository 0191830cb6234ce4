"""Customers of a music shop, split by the parity of their number: an A/A test on skewed money."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from abgap.records import Decision, Estimate, Results

pytestmark = pytest.mark.data


def test_an_aa_test_on_skewed_money_agrees_with_the_reference(
    results: Callable[..., Results],
    reference: Callable[[str], Any],
    one: Callable[..., Any],
    whole: Callable[..., Estimate],
    agrees_with_welch: Callable[..., None],
) -> None:
    found, published = results("cdnow"), reference("cdnow")["aa_even_vs_odd_customer_total"]
    agrees_with_welch(whole(found, metric="total_spend"), published["welch"])
    assert one(found.checks, name="sample_ratio").value == pytest.approx(published["srm"]["p"], rel=1e-9)


def test_an_aa_test_is_said_to_have_nothing_to_ship(results: Callable[..., Results]) -> None:
    experiment = results("cdnow").experiments[0]
    assert experiment.decision is Decision.DO_NOT_SHIP
    assert experiment.decision_reason.startswith("Both arms ran the same model")
    assert "nothing to ship" in experiment.decision_reason
