"""Errors of the portfolio's online effects: from units, from moments of them, from folds, or as declared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.gap.portfolio.data import PortfolioData
from abgap.online.moments import concatenate
from abgap.pipeline.analysis import open_analysis
from abgap.pipeline.cross_moments import cross_moments
from abgap.pipeline.moments_file import write_moments
from abgap.study.load import load_study

Array = npt.NDArray[np.float64]
METRICS = """
[metrics."cl|icks"]
kind = "mean"
role = "primary"
direction = "up"
{clicks}

[metrics.revenue]
kind = "mean"
role = "primary"
direction = "up"
{revenue}

[metrics.latency]
kind = "mean"
role = "primary"
direction = "down"
{latency}

[portfolio]
{portfolio}
"""
VALUES = {name: f'value = "{name}"' for name in ("clicks", "revenue", "latency")}
NO_VALUES = dict.fromkeys(VALUES, "")
UNITS = '[unit_values]\npath = "users.parquet"\ncolumns = { experiment = "test", unit = "user", variant = "arm" }\n'
EXPERIMENTS = "".join(f'[experiments.e{i}]\ncontrol = "A"\n' for i in range(6))


def users() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n = 6_000
    busy = rng.gamma(2.0, 1.0, n)
    return pd.DataFrame(
        {
            "test": rng.choice([f"e{i}" for i in range(6)], n),
            "user": [f"u{i}" for i in range(n)],
            "arm": rng.choice(["A", "B", "C"], n),
            "clicks": rng.poisson(busy).astype(float),
            "revenue": busy * rng.gamma(1.0, 5.0, n),
            "latency": 100.0 + 20.0 * busy + rng.normal(0, 10, n),
        }
    )


def collected(folder: Path, sources: str, metrics: dict[str, str], portfolio: str = "") -> PortfolioData:
    text = f'[study]\nname = "p"\n{sources}{EXPERIMENTS}{METRICS.format(portfolio=portfolio, **metrics)}'
    (folder / "abgap.toml").write_text(text, encoding="utf-8")
    with open_analysis(load_study(folder / "abgap.toml"), progress=lambda _: None) as analysis:
        return analysis.portfolio.data


@pytest.fixture(scope="module")
def of_units(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PortfolioData]:
    folder = tmp_path_factory.mktemp("units")
    users().to_parquet(folder / "users.parquet", index=False)
    found = collected(folder, UNITS, VALUES)
    with open_analysis(load_study(folder / "abgap.toml"), progress=lambda _: None) as analysis:
        bare, plain = analysis.moments, analysis.moments_and_folds
        tables = {"bare": bare, "plain": plain, "all": concatenate([plain, cross_moments(analysis)])}
    for name, moments in tables.items():
        with DuckDBEngine(directory=folder) as engine:
            write_moments(moments, folder / f"{name}.parquet", engine)
    return folder, found


@pytest.fixture
def of_moments(of_units: tuple[Path, PortfolioData], tmp_path: Path) -> Callable[..., PortfolioData]:
    def over(name: str, portfolio: str = "") -> PortfolioData:
        path = (of_units[0] / name).as_posix()
        return collected(tmp_path, f'[moments]\npath = "{path}"\n', NO_VALUES, portfolio)

    return over


def relative(table: pd.DataFrame) -> Array:
    """Covariances of the relative means of an arm; the last axis is turned, so that up is good."""
    values = table[["clicks", "revenue", "latency"]].to_numpy()
    scaled = values / values.mean(axis=0) * np.array([1.0, 1.0, -1.0])
    return np.cov(scaled.T) / len(values)


def noise(data: PortfolioData) -> list[str | None]:
    return [axis.noise for axis in data.axes]


def test_errors_are_those_of_the_units(of_units: tuple[Path, PortfolioData]) -> None:
    data, table = of_units[1], users()
    assert [axis.name for axis in data.axes] == ["cl|icks", "revenue", "latency"]
    assert noise(data) == ["units"] * 3
    assert len(data.effects) == 12
    for arm, (at, treatment) in enumerate(zip(data.effects.experiment, data.treatment, strict=True)):
        of_test = table[table["test"] == data.names[at]]
        control, treated = (relative(of_test[of_test["arm"] == name]) for name in ("A", treatment))
        assert data.effects.covariances[arm] == pytest.approx(control + treated, rel=1e-9)
    for pair, shared in zip(data.effects.pairs, data.effects.shared, strict=True):
        name = data.names[data.effects.experiment[pair[0]]]
        control = relative(table[(table["test"] == name) & (table["arm"] == "A")])
        assert shared == pytest.approx(control, rel=1e-9)


def test_exported_moments_tell_the_same(
    of_units: tuple[Path, PortfolioData], of_moments: Callable[..., PortfolioData]
) -> None:
    found = of_moments("all.parquet")
    assert noise(found) == ["units"] * 3
    assert found.effects.covariances == pytest.approx(of_units[1].effects.covariances, rel=1e-12)
    assert found.effects.shared == pytest.approx(of_units[1].effects.shared, rel=1e-12)


def test_folds_tell_what_all_arms_have_in_common(
    of_units: tuple[Path, PortfolioData], of_moments: Callable[..., PortfolioData]
) -> None:
    found = of_moments("plain.parquet")
    assert noise(found) == ["folds"] * 3
    wanted, got = (each.effects.covariances for each in (of_units[1], found))
    errors = of_units[1].effects.errors
    scale = errors[:, :, None] * errors[:, None, :]
    # Correlations out of 18 arms with nine degrees of freedom each.
    assert got / scale == pytest.approx(wanted / scale, abs=3 / np.sqrt(162))
    assert np.linalg.eigvalsh(got).min() > 0.0


def test_without_folds_the_declared_correlation_stands_in(of_moments: Callable[..., PortfolioData]) -> None:
    found = of_moments("bare.parquet", "noise_correlation = 0.3")
    assert noise(found) == ["declared"] * 3
    errors = found.effects.errors
    assert found.effects.covariances[:, 0, 2] == pytest.approx(0.3 * errors[:, 0] * errors[:, 2], rel=1e-12)
    of_control = np.sqrt(found.effects.shared[:, 0, 0] * found.effects.shared[:, 2, 2])
    assert found.effects.shared[:, 0, 2] == pytest.approx(0.3 * of_control, rel=1e-12)


def with_gains(folder: Path) -> None:
    """The exported moments, in which latency is called as an offline metric is."""
    table = pd.read_parquet(folder / "all.parquet")
    table["metric"] = table["metric"].str.replace("latency", "rmse")
    table[table["slice_name"].isna() & table["fold"].isna()].to_parquet(folder / "gains.parquet")


OFFLINE = '\n[gap]\noffline = ["rmse"]\nbusiness = ["cl|icks", "revenue"]\n'
TWO = dict.fromkeys(("clicks", "revenue"), "")


def of_gains(folder: Path, path: Path, portfolio: str) -> PortfolioData:
    text = f'[study]\nname = "p"\n[moments]\npath = "{path.as_posix()}"\n{EXPERIMENTS}' + METRICS.format(
        portfolio=portfolio + OFFLINE, latency="", **TWO
    )
    start, end = text.index("[metrics.latency]"), text.index("[portfolio]")
    (folder / "abgap.toml").write_text(text[:start] + text[end:], encoding="utf-8")
    with open_analysis(load_study(folder / "abgap.toml"), progress=lambda _: None) as analysis:
        return analysis.portfolio.data


def test_gains_in_moments_of_the_same_units_err_with_the_lifts(
    of_units: tuple[Path, PortfolioData], tmp_path: Path
) -> None:
    with_gains(of_units[0])
    found = of_gains(tmp_path, of_units[0] / "gains.parquet", "offline_noise_correlation = 0.9")
    assert [axis.name for axis in found.axes] == ["rmse", "cl|icks", "revenue"]
    table = users()
    for arm, (at, treatment) in enumerate(zip(found.effects.experiment, found.treatment, strict=True)):
        wanted = 0.0
        for name in ("A", treatment):
            units = table[(table["test"] == found.names[at]) & (table["arm"] == name)]
            clicks = units["clicks"] / units["clicks"].mean()
            wanted -= np.cov(units["latency"], clicks)[0, 1] / len(units)
        assert found.effects.covariances[arm, 0, 1] == pytest.approx(wanted, rel=1e-9)
    for pair, shared in zip(found.effects.pairs, found.effects.shared, strict=True):
        units = table[
            (table["test"] == found.names[found.effects.experiment[pair[0]]]) & (table["arm"] == "A")
        ]
        wanted = -np.cov(units["latency"], units["revenue"] / units["revenue"].mean())[0, 1] / len(units)
        assert shared[0, 2] == pytest.approx(wanted, rel=1e-9)
    assert found.across[0, 1] == found.across[2, 0] == ("units",)
    assert [axis.noise for axis in found.axes] == [None, "units", "units"]


def test_what_gains_and_lifts_have_in_common_is_declared_where_it_is_not_known(
    of_units: tuple[Path, PortfolioData], tmp_path: Path
) -> None:
    with_gains(of_units[0])
    table = pd.read_parquet(of_units[0] / "gains.parquet")
    table[~table["metric"].str.startswith("[")].to_parquet(tmp_path / "bare.parquet")
    alone = of_gains(tmp_path, tmp_path / "bare.parquet", "")
    assert not alone.effects.covariances[:, 0, 1:].any()
    assert not alone.across
    found = of_gains(tmp_path, tmp_path / "bare.parquet", "offline_noise_correlation = -0.4")
    errors = found.effects.errors
    assert found.effects.covariances[:, 0, 2] == pytest.approx(-0.4 * errors[:, 0] * errors[:, 2], rel=1e-12)
    assert not found.effects.covariances[:, 1, 2].any()
    of_control = np.sqrt(found.effects.shared[:, 0, 0] * found.effects.shared[:, 1, 1])
    assert found.effects.shared[:, 0, 1] == pytest.approx(-0.4 * of_control, rel=1e-12)
    assert set(found.across.values()) == {("declared",)}


def test_a_declared_correlation_that_cannot_be_is_pulled_towards_none(
    of_units: tuple[Path, PortfolioData], tmp_path: Path
) -> None:
    with_gains(of_units[0])
    table = pd.read_parquet(of_units[0] / "gains.parquet")
    table[~table["metric"].str.startswith("[")].to_parquet(tmp_path / "bare.parquet")
    found = of_gains(tmp_path, tmp_path / "bare.parquet", "offline_noise_correlation = 0.9")
    errors = found.effects.errors
    # Two unrelated lifts with the same correlation c to one gain: possible up to c = sqrt(1/2).
    assert found.effects.covariances[:, 0, 1] == pytest.approx(
        np.sqrt(0.5) * errors[:, 0] * errors[:, 1], rel=1e-9
    )


def test_with_nothing_known_errors_count_as_unrelated_and_say_so(
    of_moments: Callable[..., PortfolioData],
) -> None:
    found = of_moments("bare.parquet")
    assert noise(found) == ["unknown"] * 3
    assert not found.effects.covariances[:, 0, 2].any()
    assert not found.effects.shared[:, 0, 2].any()
