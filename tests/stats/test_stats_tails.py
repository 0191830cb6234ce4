"""Tail areas and quantiles against scipy.stats."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

import abgap.stats
from abgap.stats import tails

DF = np.array([1.0, 2.5, 14.0, 100.7, 1e6])


def test_t_quantiles_and_tails_agree_with_scipy_stats() -> None:
    p = np.array([1e-12, 0.001, 0.3, 0.5, 0.975, 0.9999])[:, None]
    np.testing.assert_allclose(tails.t_quantile(p, DF), stats.t.ppf(p, DF), rtol=1e-12, atol=1e-15)
    stat = np.array([-30.0, -1.0, 0.0, 2.0, 40.0])[:, None]
    np.testing.assert_allclose(tails.t_sf(stat, DF), stats.t.sf(stat, DF), rtol=1e-12)
    np.testing.assert_allclose(tails.t_two_sided_p(stat, DF), 2 * stats.t.sf(abs(stat), DF), rtol=1e-12)


def test_infinite_degrees_of_freedom_mean_the_normal() -> None:
    assert tails.t_quantile(0.975, np.inf) == pytest.approx(1.959963984540054, rel=1e-15)
    assert tails.t_sf(2.0, np.inf) == pytest.approx(stats.norm.sf(2.0), rel=1e-14)
    assert tails.t_two_sided_p(-2.0, np.inf) == pytest.approx(2 * stats.norm.sf(2.0), rel=1e-14)


def test_normal_tails_keep_their_digits_far_out() -> None:
    stat = np.array([-38.0, -5.0, 0.0, 5.0, 38.0])
    np.testing.assert_allclose(tails.normal_two_sided_p(stat), 2 * stats.norm.sf(np.abs(stat)), rtol=1e-12)
    np.testing.assert_allclose(tails.normal_cdf(stat), stats.norm.cdf(stat), rtol=1e-12)
    np.testing.assert_allclose(tails.normal_quantile([0.025, 0.8]), stats.norm.ppf([0.025, 0.8]), rtol=1e-14)


def test_chi_square_tail_agrees_with_scipy_and_needs_degrees_of_freedom() -> None:
    stat = np.array([0.0, 0.1, 3.84, 200.0])
    np.testing.assert_allclose(tails.chi2_sf(stat, 3), stats.chi2.sf(stat, 3), rtol=1e-12)
    assert np.isnan(tails.chi2_sf(3.0, 0.0))


def test_the_floor_needs_no_slow_imports() -> None:
    modules = [f"abgap.stats.{module.name}" for module in pkgutil.iter_modules(abgap.stats.__path__)]
    heavy = ("scipy.stats", "statsmodels", "pandas")
    code = f"import sys, {', '.join(modules)}; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_undefined_stays_undefined() -> None:
    assert np.isnan(tails.t_two_sided_p(np.nan, 5.0))
    assert np.isnan(tails.t_quantile(0.975, np.nan))
    assert np.isnan(tails.chi2_sf(np.nan, 1.0))
