"""Records what gbstats, the statistics of GrowthBook, gives for data of a seeded generator: gbstats.json.

It needs numpy and pandas before version 2, so it runs in an environment of its own, never in the tests:

    python -m venv gbstats-env
    gbstats-env/bin/pip install --requirement benchmarks/peers/gbstats.txt
    gbstats-env/bin/python tests/golden/gbstats_record.py > tests/golden/gbstats.json

The moments that go in stand beside the numbers that come out, so that nothing depends on the generator's version.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any

import numpy as np
from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
from gbstats.frequentist.tests import (
    FrequentistConfig,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import (
    ProportionStatistic,
    QuantileClusteredStatistic,
    QuantileStatistic,
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
)
from gbstats.utils import check_srm

Arm = dict[str, Any]

SEED = 20260104
TUNING = 5000.0
PRIOR = {"mean": 0.01, "sd": 0.05}


def moments(y: np.ndarray[Any, Any], x: np.ndarray[Any, Any] | None = None) -> Arm:
    """Moments of units of one arm, with those of a second value."""
    arm: Arm = {"n": len(y), "mean_y": float(y.mean()), "variance_y": float(y.var(ddof=1))}
    if x is not None:
        arm |= {"mean_x": float(x.mean()), "variance_x": float(x.var(ddof=1))}
        arm["covariance"] = float(np.cov(y, x)[0, 1])
    return arm


def sums(arm: Arm, name: str) -> SampleMeanStatistic:
    """The sums of one value, as gbstats takes them."""
    n, mean, variance = arm["n"], arm[f"mean_{name}"], arm[f"variance_{name}"]
    return SampleMeanStatistic(n=n, sum=n * mean, sum_squares=(n - 1) * variance + n * mean**2)


def product(arm: Arm) -> float:
    """The sum of products of both values."""
    return float((arm["n"] - 1) * arm["covariance"] + arm["n"] * arm["mean_y"] * arm["mean_x"])


def statistic(kind: str, arm: Arm) -> Any:
    """An arm as gbstats has it."""
    if kind == "proportion":
        return ProportionStatistic(n=arm["n"], sum=arm["successes"])
    if kind == "quantile":
        return QuantileStatistic(**arm)
    if kind == "clustered quantile":
        return QuantileClusteredStatistic(**arm)
    if kind == "mean":
        return sums(arm, "y")
    parts = {"n": arm["n"]}
    if kind == "ratio":
        return RatioStatistic(
            **parts, m_statistic=sums(arm, "y"), d_statistic=sums(arm, "x"), m_d_sum_of_products=product(arm)
        )
    return RegressionAdjustedStatistic(
        **parts,
        post_statistic=sums(arm, "y"),
        pre_statistic=sums(arm, "x"),
        post_pre_sum_of_products=product(arm),
        theta=0.0,  # computed by the test from both arms
    )


def frequentist(kind: str, arms: list[Arm], *, relative: bool, sequential: bool) -> Arm:
    """The two-sided test."""
    config: Any = {"alpha": 0.05, "difference_type": "relative" if relative else "absolute"}
    a, b = (statistic(kind, arm) for arm in arms)
    if sequential:
        config = SequentialConfig(**config, sequential_tuning_parameter=TUNING)
        found = SequentialTwoSidedTTest(a, b, config).compute_result()
    else:
        found = TwoSidedTTest(a, b, FrequentistConfig(**config)).compute_result()
    assert found.error_message is None, found.error_message
    return {"estimate": found.expected, "low": found.ci[0], "high": found.ci[1], "p": found.p_value}


def bayesian(kind: str, arms: list[Arm], *, proper: bool, inverse: bool) -> Arm:
    """The posterior of the lift."""
    prior = GaussianPrior(mean=PRIOR["mean"], variance=PRIOR["sd"] ** 2, proper=proper)
    config = EffectBayesianConfig(
        difference_type="relative", alpha=0.05, prior_type="relative", prior_effect=prior, inverse=inverse
    )
    a, b = (statistic(kind, arm) for arm in arms)
    found = EffectBayesianABTest(a, b, config).compute_result()
    names = {"estimate": found.expected, "low": found.ci[0], "high": found.ci[1]}
    return names | {
        "better": found.chance_to_win,
        "risk_control": found.risk[0],
        "risk_treatment": found.risk[1],
    }


def quantile_arm(rng: np.random.Generator, scale: float, nu: float, *, clustered: bool) -> Arm:
    """Values of events with the order statistics that gbstats asks for; users with several events each."""
    users = 400
    events = rng.poisson(4.0, users) + 1 if clustered else np.ones(users * 5, dtype=int)
    taste = rng.gamma(3.0, 1.0, len(events))
    user = np.repeat(np.arange(len(events)), events)
    values = np.round(scale * taste[user] * rng.gamma(4.0, 0.25, len(user)), 4)
    if not clustered:
        values = np.round(scale * rng.gamma(3.0, 1.0, len(user)), 4)
    ordered, n = np.sort(values), len(values)
    half = 1.959963984540054 * np.sqrt(nu * (1 - nu) / n)
    low, mid, high = np.quantile(ordered, [nu - half, nu, nu + half])
    arm: Arm = {
        "n": n, "n_star": n, "nu": nu, "quantile_hat": float(mid), "quantile_lower": float(low),
        "quantile_upper": float(high),
    }  # fmt: skip
    if clustered:
        below = np.bincount(user, weights=values <= mid, minlength=users)
        arm |= {
            "main_sum": float(below.sum()),
            "main_sum_squares": float((below**2).sum()),
            "denominator_sum": float(events.sum()),
            "denominator_sum_squares": float((events**2).sum()),
            "main_denominator_sum_product": float((below * events).sum()),
            "n_clusters": users,
        }
        arm["values"], arm["users"] = values.tolist(), user.tolist()
    return arm


def make_arms(rng: np.random.Generator) -> dict[str, tuple[str, list[Arm]]]:
    """Cases by name: kind of statistic, control and treatment."""
    cases: dict[str, tuple[str, list[Arm]]] = {}
    for name, sizes in (("large", (4000, 3500)), ("small and unequal", (25, 60))):
        money = [rng.gamma(1.5, 20.0 * lift, n) for n, lift in zip(sizes, (1.0, 1.06), strict=True)]
        cases[f"mean, {name}"] = ("mean", [moments(y) for y in money])
        sessions = [rng.poisson(4.0 * rng.gamma(2.0, 0.5, n)) + 1.0 for n in sizes]
        clicks = [rng.binomial(x.astype(int), p) for x, p in zip(sessions, (0.30, 0.31), strict=True)]
        cases[f"ratio, {name}"] = ("ratio", [moments(y, x) for y, x in zip(clicks, sessions, strict=True)])
        before = [rng.gamma(2.0, 5.0, n) for n in sizes]
        after = [x * lift + rng.gamma(2.0, 3.0, len(x)) for x, lift in zip(before, (1.0, 1.05), strict=True)]
        cases[f"covariate, {name}"] = (
            "covariate",
            [moments(y, x) for y, x in zip(after, before, strict=True)],
        )
        level = [x - x.mean() + 10.0 for x in before]
        balanced = [moments(y, x) for y, x in zip(after, level, strict=True)]
        for arm in balanced:
            arm["mean_x"] = 10.0
        cases[f"balanced covariate, {name}"] = ("covariate", balanced)
    cases["negative control"] = ("mean", [moments(rng.normal(m, 3.0, 900)) for m in (-2.0, -1.7)])
    cases["proportion"] = ("proportion", [{"n": 5000, "successes": 480}, {"n": 4800, "successes": 530}])
    return cases


def record() -> list[Arm]:
    """All cases with what gbstats says."""
    rng = np.random.default_rng(SEED)
    cases = []
    for name, (kind, arms) in make_arms(rng).items():
        results = {
            f"{'sequential' if sequential else 'fixed'}, {'relative' if relative else 'absolute'}": frequentist(
                kind, arms, relative=relative, sequential=sequential
            )
            for sequential in (False, True)
            for relative in (False, True)
        }
        if kind in {"mean", "ratio"}:
            results |= {
                "posterior, flat": bayesian(kind, arms, proper=False, inverse=False),
                "posterior": bayesian(kind, arms, proper=True, inverse=False),
                "posterior, less is better": bayesian(kind, arms, proper=True, inverse=True),
            }
        cases.append({"name": name, "kind": kind, "arms": arms, "results": results})
    for nu in (0.5, 0.9):
        for clustered in (False, True):
            kind = "clustered quantile" if clustered else "quantile"
            arms = [quantile_arm(rng, scale, nu, clustered=clustered) for scale in (1.0, 1.08)]
            events = [{name: arm.pop(name) for name in ("values", "users") if name in arm} for arm in arms]
            results = {"fixed, absolute": frequentist(kind, arms, relative=False, sequential=False)}
            variances = [float(statistic(kind, arm).variance / arm["n"]) for arm in arms]
            case: Arm = {"name": f"{kind} {nu}", "kind": kind, "arms": arms, "results": results}
            cases.append(case | {"variances": variances, "events": events})
    return cases


def record_srm() -> list[Arm]:
    """Sample ratios."""
    given = [([5000, 5150], [0.5, 0.5]), ([900, 120, 80], [0.8, 0.1, 0.1]), ([100000, 25500], [4.0, 1.0])]
    return [{"counts": c, "weights": w, "p": float(check_srm(c, w))} for c, w in given]


if __name__ == "__main__":
    names = ("gbstats", "numpy", "scipy")
    head = {"versions": {name: version(name) for name in names}, "tuning": TUNING, "prior": PRIOR}
    lines = [f'"{key}": {json.dumps(value)}' for key, value in head.items()]
    for key, found in (("cases", record()), ("sample_ratio", record_srm())):
        lines.append(f'"{key}": [\n' + ",\n".join(json.dumps(case) for case in found) + "\n]")
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")
