"""5,000 experiments with 20 metrics each, from a moments table: ``abgap portfolio`` beside a loop over statsmodels.

Run with ``python -m benchmarks.portfolio`` (a folder for its files as argument, else a new one). Both sides get means,
variances and numbers of units, and test every cell by Welch with an interval, corrected within experiments; abgap adds
lifts, power and what experiments say together. It is timed twice: as a whole process, with interpreter, imports and
reading; and from the moments in memory on, as the loop is, which is timed on a part of the cells. Seconds are those of
processors, so that other work on the machine counts little.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from abgap.pipeline.analysis import open_analysis
from abgap.study.load import load_study

EXPERIMENTS, METRICS = 5_000, 20
LOOPED = 200
RUNS = 3

Values = npt.NDArray[np.float64]


def make_study(folder: Path) -> tuple[Values, Values, Values]:
    """Write the study; its units (experiments,), means and variances (experiments, metrics, arms)."""
    rng = np.random.default_rng(1)
    units = np.floor(np.exp(rng.uniform(np.log(2e3), np.log(2e5), EXPERIMENTS)))
    base = 10.0 + np.arange(METRICS)
    lift = 0.01 * rng.normal(size=(EXPERIMENTS, METRICS)) + 0.02 * rng.normal(size=(EXPERIMENTS, 1))
    means = base[None, :, None] * np.stack([np.ones_like(lift), 1.0 + lift], axis=-1)
    variances = np.broadcast_to((1.5 * base[None, :, None]) ** 2, means.shape)
    means = means + np.sqrt(variances / units[:, None, None]) * rng.normal(size=means.shape)
    _write_moments(folder / "moments.parquet", units, means, variances)
    names = "\n".join(f"e{i:04d},A" for i in range(EXPERIMENTS))
    (folder / "experiments.csv").write_text(f"experiment,control\n{names}\n")
    metrics = "".join(
        f'[metrics.m{j:02d}]\nkind = "mean"\nsmallest_worthwhile_lift = 0.01\n{_role(j)}'
        for j in range(METRICS)
    )
    proxies = ", ".join(f'"m{j:02d}"' for j in range(1, 4))
    (folder / "abgap.toml").write_text(
        '[study]\nname = "Thousands"\n[moments]\npath = "moments.parquet"\n[experiments]\npath = "experiments.csv"\n'
        'columns = { experiment = "experiment", control = "control" }\n'
        '[gap]\nbusiness = ["m00"]\n'
        f"[portfolio]\nproxies = [{proxies}]\nnoise_correlation = 0.0\n{metrics}"
    )
    return units, means, variances


def _role(metric: int) -> str:
    return 'role = "primary"\n' if metric == 0 else ""


def _write_moments(file: Path, units: Values, means: Values, variances: Values) -> None:
    experiment, metric, arm = (index.ravel() for index in np.indices(means.shape))
    columns = {"e": experiment, "m": metric, "a": arm, "n": units[experiment]}
    columns |= {"mean": means.ravel(), "variance": variances.ravel()}
    with duckdb.connect() as connection:
        connection.register("cells", columns)
        connection.execute(
            "copy (select format('e{:04d}', e) as experiment, if(a = 0, 'A', 'B') as variant, "
            f"format('m{{:02d}}', m) as metric, n, mean, variance from cells) to '{file}' (format parquet)"
        )


def by_abgap(folder: Path) -> float:
    """Seconds of the whole process, the quickest run."""
    command = [sys.executable, "-m", "abgap", "portfolio", "--json", "--quiet", "--no-cache"]
    seconds = []
    for _ in range(RUNS):
        before = _of_children()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        seconds.append(_of_children() - before)
    return min(seconds)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_arrays(folder: Path) -> float:
    """Seconds from the moments in memory to the portfolio, the quickest run: imports are those of the first."""
    study = load_study(folder / "abgap.toml")
    seconds = []
    for _ in range(RUNS):
        with open_analysis(study, progress=lambda _: None) as analysis:
            _ = analysis.moments
            start = time.process_time()
            _ = analysis.scorecard, analysis.portfolio.found
            seconds.append(time.process_time() - start)
    return min(seconds)


def by_statsmodels(units: Values, means: Values, variances: Values) -> float:
    """Seconds of the loop over all cells, reckoned from ``LOOPED`` experiments."""
    from statsmodels.stats.multitest import multipletests  # noqa: PLC0415 - not part of what is timed
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW  # noqa: PLC0415

    start = time.process_time()
    for i in range(LOOPED):
        p_values = []
        for j in range(METRICS):
            # Two points with the weights of all units have their mean and variance.
            spread = np.sqrt(variances[i, j] * (units[i] - 1.0) / units[i])
            control, treatment = (
                DescrStatsW([means[i, j, a] - spread[a], means[i, j, a] + spread[a]], [units[i] / 2.0] * 2)
                for a in (0, 1)
            )
            compared = CompareMeans(treatment, control)
            p_values.append(compared.ttest_ind(usevar="unequal")[1])
            compared.tconfint_diff(usevar="unequal")
        multipletests(p_values, method="fdr_bh")
    return (time.process_time() - start) * EXPERIMENTS / LOOPED


def main() -> None:
    """Print all three, and their ratios."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    given = make_study(folder)
    loop, whole, arrays = by_statsmodels(*given), by_abgap(folder), of_arrays(folder)
    print(f"{EXPERIMENTS:,} experiments x {METRICS} metrics, seconds of processors")
    print(f"loop over statsmodels, {LOOPED * METRICS:,} cells timed: {loop:.1f} s")
    print(f"abgap portfolio, whole process: {whole:.1f} s, {loop / whole:.1f}x")
    print(f"estimates, corrections and portfolio, moments in memory: {arrays:.1f} s, {loop / arrays:.1f}x")


if __name__ == "__main__":
    main()
