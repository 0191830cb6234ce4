"""Studies over real data: templates in ``studies/``, written beside nothing of it, each analysed once per session."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any, TypeAlias

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import optimize, stats

from abgap.cli.main import cli
from abgap.pipeline.analysis import open_analysis
from abgap.pipeline.results import make_results
from abgap.records import Estimate, Interval, Results
from abgap.study.load import load_study

STUDIES = Path(__file__).parent / "studies"

Write: TypeAlias = Callable[..., Path]
Analyse: TypeAlias = Callable[..., Results]
Moments: TypeAlias = tuple[float, float, float]


@pytest.fixture(scope="session")
def study_file(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Write a study by the name of its template; other placeholders than ``$data`` are given by name."""

    def write(name: str, **values: str) -> Path:
        text = (STUDIES / f"{name}.toml").read_text(encoding="utf-8")
        for folder in re.findall(r"\$data/(\w+)/", text):
            if not (data_dir / folder).is_dir():
                pytest.skip(f"no {folder} in the shared data")
        file = tmp_path_factory.mktemp(name) / "abgap.toml"
        filled = Template(text).substitute(data=data_dir.resolve().as_posix(), **values)
        file.write_text(filled, encoding="utf-8")
        return file

    return write


@pytest.fixture(scope="session")
def results(study_file: Write) -> Analyse:
    """All results of a study by the name of its template."""
    known: dict[tuple[object, ...], Results] = {}

    def analyse(name: str, **values: str) -> Results:
        key = (name, *sorted(values.items()))
        if key not in known:
            loaded = load_study(study_file(name, **values))
            with open_analysis(loaded, progress=lambda message: None) as analysis:  # noqa: ARG005 - nobody looks
                known[key] = make_results(analysis)
        return known[key]

    return analyse


@pytest.fixture(scope="session")
def reference(data_dir: Path) -> Callable[[str], Any]:
    """The numbers recomputed from the raw files that come with a data set."""

    def read(folder: str) -> Any:
        file = data_dir / folder / "reference.json"
        if not file.is_file():
            pytest.skip(f"no {folder} in the shared data")
        return json.loads(file.read_text(encoding="utf-8"))

    return read


@pytest.fixture(scope="session")
def sql(study_file: Write) -> Callable[..., list[dict[str, Any]]]:
    """Rows of a statement over a study, through the command that users have."""

    def run(name: str, statement: str, **values: str) -> list[dict[str, Any]]:
        study = str(study_file(name, **values))
        arguments = ["sql", "--study", study, "--format", "json", "--quiet", statement]
        done = CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return run


@pytest.fixture(scope="session")
def one() -> Callable[..., Any]:
    """The one record with these values."""

    def pick(records: Any, **values: object) -> Any:
        found = [r for r in records if all(getattr(r, name) == value for name, value in values.items())]
        assert len(found) == 1, (values, len(found))
        return found[0]

    return pick


@pytest.fixture(scope="session")
def whole(one: Callable[..., Any]) -> Callable[..., Estimate]:
    """The estimate of a metric over a whole experiment."""

    def pick(found: Results, **values: object) -> Estimate:
        estimate = one(found.estimates, slice_name=None, period=None, **values)
        assert isinstance(estimate, Estimate)
        return estimate

    return pick


@pytest.fixture(scope="session")
def moments_of() -> Callable[[Any], Moments]:
    """Units, mean and variance of values, by numpy."""

    def compute(values: Any) -> Moments:
        array = np.asarray(values, dtype=np.float64)
        return float(len(array)), float(array.mean()), float(array.var(ddof=1))

    return compute


