"""A workbench: write tables, declare a study, get its moments, without any floor above."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.online.clusters import add_up_clusters, plan_of
from abgap.online.experiments import DeclaredExperiment, declared_experiments, register_experiments
from abgap.online.logs import units_from_logs
from abgap.online.moments import make_moments
from abgap.online.plan import make_plan
from abgap.online.sums import Sums, sum_units
from abgap.online.unit_values import units_from_values
from abgap.online.views import open_views
from abgap.online.wide import WideTable
from abgap.records import Moments
from abgap.study.load import check_study
from abgap.study.model import Study

Declared: TypeAlias = Mapping[str, Any]


def silent(message: str) -> None:
    """No progress."""


def study_of(declared: Declared) -> Study:
    """A study from what its file would say; one experiment ``e`` with control A unless it says otherwise."""
    return check_study({"experiments": {"e": {"control": "A"}}} | dict(declared))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All stages of one run, while its engine is open."""

    engine: DuckDBEngine
    study: Study
    declared: dict[str, DeclaredExperiment]
    wide: WideTable
    sums: Sums
    moments: Moments

    def outcomes(self) -> pd.DataFrame:
        """The wide table, by unit."""
        found = self.engine.run("SELECT * FROM unit_outcomes ORDER BY experiment, unit")
        names = [str(column[0]) for column in found.description or []]
        return pd.DataFrame(found.fetchall(), columns=names)


class Workbench:
    """Tables in a folder, and studies over them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def parquet(self, name: str, columns: Mapping[str, Any] | pd.DataFrame) -> Path:
        """Write a parquet file."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(columns).to_parquet(path, index=False)
        return path

    def text(self, name: str, content: str) -> Path:
        """Write a text file."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="")
        return path

    @contextmanager
    def run(self, declared: Declared, *, threads: int = 2, settings: tuple[str, ...] = ()) -> Iterator[Run]:
        """Run a study up to its moments."""
        study = study_of(declared)
        with DuckDBEngine(directory=self.directory, threads=threads) as engine:
            for setting in settings:
                engine.run(setting)
            experiments = declared_experiments(engine, study, self.directory)
            register_experiments(engine, list(experiments.values()))
            units, plan = make_plan(study), plan_of(study)
            if study.unit_values is not None:
                wide = units_from_values(engine, study, study.unit_values, units, self.directory, silent)
            else:
                assert study.exposures is not None
                views = open_views(engine, study, self.directory)
                wide = units_from_logs(engine, study, study.exposures, units, views, silent)
            if wide.of_members:
                wide = add_up_clusters(engine, study, wide)
            sums = sum_units(engine, plan, wide, progress=silent)
            moments = make_moments(sums, {name: e.variants for name, e in experiments.items()})
            yield Run(engine=engine, study=study, declared=experiments, wide=wide, sums=sums, moments=moments)

    def moments(self, declared: Declared, *, threads: int = 2, settings: tuple[str, ...] = ()) -> Moments:
        """The moments of a study."""
        with self.run(declared, threads=threads, settings=settings) as run:
            return run.moments


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


Row: TypeAlias = Mapping[str, Any]
FindRow: TypeAlias = Callable[..., Row]


def find_row(moments: Moments, metric: str, variant: str = "A", **keys: object) -> Row:
    """The one row of a metric in an arm: of the whole experiment, unless slice or period are named."""
    wanted: dict[str, object] = {"experiment": "e", "metric": metric, "variant": variant}
    wanted |= {"slice_name": None, "slice_value": None, "period": None, "fold": None} | keys
    found = np.ones(len(moments), dtype=bool)
    for name, value in wanted.items():
        found &= np.array([x == value for x in getattr(moments, name)], dtype=bool)
    (position,) = np.flatnonzero(found)
    return {f.name: getattr(moments, f.name)[position] for f in fields(moments)}


@pytest.fixture
def row_of() -> FindRow:
    return find_row


def exactly(values: Sequence[float], others: Sequence[float] | None = None) -> tuple[float, float]:
    """Mean and variance (covariance with ``others``) in rational numbers, rounded once at the end."""
    x = [Fraction(float(value)) for value in values]
    y = x if others is None else [Fraction(float(value)) for value in others]
    n = len(x)
    mean_x, mean_y = sum(x, Fraction()) / n, sum(y, Fraction()) / n
    second = sum(((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)), Fraction())
    return float(mean_x), float(second / (n - 1)) if n > 1 else float("nan")


@pytest.fixture
def exact() -> Callable[..., tuple[float, float]]:
    return exactly


def same_bits(left: Moments, right: Moments) -> bool:
    """Whether two moments tables agree in every key and every bit."""
    for f in fields(left):
        a, b = getattr(left, f.name), getattr(right, f.name)
        if a.dtype == np.float64:
            if a.tobytes() != b.tobytes():
                return False
        elif a.tolist() != b.tolist():
            return False
    return True


@pytest.fixture
def agree_in_every_bit() -> Callable[[Moments, Moments], bool]:
    return same_bits
