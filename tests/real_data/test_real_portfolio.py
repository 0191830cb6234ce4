"""Portfolios of real data: arms that share a control, a proxy that users share with its business metric, bare pairs."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abgap.gap.portfolio.data import PortfolioData
from abgap.pipeline.analysis import Analysis, open_analysis
from abgap.pipeline.moments_file import write_moments
from abgap.records import NotEstimable, Portfolio, Reason
from abgap.study.load import load_study

pytestmark = pytest.mark.data

Opened = Callable[..., AbstractContextManager[Analysis]]
ASOS = """
[portfolio]
proxies = ["metric 1"]
[gap]
business = ["metric 4"]
"""


@contextmanager
def opened(file: Path, more: str = "") -> Iterator[Analysis]:
    """Open a study with lines added to it."""
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")
    with open_analysis(load_study(file), progress=lambda message: None) as analysis:  # noqa: ARG005 - nobody looks
        yield analysis


def portfolio_of(file: Path, more: str = "") -> tuple[PortfolioData, Portfolio]:
    """The effects and what is said of them."""
    with opened(file, more) as analysis:
        return analysis.portfolio.data, analysis.portfolio.found


@pytest.fixture(scope="module")
def peska(study_file: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The study of the twelve recommenders, and the file of its moments."""
    file = study_file("peska_ht2020")
    moments = tmp_path_factory.mktemp("moments") / "moments.parquet"
    with opened(file) as analysis:
        write_moments(analysis.moments, moments, analysis.engine)
    return file, moments


def test_twelve_arms_share_one_control(peska: tuple[Path, Path], data_dir: Path) -> None:
    data, found = portfolio_of(peska[0])
    users = pd.read_csv(data_dir / "peska_ht2020" / "peska_ht2020_user_level.csv")
    effects = data.effects
    assert (effects.experiments, len(effects), len(effects.pairs)) == (1, 11, 55)
    errors: dict[str, list[float]] = {}
    for arm in range(12):
        of_arm = users[users["variant"] == arm]
        rate = of_arm["clicks"].sum() / of_arm["impressions"].sum()
        linear = (of_arm["clicks"] - rate * of_arm["impressions"]) / of_arm["impressions"].mean() / rate
        orders = of_arm["orders"] / of_arm["orders"].mean()
        errors.setdefault("ctr", []).append(float(linear.var(ddof=1)) / len(of_arm))
        errors.setdefault("orders_per_user", []).append(float(orders.var(ddof=1)) / len(of_arm))
    for metric, of_arms in errors.items():
        axis = data.axis(metric)
        own = effects.covariances[:, axis, axis]
        np.testing.assert_allclose(own, [of_arms[0] + each for each in of_arms[1:]], rtol=1e-9)
        np.testing.assert_allclose(effects.shared[:, axis, axis], of_arms[0], rtol=1e-9)
        together = effects.axes([axis]).dense()
        assert np.linalg.eigvalsh(together)[0] > 0.0
    assert "No correlation and no slope: 1 experiment, at least 5 are needed." in found.refusals
    # 11 arms x 3 offline metrics; each gain is one, though it is held against two business metrics.
    assert any(text.startswith("33 offline gains came without an interval") for text in found.refusals)
    assert found.correlation is None
    assert found.transfer is None


def test_moments_alone_say_the_same(peska: tuple[Path, Path], tmp_path: Path) -> None:
    units, from_units = portfolio_of(peska[0])
    text = peska[0].read_text(encoding="utf-8")
    start, end = text.index("[unit_values]"), text.index("[experiments.recommender]")
    lines = f"{text[:start]}[moments]\npath = '{peska[1].as_posix()}'\n\n{text[end:]}".splitlines()
    kept = [line for line in lines if not line.startswith(("numerator", "denominator", "value = "))]
    file = tmp_path / "abgap.toml"
    file.write_text("\n".join(kept), encoding="utf-8")
    assert "moments" in tomllib.loads(file.read_text(encoding="utf-8"))
    moments, from_moments = portfolio_of(file)
    assert [axis.noise for axis in moments.axes] == [axis.noise for axis in units.axes]
    for name in ("values", "covariances", "shared"):
        wanted = getattr(units.effects, name)
        np.testing.assert_allclose(getattr(moments.effects, name), wanted, rtol=1e-9, atol=1e-15)
    assert [asdict(cells) for cells in from_moments.nine_cells] == [
        asdict(cells) for cells in from_units.nine_cells
    ]


def test_a_retailers_quick_metric_is_held_against_its_spend(study_file: Callable[..., Path]) -> None:
    data, found = portfolio_of(study_file("asos_dev", snapshot="max"), ASOS)
    (pair,) = found.pairs
    assert (pair.predictor, pair.business_metric, found.n_experiments) == ("metric 1", "metric 4", 39)
    assert (len(data.effects), pair.arms, pair.untrusted) == (50, 42, 8)
    quick, slow = data.significant.T
    alone = data.trusted & (np.abs(quick) == 1.0) & (slow == 0.0)
    assert int(alone.sum()) == 3
    (sentence,) = [note for note in pair.notes if "did not move measurably" in note]
    assert sentence.startswith("Metric 1 moved and metric 4 did not move measurably in 3 arms: ")
    for row in np.flatnonzero(alone):
        assert data.names[data.effects.experiment[row]] in sentence
    # Both are measured on the same users: how much their errors go together is not told by the data.
    assert pair.noise_corrected is not None
    assert {axis.noise for axis in data.axes} == {"unknown"}
    assert (
        sum("it is not known, and taken as 0" in line.sentence for line in pair.noise_corrected.sensitivity)
        == 4
    )
    declared = "\n[portfolio]\nnoise_correlation = 0.5"
    with opened(study_file("asos_dev", snapshot="max"), ASOS.replace("\n[portfolio]", declared)) as analysis:
        data = analysis.portfolio.data
    quick_error, slow_error = data.effects.errors.T
    np.testing.assert_allclose(data.effects.covariances[:, 0, 1], 0.5 * quick_error * slow_error, rtol=1e-9)


def test_published_pairs_say_what_cannot_be_said_of_them(study_file: Callable[..., Path]) -> None:
    data, found = portfolio_of(study_file("published_pairs"))
    (pair,) = found.pairs
    assert (pair.experiments, pair.arms) == (6, 10)
    assert np.isnan(data.effects.errors).all()
    unknown = "No correlation and no slope: standard errors of gains and of lifts are not known"
    assert found.refusals[0] == f"{unknown}, nor is their reliability."
    assert pair.noise_corrected is not None
    assert isinstance(pair.noise_corrected.slope, NotEstimable)
    assert pair.noise_corrected.slope.reason is Reason.NO_INTERVAL_GIVEN
    assert (found.transfer, found.smallest_gain_worth_testing) == (None, None)
    assert found.sign_agreement is not None
    assert found.sign_agreement.experiments == 5


def test_thousands_of_headline_tests_are_one_portfolio(study_file: Callable[..., Path]) -> None:
    file = study_file("upworthy_dev")
    with opened(file) as analysis:
        data = analysis.portfolio.data
        compared = len(analysis.scorecard.pairs.treatment)
    assert len(data.names) == 2_488
    assert int(np.isfinite(data.effects.values).sum()) <= compared
    assert len(data.effects.pairs) == sum(
        count * (count - 1) // 2 for count in np.bincount(data.effects.experiment)
    )
    measured = data.effects.with_errors
    both = measured[data.effects.pairs].all(axis=1)
    assert (data.effects.shared[both, 0, 0] > 0.0).all()
