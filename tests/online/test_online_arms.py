"""Arms are paired by what they have in common, and days add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from abgap.online.arms import cumulate, pair_arms
from abgap.online.moments import concatenate, make_rows
from abgap.records import Moments


def row(variant: str = "A", **columns: Any) -> Moments:
    """One row of moments."""
    keys = {"experiment": "e", "metric": "m", "variant": variant} | columns
    made = {}
    for name, value in keys.items():
        column = np.empty(1, dtype=object if not isinstance(value, float | int) else np.float64)
        column[0] = value
        made[name] = column
    return make_rows(1, made)


def of_values(values: Sequence[float], **columns: Any) -> Moments:
    """The moments of units with these values."""
    x = np.asarray(values, dtype=np.float64)
    variance = float(x.var(ddof=1)) if len(x) > 1 else float("nan")
    return row(n=float(len(x)), mean=float(x.mean()), variance=variance, **columns)


def pairs(parts: Sequence[Moments], controls: Mapping[str, str]) -> list[tuple[int, int]]:
    found = pair_arms(concatenate(parts), controls)
    return list(zip(found.control.tolist(), found.treatment.tolist(), strict=True))


class TestPairs:
    def test_every_treatment_is_held_against_its_control(self) -> None:
        parts = [row("B"), row("A"), row("C"), row("A", experiment="f"), row("B", experiment="f")]
        assert pairs(parts, {"e": "A", "f": "B"}) == [(1, 0), (1, 2), (4, 3)]

    def test_only_within_the_same_metric_slice_and_period(self) -> None:
        keys: list[dict[str, Any]] = [
            {},
            {"metric": "other"},
            {"slice_name": "d", "slice_value": "x"},
            {"slice_name": "d", "slice_value": None},
            {"period": "2026-03-02"},
        ]
        controls, treatments = [row("A", **key) for key in keys], [row("B", **key) for key in keys]
        assert pairs([*controls, *treatments], {"e": "A"}) == [(i, i + 5) for i in range(5)]

    def test_what_has_no_partner_is_not_paired(self) -> None:
        assert pairs([row("A"), row("B", metric="other")], {"e": "A"}) == []
        assert pairs([row("A"), row("B")], {"e": "Z"}) == []
        assert pairs([row("A"), row("B")], {}) == []

    def test_folds_and_funnels_are_not_paired(self) -> None:
        folds = [row("A", fold="1"), row("B", fold="1")]
        funnels = [row("A", stage_means=(1.0,)), row("B", stage_means=(1.0,))]
        assert pairs([*folds, *funnels], {"e": "A"}) == []

    def test_nothing_has_no_pairs(self) -> None:
        assert pairs([make_rows(0, {})], {"e": "A"}) == []


class TestCumulate:
    DAYS = ("2026-03-02", "2026-03-03", "2026-03-05")

    def test_a_day_holds_all_units_so_far(self) -> None:
        values = [[1.0, 4.0], [2.0], [8.0, 8.0, 3.0]]
        # Days come in any order.
        parts = [of_values(v, period=day) for v, day in zip(values, self.DAYS, strict=True)][::-1]
        found = cumulate(concatenate(parts), {"m"})
        assert found.period.tolist() == list(self.DAYS)
        for i in range(3):
            so_far = np.concatenate(values[: i + 1])
            assert found.n[i] == len(so_far)
            assert found.mean[i] == pytest.approx(so_far.mean())
            assert found.variance[i] == pytest.approx(so_far.var(ddof=1))

    def test_ratios_are_added_up_by_their_parts(self) -> None:
        rng = np.random.default_rng(2)
        clicks, views = rng.poisson(2, 40).astype(float), 1.0 + rng.poisson(5, 40)
        parts = []
        for i, day in enumerate(self.DAYS[:2]):
            y, x = clicks[20 * i : 20 * (i + 1)], views[20 * i : 20 * (i + 1)]
            cov = np.cov(y, x)
            moments = {
                "n": 20.0,
                "mean": y.sum() / x.sum(),
                "numerator_mean": y.mean(),
                "numerator_variance": cov[0, 0],
                "denominator_mean": x.mean(),
                "denominator_variance": cov[1, 1],
                "covariance": cov[0, 1],
            }
            columns: dict[str, Any] = {name: float(value) for name, value in moments.items()}
            parts.append(row(period=day, **columns))
        found = cumulate(concatenate(parts), {"m"})
        assert found.mean[1] == pytest.approx(clicks.sum() / views.sum())
        assert found.covariance[1] == pytest.approx(np.cov(clicks, views)[0, 1])
        linear = (clicks - clicks.sum() / views.sum() * views) / views.mean()
        assert found.variance[1] == pytest.approx(linear.var(ddof=1))

    def test_an_arm_without_units_on_a_day_stays_as_it_was(self) -> None:
        first, second, third = self.DAYS
        parts = [
            of_values([1.0, 2.0], variant="A", period=first),
            of_values([5.0, 9.0], variant="A", period=third),
            of_values([3.0, 3.5], variant="B", period=second),
        ]
        found = cumulate(concatenate(parts), {"m"})
        by_arm = {
            arm: dict(zip(found.period[found.variant == arm], found.n[found.variant == arm], strict=True))
            for arm in "AB"
        }
        assert by_arm == {"A": {first: 2, second: 2, third: 4}, "B": {second: 2, third: 2}}

    def test_rows_that_are_of_all_units_so_far_stay_as_they_are(self) -> None:
        first, second, third = self.DAYS
        parts = [
            of_values([3.0, 4.0, 8.0], variant="A", period=third),
            of_values([3.0, 4.0], variant="A", period=first),
            of_values([3.0], variant="B", period=second),
        ]
        found = cumulate(concatenate(parts), {"m"}, cumulative={"m"})
        of_a = found.take(np.array(found.variant == "A", dtype=bool))
        assert of_a.period.tolist() == [first, second, third]
        assert of_a.n.tolist() == [2, 2, 3]
        assert of_a.mean.tolist() == [3.5, 3.5, 5.0]

    def test_counts_of_units_add_up(self) -> None:
        parts = [of_values([1.0], period=d, capped_units=2.0, without_history=1.0) for d in self.DAYS]
        found = cumulate(concatenate(parts), {"m"})
        assert found.capped_units.tolist() == [2.0, 4.0, 6.0]
        assert found.without_history.tolist() == [1.0, 2.0, 3.0]

    def test_only_days_of_the_metrics_asked_for(self) -> None:
        parts = [of_values([1.0, 2.0], period=self.DAYS[0]), of_values([1.0, 2.0])]
        assert len(cumulate(concatenate(parts), {"m"})) == 1
        assert len(cumulate(concatenate(parts), {"other"})) == 0
        assert len(cumulate(concatenate(parts), set())) == 0
