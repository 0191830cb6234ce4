"""What is measured, and who takes part.

A workload is made when it is run: its data are generated, its peers installed. ``WORKLOADS`` is the list; a new one
is a function here and an entry there. Letters are those of the table of goals: U units, L logs, R rankings, C
predictions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.environments import environment
from benchmarks.generators.logs import EVENTS, EXPOSURES, Logs, make_logs
from benchmarks.generators.predictions import SEGMENTS, make_predictions
from benchmarks.generators.rankings import CANDIDATES, make_rankings
from benchmarks.generators.units import make_units
from benchmarks.measure import Contestant, Leaves, Role
from benchmarks.sizes import Size
from benchmarks.studies import write_study

PYTHON = sys.executable
# What an earlier run has kept must not be what is measured.
EVERY_TIME = ("--no-cache",)
EXPERIMENTS = tuple(f"e{number:02}" for number in range(1, 21))


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Contestants over one set of data. size: what goes into the results, in words and numbers.

    data: read once before, so that nobody has to be the first. compared: whether the answers have to agree.
    profiled: module and arguments of those whose time is looked into.
    """

    name: str
    size: dict[str, float]
    rounds: int
    contestants: tuple[Contestant, ...]
    data: tuple[Path, ...] = ()
    compared: bool = False
    profiled: dict[str, tuple[str, ...]] = field(default_factory=dict)


def units(size: Size, folder: Path) -> Workload:
    """U: one row per unit, four metrics, against everybody."""
    data = make_units(folder, size.rows)
    study = write_study(folder / f"units_{size.rows}.toml", ["units", "units_4_metrics"], units=data)
    moments, analyze = _moments("abgap_moments", study), _analyze("abgap_analyze", study)
    argument = f"units={data}"
    return Workload(
        name="units",
        size={"rows": size.rows},
        rounds=size.rounds,
        contestants=(
            moments,
            analyze,
            _by_hand("by_hand_stable", "DuckDB by hand, centred moments", "units_stable", argument),
            _by_hand("by_hand_plain", "DuckDB by hand, plain sums", "units_plain", argument),
            _peer("polars", "polars + scipy", "polars", "polars_units", argument),
            _peer("tea_tasting", "tea-tasting on DuckDB", "tea_tasting", "tea_tasting_units", argument),
            _peer("gbstats", "gbstats after SQL", "gbstats", "gbstats_units", argument),
            _peer("confidence", "Spotify confidence after SQL", "confidence", "confidence_units", argument),
        ),
        data=(data,),
        compared=True,
        profiled={
            "abgap_moments": moments.command[2:],
            "by_hand_stable": ("benchmarks.peers.by_hand", "units_stable", argument),
        },
    )


def logs(size: Size, folder: Path) -> Workload:
    """L: raw logs, four metrics, three slices, by day."""
    data = make_logs(folder, size.scale)
    study = _logs_study(folder, f"logs_{size.scale:g}", data, 4)
    # What the estimates add to the moments vanishes beside the logs: they are computed once, to be compared.
    moments, analyze = _moments("abgap_moments", study), replace(_analyze("abgap_analyze", study), once=True)
    arguments = (f"exposures={data.exposures}", f"events={data.events}/**/*.parquet")
    return Workload(
        name="logs",
        size={"exposures": round(EXPOSURES * size.scale), "events": round(EVENTS * size.scale)},
        rounds=size.rounds,
        contestants=(
            moments,
            analyze,
            _by_hand("by_hand_cells", "DuckDB by hand, cells", "logs_cells", *arguments),
            _by_hand("by_hand_plain", "DuckDB by hand, plain", "logs_plain", *arguments),
            _peer("polars", "polars streaming + scipy", "polars", "polars_logs", *arguments),
        ),
        data=(data.exposures, data.events),
        compared=True,
        profiled={
            "abgap_moments": moments.command[2:],
            "by_hand_cells": ("benchmarks.peers.by_hand", "logs_cells", *arguments),
        },
    )