@pytest.fixture(scope="session")
def fieller() -> Callable[[Moments, Moments], tuple[float, float]]:
    """The bounds of a lift at 5 %, by root finding: every lift that a Welch test does not reject.

    No quadratic is solved: outwards from the estimate until the test rejects, then bisected.
    """

    def bounds(control: Moments, treatment: Moments) -> tuple[float, float]:
        (n_c, m_c, v_c), (n_t, m_t, v_t) = control, treatment
        e_c, e_t = v_c / n_c, v_t / n_t
        df = (e_c + e_t) ** 2 / (e_c**2 / (n_c - 1) + e_t**2 / (n_t - 1))
        critical = float(stats.t.ppf(0.975, df))

        def rejects_by(lift: float) -> float:
            return abs(m_t - (1 + lift) * m_c) / math.sqrt(e_t + (1 + lift) ** 2 * e_c) - critical

        estimate = m_t / m_c - 1
        return tuple(_crossing(rejects_by, estimate, side) for side in (-1, 1))  # type: ignore[return-value]

    return bounds


def _crossing(rejects_by: Callable[[float], float], start: float, side: int) -> float:
    step = 1e-3
    while rejects_by(start + side * step) < 0:
        step *= 1.5
        assert step < 1e9, "the set of lifts has no end on this side"
    return float(optimize.brentq(rejects_by, start, start + side * step, xtol=1e-14, rtol=1e-14))


@pytest.fixture(scope="session")
def agrees_with_welch(
    fieller: Callable[[Moments, Moments], tuple[float, float]],
) -> Callable[[Estimate, dict[str, Any]], None]:
    """Compare an estimate with a reference of Welch's test, everything to 1e-9."""

    def compare(estimate: Estimate, node: dict[str, Any]) -> None:
        assert (estimate.n_control, estimate.n_treatment) == (node["n_c"], node["n_t"])
        assert isinstance(estimate.difference, Interval)
        assert isinstance(estimate.effect_size, Interval)
        assert estimate.value_control is not None
        assert estimate.mde is not None
        found = [
            estimate.value_control,
            estimate.value_treatment,
            estimate.difference.estimate,
            estimate.difference.low,
            estimate.difference.high,
            estimate.p_value,
            estimate.effect_size.estimate,
            estimate.mde * abs(estimate.value_control),
        ]
        names = ("mean_c", "mean_t", "diff", *("ci95",) * 2, "p", "cohen_d", "mde80_abs")
        wanted = [node[name] for name in names]
        wanted[3], wanted[4] = node["ci95"]
        np.testing.assert_allclose(np.array(found, dtype=np.float64), wanted, rtol=1e-9)
        if isinstance(estimate.lift, Interval):
            control, treatment = ((node[f"n_{a}"], node[f"mean_{a}"], node[f"var_{a}"]) for a in "ct")
            lift = [estimate.lift.estimate, estimate.lift.low, estimate.lift.high]
            np.testing.assert_allclose(lift, [node["rel_lift"], *fieller(control, treatment)], rtol=1e-9)

    return compare


@pytest.fixture(scope="session")
def agrees_with_conversion() -> Callable[[Estimate, dict[str, Any]], None]:
    """Compare an estimate with a reference of two proportions: counts exactly, numbers to 1e-9.

    The reference has Wald's interval of the difference, ours is the score interval: within a twentieth of its width.
    """

    def compare(estimate: Estimate, node: dict[str, Any]) -> None:
        assert (estimate.n_control, estimate.n_treatment) == (node["n_c"], node["n_t"])
        assert estimate.value_control is not None
        assert estimate.value_treatment is not None
        successes = (estimate.value_control * node["n_c"], estimate.value_treatment * node["n_t"])
        assert successes == pytest.approx((node["x_c"], node["x_t"]), rel=1e-12)
        assert isinstance(estimate.difference, Interval)
        assert isinstance(estimate.lift, Interval)
        assert isinstance(estimate.effect_size, Interval)
        found = [
            estimate.value_control,
            estimate.value_treatment,
            estimate.difference.estimate,
            estimate.lift.estimate,
            estimate.p_value,
            estimate.effect_size.estimate,
        ]
        names = ("p_c", "p_t", "diff", "rel_lift", "p_two_sided", "cohen_h")
        np.testing.assert_allclose(np.array(found, dtype=np.float64), [node[n] for n in names], rtol=1e-9)
        low, high = node["ci95_wald_unpooled"]
        wald = pytest.approx((low, high), abs=0.05 * (high - low))
        assert (estimate.difference.low, estimate.difference.high) == wald

    return compare
