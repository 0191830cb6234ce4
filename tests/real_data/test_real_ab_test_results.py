"""10,000 rows of 6,324 users, one in four of them in both variants, without a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from abgap.records import Decision, Estimate, Results, Status

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def by_user(results: Callable[..., Results]) -> Results:
    return results("ab_test_results_users")


@pytest.fixture(scope="module")
def by_row(results: Callable[..., Results]) -> Results:
    return results("ab_test_results_rows")


@pytest.fixture(scope="module")
def published(reference: Callable[[str], Any]) -> Any:
    return reference("ab_test_results")


def test_users_in_both_variants_are_left_out_counted_and_block_the_verdict(
    by_user: Results, published: Any, one: Callable[..., Any]
) -> None:
    check = one(by_user.checks, name="units_in_two_variants")
    both, users = published["users_in_both_variants"], published["unique_users"]
    assert check.status is Status.FAIL
    assert check.blocking
    assert check.value == pytest.approx(both / users, rel=1e-12)
    assert f"{both:,} of {users:,} units (24.4 %)" in check.sentence
    assert "first seen" not in check.sentence, "without times nothing is first"
    assert by_user.experiments[0].decision is Decision.CANNOT_BE_JUDGED
    counts = published["user_level_counts"]
    assert dict(by_user.experiments[0].arms) == {arm: counts[arm] for arm in ("control", "variant")}


def test_a_fact_table_without_times_is_not_said_to_have_them(
    by_user: Results, one: Callable[..., Any]
) -> None:
    assert (
        one(by_user.checks, name="unusable_events").sentence == "All 10,000 events in outcomes have a unit."
    )


def test_revenue_by_user_agrees_with_the_reference(
    by_user: Results, published: Any, whole: Callable[..., Estimate], agrees_with_welch: Callable[..., None]
) -> None:
    node = published["user_level_exclude_mixed"]["welch"]
    agrees_with_welch(whole(by_user, metric="revenue_per_user"), node)


def test_capped_revenue_agrees_with_the_reference(
    by_user: Results, published: Any, whole: Callable[..., Estimate], agrees_with_welch: Callable[..., None]
) -> None:
    node = published["user_level_exclude_mixed_winsor_p99.9"]["welch"]
    agrees_with_welch(whole(by_user, metric="revenue_capped"), node)


def test_conversion_by_user_agrees_with_the_reference(
    by_user: Results,
    published: Any,
    whole: Callable[..., Estimate],
    agrees_with_conversion: Callable[..., None],
) -> None:
    node = published["user_level_exclude_mixed"]["conv"]
    agrees_with_conversion(whole(by_user, metric="conversion"), node)


def test_the_split_of_the_rest_agrees_with_the_reference(
    by_user: Results, published: Any, one: Callable[..., Any]
) -> None:
    check = one(by_user.checks, name="sample_ratio")
    assert check.value == pytest.approx(published["user_level_exclude_mixed"]["srm"]["p"], rel=1e-9)


def test_the_naive_reading_by_row_agrees_with_the_reference(
    by_row: Results,
    published: Any,
    one: Callable[..., Any],
    whole: Callable[..., Estimate],
    agrees_with_welch: Callable[..., None],
    agrees_with_conversion: Callable[..., None],
) -> None:
    agrees_with_welch(whole(by_row, metric="revenue"), published["naive_row_level"]["welch"])
    agrees_with_conversion(whole(by_row, metric="conversion"), published["naive_row_level"]["conv"])
    assert one(by_row.checks, name="sample_ratio").value == pytest.approx(published["row_srm"]["p"], rel=1e-9)


def test_users_in_both_variants_can_be_found_by_sql(
    sql: Callable[..., list[dict[str, Any]]], published: Any
) -> None:
    rows = sql("ab_test_results_users", "SELECT count(*) AS n FROM enrolments WHERE mixed")
    assert rows == [{"n": published["users_in_both_variants"]}]
