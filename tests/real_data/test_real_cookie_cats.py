"""90,189 players of a mobile game, one row each: retention, and rounds with one extreme player."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abgap.records import Decision, Estimate, Results, Status

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def found(results: Callable[..., Results]) -> Results:
    return results("cookie_cats")


@pytest.fixture(scope="module")
def published(reference: Callable[[str], Any]) -> Any:
    return reference("cookie_cats")


def test_the_uneven_split_passes_at_one_in_a_thousand_and_is_shown(
    found: Results, published: Any, one: Callable[..., Any]
) -> None:
    check = one(found.checks, name="sample_ratio", experiment="gate")
    assert check.value == pytest.approx(published["srm_50_50"]["p"], rel=1e-9)
    assert check.status is Status.PASS
    assert "gate_30 49.6 %, gate_40 50.4 %" in check.sentence
    assert "p = 0.009" in check.sentence
    assert dict(found.experiments[0].arms) == published["arm_n"]


@pytest.mark.parametrize("metric", ["retention_1", "retention_7"])
def test_retention_agrees_with_the_reference(
    found: Results,
    published: Any,
    whole: Callable[..., Estimate],
    agrees_with_conversion: Callable[..., None],
    metric: str,
) -> None:
    agrees_with_conversion(whole(found, metric=metric), published[metric])


def test_rounds_agree_with_the_reference_outlier_and_all(
    found: Results, published: Any, whole: Callable[..., Estimate], agrees_with_welch: Callable[..., None]
) -> None:
    agrees_with_welch(whole(found, metric="rounds"), published["sum_game_rounds"]["welch"])


def test_capped_rounds_are_not_ruled_by_one_player(
    found: Results,
    data_dir: Path,
    whole: Callable[..., Estimate],
    moments_of: Callable[..., tuple[float, float, float]],
) -> None:
    players = pd.read_csv(data_dir / "cookie_cats" / "cookie_cats.csv")
    cap = np.quantile(players["sum_game_rounds"], 0.999)
    rounds = players["sum_game_rounds"].clip(upper=cap)
    control, treatment = (moments_of(rounds[players["version"] == arm]) for arm in ("gate_30", "gate_40"))
    capped, plain = whole(found, metric="rounds_capped"), whole(found, metric="rounds")
    assert capped.capped_units == int((players["sum_game_rounds"] > cap).sum())
    assert capped.value_control == pytest.approx(control[1], rel=1e-9)
    assert capped.value_treatment == pytest.approx(treatment[1], rel=1e-9)
    assert capped.mde is not None
    assert plain.mde is not None
    assert capped.mde < 0.6 * plain.mde


def test_the_lost_week_decides_against_the_gate(found: Results) -> None:
    experiment = found.experiments[0]
    assert experiment.decision is Decision.DO_NOT_SHIP
    assert "4.3 %" in experiment.headline
