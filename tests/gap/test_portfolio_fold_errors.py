"""How errors go together by the folds of units: only where the folds tell it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from abgap.gap.portfolio.fold_errors import correlation_of_folds
from abgap.online.moments import make_rows
from abgap.records import Moments

ARMS, FOLDS = 8, 10


def of_folds() -> Moments:
    """Two metrics in the folds of eight arms, whose deviations go together by .8."""
    rng = np.random.default_rng(3)
    means = 10.0 + rng.multivariate_normal([0.0, 0.0], [[1.0, 0.8], [0.8, 1.0]], (ARMS, FOLDS)) / 10.0
    keys = [(f"e{a}", m, f) for a in range(ARMS) for f in range(FOLDS) for m in ("clicks", "revenue")]
    experiment, metric, fold = (np.array(column, dtype=object) for column in zip(*keys, strict=True))
    columns = {
        "experiment": experiment,
        "variant": np.full(len(keys), "A", dtype=object),
        "metric": metric,
        "fold": fold,
        "n": np.full(len(keys), 100.0),
        "mean": means.ravel(),
        "variance": np.full(len(keys), 1.0),
    }
    return make_rows(len(keys), columns)


def test_deviations_of_folds_tell_the_correlation() -> None:
    found = correlation_of_folds(of_folds(), ["clicks", "revenue"])
    assert found is not None
    assert abs(found[0, 1] - 0.8) < 0.15


def test_folds_do_not_tell_what_covariates_leave() -> None:
    moments = of_folds()
    adjusted = np.where(moments.metric == "clicks", 5.0, np.nan)
    found = correlation_of_folds(replace(moments, covariate_mean=adjusted), ["clicks", "revenue"])
    assert found is not None
    assert np.isnan(found[0, 1])