def rankings(size: Size, folder: Path) -> Workload:
    """R: two models, a hundred candidates per query, five metrics per query and the paired test."""
    data = make_rankings(folder, size.queries)
    study = write_study(folder / f"rankings_{size.queries}.toml", ["rankings"], **data._asdict())
    arguments = (f"runs={data.runs}", f"judgements={data.judgements}")
    command = (PYTHON, "-m", "abgap", "offline", "--json", "--study", str(study), *EVERY_TIME)
    abgap = Contestant(
        name="abgap_offline", title="abgap offline --json", role="abgap", command=command, leaves="offline"
    )
    hand = (PYTHON, "-m", "benchmarks.peers.rankings_by_hand", *arguments)
    return Workload(
        name="rankings",
        size={"queries": size.queries, "documents": 2 * CANDIDATES * size.queries},
        rounds=size.rounds,
        contestants=(
            abgap,
            Contestant(
                name="by_hand",
                title="DuckDB by hand, one window",
                role="limit",
                command=hand,
                leaves="answer",
            ),
            _peer("polars", "polars", "polars", "polars_rankings", *arguments),
            _peer("pytrec_eval", "pytrec_eval", "pytrec_eval", "pytrec_eval_rankings", *arguments),
            _peer("ranx", "ranx", "ranx", "ranx_rankings", *arguments),
        ),
        data=tuple(data),
        compared=True,
        profiled={"abgap_offline": abgap.command[2:], "by_hand": hand[2:]},
    )


def predictions(size: Size, folder: Path) -> Workload:
    """C: binary predictions with rare positives, seven metrics, over all examples and in twenty slices."""
    rows = 2 * size.rows
    data = make_predictions(folder, rows)
    study = write_study(folder / f"predictions_{rows}.toml", ["predictions"], predictions=data)
    argument = f"predictions={data}"
    abgap = (PYTHON, "-m", "abgap", "offline", "--json", "--study", str(study), *EVERY_TIME)
    by_hand = (PYTHON, "-m", "benchmarks.peers.predictions_by_hand", argument)
    return Workload(
        name="predictions",
        size={"predictions": rows, "slices": SEGMENTS},
        rounds=size.rounds,
        contestants=(
            Contestant(
                name="abgap_offline",
                title="abgap offline --json",
                role="abgap",
                command=abgap,
                leaves="offline",
            ),
            Contestant(
                name="by_hand",
                title="DuckDB and numpy's sort",
                role="limit",
                command=by_hand,
                leaves="answer",
            ),
            _peer("polars", "polars", "polars", "polars_predictions", argument),
            _peer("scikit_learn", "scikit-learn", "scikit_learn", "scikit_learn_predictions", argument),
        ),
        data=(data,),
        compared=True,
    )


def growth(size: Size, folder: Path) -> Workload:
    """The units workload at several sizes, by abgap and by hand."""
    contestants: list[Contestant] = []
    data = [make_units(folder, rows) for rows in size.growth]
    for rows, file in zip(size.growth, data, strict=True):
        study = write_study(folder / f"units_{rows}.toml", ["units", "units_4_metrics"], units=file)
        contestants += [
            _moments(f"abgap_{rows}", study, title=f"abgap, {rows:,} units"),
            _by_hand(f"by_hand_{rows}", f"by hand, {rows:,} units", "units_stable", f"units={file}"),
        ]
    return Workload(
        name="growth",
        size={"largest": size.growth[-1]},
        rounds=size.rounds,
        contestants=tuple(contestants),
        data=tuple(data),
    )


def metrics(size: Size, folder: Path) -> Workload:
    """Ten metrics against two, over units and over logs."""
    table = make_units(folder, size.sharing_rows, wide=True)
    data = make_logs(folder, size.sharing_scale)
    contestants = []
    for count in (2, 10):
        of_units = f"units_{size.sharing_rows}_{count}"
        study = write_study(folder / f"{of_units}.toml", ["units", f"units_{count}_metrics"], units=table)
        contestants.append(_moments(f"units_{count}", study, title=f"units, {count} metrics"))
        study = _logs_study(folder, f"logs_{size.sharing_scale:g}_{count}", data, count)
        contestants.append(_moments(f"logs_{count}", study, title=f"logs, {count} metrics"))
    return Workload(
        name="metrics",
        size={"rows": size.sharing_rows, "scale": size.sharing_scale},
        rounds=size.rounds,
        contestants=tuple(contestants),
        data=(table, data.exposures, data.events),
    )


