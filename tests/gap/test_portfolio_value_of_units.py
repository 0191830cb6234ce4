"""Rules valued from units, and from exported moments alone: the same to the last digit that is reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abgap.pipeline.analysis import open_analysis
from abgap.pipeline.moments_file import write_moments
from abgap.records import Interval, Portfolio
from abgap.study.load import load_study

SOURCE = '[unit_values]\npath = "users.parquet"\ncolumns = {{ experiment = "test", variant = "arm"{} }}\n'
UNITS = SOURCE.format(', unit = "user"')
HOUSEHOLDS = SOURCE.format(', unit = "user", cluster = "home"')
WITHOUT_IDS = SOURCE.format("")
MOMENTS = '[moments]\npath = "moments.parquet"\n'
EXPERIMENTS = "".join(
    f'[experiments.e{i}]\ncontrol = "A"\nstart = 2026-0{i + 1}-01\nend = 2026-0{i + 1}-15\n' for i in range(4)
)
METRICS = """
[metrics.revenue]
kind = "mean"
role = "primary"
money = true
{revenue}
[metrics.per_visit]
kind = "ratio"
role = "primary"
{ratio}
[metrics.slow]
kind = "proportion"
role = "guardrail"
direction = "down"
non_inferiority_margin = 0.5
{slow}
"""
VALUES = {
    "revenue": 'value = "revenue"\ncovariate = { column = "before" }\n',
    "ratio": 'numerator = { value = "revenue" }\ndenominator = { value = "visits" }\n',
    "slow": 'value = "slow"\n',
}
NO_VALUES = dict.fromkeys(VALUES, "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four experiments of unequal size; what is launched in the first two earns, in the third it does not."""
    rng = np.random.default_rng(9)
    n = 8_000
    test, arm = rng.choice(4, n, p=[0.5, 0.3, 0.15, 0.05]), rng.choice(["A", "B", "C"], n)
    before = rng.gamma(4.0, 5.0, n)
    lift = np.where(arm == "B", np.array([0.2, 0.1, -0.1, 0.0])[test], 0.0)
    made = tmp_path_factory.mktemp("value")
    pd.DataFrame(
        {
            "test": [f"e{i}" for i in test],
            "user": [f"u{i}" for i in range(n)],
            "home": [f"h{i // 2}" for i in range(n)],
            "arm": arm,
            "before": before,
            "revenue": before * (1.0 + lift) + rng.normal(0.0, 4.0, n),
            "visits": 1 + rng.poisson(3, n),
            "slow": (rng.random(n) < 0.3).astype(int),
        }
    ).to_parquet(made / "users.parquet", index=False)
    return made


def found(folder: Path, sources: str, metrics: dict[str, str], *, export: bool = False) -> Portfolio:
    text = f'[study]\nname = "v"\ncurrency = "EUR"\n{sources}{EXPERIMENTS}{METRICS.format(**metrics)}'
    (folder / "abgap.toml").write_text(text, encoding="utf-8")
    with open_analysis(load_study(folder / "abgap.toml"), progress=lambda _: None) as analysis:
        if export:
            write_moments(analysis.moments_and_folds, folder / "moments.parquet", analysis.engine)
        return analysis.portfolio.found


def test_moments_alone_give_the_same_values_as_units(folder: Path) -> None:
    of_units = found(folder, UNITS, VALUES, export=True).decision_rules
    of_moments = found(folder, MOMENTS, NO_VALUES).decision_rules
    names = ["never", "significant:revenue", "significant:per_visit", "abgap"]
    assert [rule.name for rule in of_units] == [rule.name for rule in of_moments] == names
    for one, other in zip(of_units, of_moments, strict=True):
        assert one.launches == other.launches
        for left, right in ((one.lift, other.lift), (one.money_per_year, other.money_per_year)):
            assert isinstance(left, Interval)
            assert isinstance(right, Interval)
            assert (left.estimate, left.low, left.high) == pytest.approx(
                (right.estimate, right.low, right.high), rel=1e-9
            )
    assert of_units[1].launches >= 2.0
    assert of_units[1].lift == of_units[3].lift


def test_randomised_households_are_what_folds_are_made_of(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    n = 3_000
    home = np.arange(n) // 3
    test, arm = (home % 3).astype(str), np.where(home // 3 % 2, "A", "B")
    pd.DataFrame(
        {
            "test": [f"e{i}" for i in test],
            "user": [f"u{i}" for i in range(n)],
            "home": [f"h{i}" for i in home],
            "arm": arm,
            "before": np.ones(n),
            "revenue": rng.normal(10.0, 1.0, n) * np.where(arm == "B", 1.2, 1.0),
            "visits": 1 + rng.poisson(3, n),
            "slow": np.tile([0, 1], n // 2),
        }
    ).to_parquet(tmp_path / "users.parquet", index=False)
    rules = {rule.name: rule for rule in found(tmp_path, HOUSEHOLDS, VALUES).decision_rules}
    lift = rules["significant:revenue"].lift
    assert isinstance(lift, Interval)
    assert rules["significant:revenue"].launches == 3.0
    assert lift.estimate == pytest.approx(0.2, abs=0.02)
    money = rules["significant:revenue"].money_per_year
    assert isinstance(money, Interval)
    # Three experiments in 73 days, each with 1,000 users in 14 days who bring 10 each.
    expected = 0.2 * 10.0 * 1000 / 14 * 365.25 * 3 / 73 * 365.25
    assert money.estimate == pytest.approx(expected, rel=0.1)


def test_units_without_ids_have_no_folds_and_the_refusal_says_it(folder: Path) -> None:
    portfolio = found(folder, WITHOUT_IDS, VALUES)
    assert portfolio.decision_rules == ()
    assert portfolio.refusals[-1].startswith(
        "What a rule for launching earned is not told: there are no moments"
    )
