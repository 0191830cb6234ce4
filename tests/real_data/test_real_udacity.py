"""294,478 exposures of two landing pages: users in both groups, rows with the wrong page, a flat result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from abgap.records import Estimate, Results, Status

pytestmark = pytest.mark.data

Sql = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def logs(results: Callable[..., Results]) -> Results:
    return results("udacity_logs")


@pytest.fixture(scope="module")
def clean(results: Callable[..., Results]) -> Results:
    return results("udacity_clean")


@pytest.fixture(scope="module")
def published(reference: Callable[[str], Any]) -> Any:
    return reference("udacity_abdata")


def test_users_in_both_groups_are_left_out_and_counted(
    logs: Results, published: Any, one: Callable[..., Any]
) -> None:
    check = one(logs.checks, name="units_in_two_variants")
    both, users = published["users_in_both_groups"], published["unique_users"]
    assert check.value == pytest.approx(both / users, rel=1e-12)
    assert f"{both:,} of {users:,} units" in check.sentence
    assert check.status is Status.PASS
    repeated = one(logs.checks, name="repeated_exposures")
    assert repeated.value == published["rows"] - users


def test_the_rest_agrees_with_the_reference(
    logs: Results,
    published: Any,
    one: Callable[..., Any],
    whole: Callable[..., Estimate],
    agrees_with_conversion: Callable[..., None],
) -> None:
    node = published["user_level_exclude_users_in_two_groups"]
    agrees_with_conversion(whole(logs, metric="conversion"), node["prop"])
    assert one(logs.checks, name="sample_ratio").value == pytest.approx(node["srm"]["p"], rel=1e-9)


def test_the_last_day_of_the_cumulative_effect_is_the_whole_effect(
    logs: Results, whole: Callable[..., Estimate]
) -> None:
    days = [e for e in logs.estimates if e.period is not None]
    last, all_of_it = max(days, key=lambda e: str(e.period)), whole(logs, metric="conversion")
    assert last.period == "2017-01-24"
    assert (last.n_control, last.n_treatment) == (all_of_it.n_control, all_of_it.n_treatment)
    assert last.p_value == pytest.approx(all_of_it.p_value, rel=1e-9)


@pytest.mark.parametrize(
    ("statement", "key"),
    [
        (
            "SELECT count(*) AS n FROM visits WHERE (\"group\" = 'treatment') <> (landing_page = 'new_page')",
            "mismatched_rows",
        ),
        ("SELECT count(*) AS n FROM enrolments WHERE mixed", "users_in_both_groups"),
        (
            "SELECT count(*) AS n FROM (SELECT unit FROM visits GROUP BY unit HAVING count(DISTINCT landing_page) = 2)",
            "users_seen_both_pages",
        ),
        (
            "SELECT count(*) AS n FROM (SELECT unit FROM exposures GROUP BY unit HAVING count(*) > 1)",
            "users_with_more_than_one_row",
        ),
    ],
    ids=["mismatched rows", "users in both groups", "users of both pages", "users with more rows"],
)
def test_what_is_odd_in_the_log_can_be_found_by_sql(
    sql: Sql, published: Any, statement: str, key: str
) -> None:
    assert sql("udacity_logs", statement) == [{"n": published[key]}]


def test_the_published_cleaning_agrees_with_the_reference(
    clean: Results,
    published: Any,
    one: Callable[..., Any],
    whole: Callable[..., Estimate],
    agrees_with_conversion: Callable[..., None],
    agrees_with_welch: Callable[..., None],
) -> None:
    node = published["canonical_clean"]
    agrees_with_conversion(whole(clean, metric="conversion"), node["prop"])
    agrees_with_welch(whole(clean, metric="conversions_per_user"), node["welch"])
    assert one(clean.checks, name="sample_ratio").value == pytest.approx(node["srm_50_50"]["p"], rel=1e-9)


@pytest.mark.parametrize("country", ["CA", "UK", "US"])
def test_countries_agree_with_the_reference(
    clean: Results,
    published: Any,
    one: Callable[..., Any],
    agrees_with_conversion: Callable[..., None],
    country: str,
) -> None:
    estimate = one(clean.estimates, metric="conversion", slice_name="country", slice_value=country)
    agrees_with_conversion(estimate, published["slices_country"][country])


def test_a_flat_result_is_not_called_a_failure(clean: Results) -> None:
    experiment = clean.experiments[0]
    assert experiment.headline.startswith(
        "No effect on conversion is established: −1.3 % [−3.2, +0.7] (power: 52 % to see 2 %)."
    )
    assert "285,155 units per arm" in experiment.next_action