def experiments(size: Size, folder: Path) -> Workload:
    """Twenty experiments on one log, each with a tenth of the units, against one of them and against one with all."""
    data = make_logs(folder, size.sharing_scale)
    name = f"logs_{size.sharing_scale:g}"
    whole = _logs_study(folder, f"{name}_whole", data, 4)
    shared = {
        count: write_study(
            folder / f"{name}_{count}_of_20.toml",
            ["logs", "logs_4_metrics"],
            EXPERIMENTS[:count],
            exposures=data.shared,
            events=data.events,
        )
        for count in (1, 20)
    }
    return Workload(
        name="experiments",
        size={"scale": size.sharing_scale},
        rounds=size.rounds,
        contestants=(
            _moments("one_of_20", shared[1], title="one of the twenty, a tenth of the units"),
            _moments("all_20", shared[20], title="all twenty, a tenth of the units each"),
            _moments("one_with_all", whole, title="one experiment with all units"),
        ),
        data=(data.exposures, data.shared, data.events),
    )


def start(size: Size, folder: Path) -> Workload:
    """What there is to wait for before anything is read."""
    study = write_study(
        folder / "units_1000.toml", ["units", "units_4_metrics"], units=make_units(folder, 1000)
    )
    return Workload(
        name="start",
        size={},
        rounds=size.start_rounds,
        contestants=(
            _other("python", "python -c pass", PYTHON, "-c", "pass"),
            _other("click", 'python -c "import click"', PYTHON, "-c", "import click"),
            _other("abgap_help", "abgap --help", PYTHON, "-m", "abgap", "--help", role="abgap"),
            _other("duckdb", 'python -c "import duckdb"', PYTHON, "-c", "import duckdb"),
            _moments("abgap_1000", study, title="abgap export moments, 1,000 units"),
        ),
    )


WORKLOADS: dict[str, Callable[[Size, Path], Workload]] = {
    "start": start,
    "units": units,
    "growth": growth,
    "metrics": metrics,
    "experiments": experiments,
    "logs": logs,
    "rankings": rankings,
    "predictions": predictions,
}


def _logs_study(folder: Path, name: str, data: Logs, metrics: int) -> Path:
    return write_study(
        folder / f"{name}.toml",
        ["logs", f"logs_{metrics}_metrics"],
        ["search_v2"],
        exposures=data.exposures,
        events=data.events,
    )


def _moments(name: str, study: Path, *, title: str = "abgap export moments") -> Contestant:
    out = study.with_name(f"{study.stem}_{name}.moments.parquet")
    command = (
        PYTHON,
        "-m",
        "abgap",
        "export",
        "moments",
        "--study",
        str(study),
        "--out",
        str(out),
        "--no-folds",
        "--force",
        *EVERY_TIME,
    )
    return Contestant(name=name, title=title, role="abgap", command=command, leaves="moments", out=out)


def _analyze(name: str, study: Path) -> Contestant:
    command = (PYTHON, "-m", "abgap", "analyze", "--json", "--study", str(study), *EVERY_TIME)
    return Contestant(
        name=name, title="abgap analyze --json", role="abgap", command=command, leaves="analyze"
    )


def _by_hand(name: str, title: str, *arguments: str) -> Contestant:
    command = (PYTHON, "-m", "benchmarks.peers.by_hand", *arguments)
    return Contestant(name=name, title=title, role="limit", command=command, leaves="answer")


def _peer(name: str, title: str, peer: str, script: str, *arguments: str) -> Contestant:
    found = environment(peer)
    command: Sequence[str] = (str(found.python), "-m", f"benchmarks.peers.{script}", *arguments)
    return Contestant(
        name=name,
        title=title,
        role="peer",
        command=tuple(command),
        leaves="answer",
        versions=found.versions,
        missing=found.reason,
    )


def _other(name: str, title: str, *command: str, role: Role = "other") -> Contestant:
    leaves: Leaves = "nothing"
    return Contestant(name=name, title=title, role=role, command=command, leaves=leaves)
