"""Metrics have owners, reasons and review dates; what is overdue or missing is a finding."""

from __future__ import annotations

import datetime as dt

import pytest

from abgap.offline.contracts import contract_checks, contracts_of
from abgap.offline.directions import direction_of
from abgap.records import Direction, Status
from abgap.study.model import Study

LAST = dt.date(2026, 7, 1)


def study(metrics: dict[str, object] | None = None, offline: dict[str, object] | None = None) -> Study:
    return Study.model_validate(
        {
            "metrics": metrics or {},
            "offline_metrics": offline or {},
            "gap": {"offline": list(offline or {}), "business": []},
        }
    )


def metric(**keys: object) -> dict[str, object]:
    return {"kind": "mean", "fact": "events", **keys}


def test_an_overdue_review_names_metric_owner_and_date() -> None:
    found = contract_checks(
        study(
            {"revenue": metric(owner="shop", why="money", review_by=dt.date(2026, 6, 30))},
            {"ndcg@10": {"why": "quality", "review_by": dt.date(2026, 1, 31), "owner": "<script>\n"}},
        ),
        LAST,
    )
    assert [(check.name, check.status, check.value) for check in found] == [
        ("overdue_review", Status.WARN, 151.0),
        ("overdue_review", Status.WARN, 1.0),
    ]
    assert "offline_metrics.'ndcg@10' was due on 2026-01-31" in found[0].sentence
    assert r"'<script>\n'" in found[0].sentence
    assert "'shop'" in found[1].sentence


@pytest.mark.parametrize("last", [dt.date(2026, 6, 30), None])
def test_a_review_is_not_overdue_on_its_day_nor_when_the_data_have_no_time(last: dt.date | None) -> None:
    found = study({"revenue": metric(owner="shop", why="money", review_by=dt.date(2026, 6, 30))})
    assert contract_checks(found, last) == []


def test_a_metric_that_decides_without_an_owner_is_named_where_others_have_one() -> None:
    declared = study(
        {
            "revenue": metric(role="primary"),
            "latency": metric(role="guardrail", owner="platform"),
            "visits": metric(),
        },
        {"ndcg@10": {"owner": "search", "why": "quality"}},
    )
    (check,) = contract_checks(declared, LAST)
    assert (check.name, check.status, check.value) == ("undocumented_metrics", Status.WARN, 2.0)
    assert "'revenue' (an owner and a reason), 'latency' (a reason)" in check.sentence
    assert "visits" not in check.sentence


def test_a_study_without_contracts_is_left_alone() -> None:
    assert contract_checks(study({"revenue": metric(role="primary")}), LAST) == []


def test_contracts_know_what_the_metric_is() -> None:
    declared = study(
        {"revenue_per_user": metric(), "weird": metric(direction="down")},
        {"purchase_ndcg@10": {"metric": "ndcg@10"}, "shop_error": {}},
    )
    found = {c.name: (c.part, c.known_as, c.direction, c.decides) for c in contracts_of(declared)}
    assert found == {
        "revenue_per_user": ("metrics", "revenue_per_session", Direction.UP, False),
        "weird": ("metrics", None, Direction.DOWN, False),
        "purchase_ndcg@10": ("offline_metrics", "ndcg@k", Direction.UP, True),
        "shop_error": ("offline_metrics", None, Direction.DOWN, True),
    }


def test_a_direction_is_as_declared_then_as_the_catalogue_has_it() -> None:
    declared = study(
        offline={"rmse": {"direction": "up"}, "mine": {"metric": "log_loss"}, "mae": {}, "custom": {}}
    )
    names = ("rmse", "mine", "mae", "custom", "wape", "ndcg@3")
    assert [direction_of(declared, name).value for name in names] == [
        "up",
        "down",
        "down",
        "up",
        "down",
        "up",
    ]
