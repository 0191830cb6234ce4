"""What all tests share: where the real data is, moments by numpy, and property tests that never change."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings

from abgap.stats.moments import Bivariate, Univariate

Values: TypeAlias = npt.NDArray[np.float64]

# The same examples each time, so that more of them find nothing new after the first run.
settings.register_profile("deterministic", derandomize=True, deadline=None, database=None, max_examples=30)
settings.load_profile("deterministic")

# A run in the background of a shell ignores Ctrl-C, and hands that down to the commands whose Ctrl-C is tested here.
signal.signal(signal.SIGINT, signal.default_int_handler)

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("spark") is None)


def pytest_collection_finish() -> None:
    """What is imported by now stays to the end: looking for garbage among it was a tenth of all the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish() -> None:
    """Leave the end of the process as it would have been."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the shared real data sets; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("ABGAP_DATA", DEFAULT_DATA))
    if not folder.is_dir():
        pytest.skip("no shared real data: set ABGAP_DATA to its folder")
    return folder


def _univariate(values: Values) -> Univariate:
    n = len(values)
    return Univariate(
        n=np.array(n),
        mean=np.array(np.mean(values) if n else np.nan),
        variance=np.array(np.var(values, ddof=1) if n > 1 else np.nan),
    )


def _bivariate(y: Values, x: Values) -> Bivariate:
    n = len(y)
    covariance = np.cov(y, x, ddof=1) if n > 1 else np.full((2, 2), np.nan)
    return Bivariate(
        n=np.array(n),
        mean_y=np.array(np.mean(y) if n else np.nan),
        variance_y=covariance[0, 0],
        mean_x=np.array(np.mean(x) if n else np.nan),
        variance_x=covariance[1, 1],
        covariance=covariance[0, 1],
    )


@pytest.fixture(scope="session")
def univariate() -> Callable[[Values], Univariate]:
    """Moments of one value per unit, computed by numpy."""
    return _univariate


@pytest.fixture(scope="session")
def bivariate() -> Callable[[Values, Values], Bivariate]:
    """Moments of two values per unit, computed by numpy."""
    return _bivariate


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests neither read nor fill the cache of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ABGAP_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield
