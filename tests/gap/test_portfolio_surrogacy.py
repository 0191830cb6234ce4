"""Two associations side by side: over units within arms, and over experiments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from abgap.gap.portfolio.surrogacy import _sentence
from abgap.pipeline.analysis import open_analysis
from abgap.records import Interval, NotEstimable, Portfolio, Reason
from abgap.records.portfolio import Surrogacy
from abgap.stats.moments import Joint
from abgap.stats.portfolio.surrogacy import individual_association
from abgap.study.load import load_study

Array = npt.NDArray[np.float64]


def arms(rng: np.random.Generator, experiments: int) -> tuple[list[Array], npt.NDArray[np.intp]]:
    """Two arms of each experiment, with units that have two values; the scale differs from one to the next."""
    found, of = [], []
    for experiment in range(experiments):
        for lift in (1.0, 1.2):
            busy = rng.gamma(3.0, 1.0, rng.integers(150, 900))
            scale = rng.uniform(0.5, 20.0)
            found.append(
                np.stack([busy + rng.gamma(1.0, 1.0, busy.size), scale * lift * (busy + 2.0)], axis=1)
            )
            of.append(experiment)
    return found, np.array(of, dtype=np.intp)


def joint(found: list[Array]) -> Joint:
    return Joint(
        n=np.array([len(arm) for arm in found], dtype=np.float64),
        means=np.array([arm.mean(axis=0) for arm in found]),
        covariances=np.array([np.cov(arm.T) for arm in found]),
    )


def test_the_association_within_arms_is_that_of_their_units() -> None:
    found, of = arms(np.random.default_rng(1), 7)
    individual = individual_association(joint(found), of, 0.05)
    correlations, slopes = [], []
    for experiment in range(7):
        inside = [arm / arm.mean(axis=0) - 1.0 for arm, at in zip(found, of, strict=True) if at == experiment]
        x, y = np.concatenate(inside).T
        correlations.append(stats.pearsonr(x, y).statistic)
        slopes.append(stats.linregress(x, y).slope)
    assert individual.units == sum(map(len, found))
    for bounds, values, back in (
        (individual.correlation, np.arctanh(correlations), np.tanh),
        (individual.slope, np.array(slopes), lambda x: x),
    ):
        assert bounds is not None
        expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
        assert float(bounds.estimate) == pytest.approx(float(back(values.mean())), rel=1e-9)
        assert (float(bounds.low), float(bounds.high)) == pytest.approx(
            (float(back(expected.low)), float(back(expected.high))), rel=1e-9
        )


def test_a_few_experiments_have_no_interval_and_arms_without_spread_do_not_count() -> None:
    found, of = arms(np.random.default_rng(1), 5)
    whole = joint(found)
    assert individual_association(whole, of, 0.05).slope is not None
    flat = replace(whole, means=np.where(of[:, None] == 0, -1.0, whole.means))
    few = individual_association(flat, of, 0.05)
    assert (few.experiments, few.correlation, few.slope) == (4, None, None)
    nothing = Joint(n=np.zeros(0), means=np.zeros((0, 2)), covariances=np.zeros((0, 2, 2)))
    assert individual_association(nothing, np.zeros(0, dtype=np.intp), 0.05).units == 0


def interval(low: float, high: float) -> Interval:
    return Interval(estimate=(low + high) / 2, low=low, high=high, level=0.95, method="t")


@pytest.mark.parametrize(
    ("units", "experiments", "said"),
    [
        (interval(0.5, 0.6), interval(0.0, 0.2), "They differ, because what makes a unit"),
        (interval(0.5, 0.6), interval(0.3, 0.9), "The two agree as far as experiments tell"),
        (interval(0.5, 0.6), interval(-0.9, -0.3), "opposite directions"),
        (interval(-0.6, -0.5), interval(0.3, 0.9), "opposite directions"),
        (
            interval(0.5, 0.6),
            NotEstimable(reason=Reason.NO_SIGNAL, detail="no signal"),
            "no signal. That units",
        ),
        (
            NotEstimable(reason=Reason.NO_VARIANCE_GIVEN, detail="no units"),
            interval(0.3, 0.9),
            "no units; between",
        ),
    ],
)
def test_the_sentence_says_what_to_make_of_both(
    units: Interval | NotEstimable, experiments: Interval | NotEstimable, said: str
) -> None:
    sentence = _sentence(("<clicks>", "revenue"), units, experiments)
    assert said in sentence
    assert sentence.endswith(".")
    assert "<clicks>" in sentence


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> Portfolio:
    """Twelve experiments: busy users click and buy more, but what brings clicks brings nothing else."""
    folder: Path = tmp_path_factory.mktemp("surrogacy")
    rng = np.random.default_rng(6)
    tables = []
    for at in range(12):
        clicks, revenue = 1.0 + rng.normal(0.0, 0.3), 1.0 + rng.normal(0.0, 0.3)
        for arm in ("A", "B"):
            busy = rng.gamma(3.0, 1.0, 400)
            more = np.array([clicks, revenue]) if arm == "B" else np.ones(2)
            tables.append(
                pd.DataFrame({"test": f"e{at}", "arm": arm, "c": more[0] * (busy + 1.0), "r": more[1] * busy})
            )
    units = pd.concat(tables, ignore_index=True)
    units.assign(user=[f"u{i}" for i in range(len(units))]).to_parquet(folder / "users.parquet", index=False)
    (folder / "abgap.toml").write_text(
        '[study]\nname = "s"\n[unit_values]\npath = "users.parquet"\n'
        'columns = { experiment = "test", unit = "user", variant = "arm" }\n'
        + "".join(f'[experiments.e{at}]\ncontrol = "A"\n' for at in range(12))
        + '[metrics."<clicks>"]\nkind = "mean"\nvalue = "c"\n[metrics.revenue]\nkind = "mean"\nvalue = "r"\n'
        + '[gap]\nbusiness = ["revenue"]\n[portfolio]\nproxies = ["<clicks>"]\n',
        encoding="utf-8",
    )
    with open_analysis(load_study(folder / "abgap.toml"), progress=lambda _: None) as analysis:
        return analysis.portfolio.found


def test_what_users_have_in_common_is_not_what_changes_bring(portfolio: Portfolio) -> None:
    (pair,) = portfolio.pairs
    found = pair.surrogacy
    assert isinstance(found, Surrogacy)
    assert found.units == 12 * 2 * 400
    assert isinstance(found.individual_correlation, Interval)
    assert found.individual_correlation.low > 0.99
    assert isinstance(found.individual_slope, Interval)
    # busy / 3 over (busy + 1) / 4
    assert found.individual_slope.estimate == pytest.approx(4 / 3, rel=0.01)
    assert pair.noise_corrected is not None
    assert found.experiment_correlation == pair.noise_corrected.correlation
    assert isinstance(found.experiment_slope, Interval)
    assert found.experiment_slope.high < found.individual_slope.low
    assert "They differ" in found.sentence
    # The errors of both metrics are nearly the same, so that noise alone would make a line of slope 4/3.
    assert pair.noise_corrected.noise_xy is not None
    assert pair.noise_corrected.noise_xx is not None
    ratio = pair.noise_corrected.noise_xy / pair.noise_corrected.noise_xx
    assert ratio == pytest.approx(4 / 3, rel=0.01)
