"""The pictures of the performance page, as SVG that is the same in every run over the same results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.report.findings import BASE, FOR_PEERS, Results, growth, measured, ratio, spread

COLOURS = {"abgap": "#1b6ca8", "limit": "#777777", "peer": "#c77d2e"}
GOAL = "#b3261e"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "abgap",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
LIMITS = {"units": 1.3, "logs": 1.2, "rankings": 1.3, "predictions": 1.2}


class Bar(NamedTuple):
    """One bar: its label, its length, the range of single runs, and whose colour it has."""

    title: str
    value: float
    low: float
    high: float
    role: str


def draw_all(results: Results, folder: Path) -> dict[str, str]:
    """Write every picture that the results allow. Returns file name -> what it shows, in words."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, str] = {}
    with mpl.rc_context(STYLE):
        for workload in (name for name in BASE if name in results):
            bars = list(_to_limit(results, workload))
            words = f"{workload} workload: wall time, multiples of the hand-written statement"
            goal = {f"goal {LIMITS[workload]:g}": LIMITS[workload]}
            drawn |= _bars(folder / f"performance_{workload}.svg", words, bars, goal)
        peers = [bar for workload in BASE for bar in _to_abgap(results, workload)]
        words = "wall time of peers, multiples of abgap: right of 1 abgap is faster"
        drawn |= _bars(folder / "performance_peers.svg", words, peers, {"as long as abgap": 1.0})
        words = "wall time with many, multiples of few"
        goals = {"goal 2": 2.0, "goal 3": 3.0}
        drawn |= _bars(folder / "performance_sharing.svg", words, list(_sharing(results)), goals)
        if "growth" in results:
            drawn |= _growth(results, folder / "performance_growth.svg")
    return drawn


def _to_limit(results: Results, workload: str) -> Iterator[Bar]:
    for contestant in measured(results, workload):
        yield from _bar(
            results, workload, contestant["name"], BASE[workload], contestant["title"], contestant["role"]
        )


def _to_abgap(results: Results, workload: str) -> Iterator[Bar]:
    for peer in measured(results, workload):
        if peer["role"] == "peer":
            title = f"{peer['title']} ({workload})"
            yield from _bar(results, workload, peer["name"], FOR_PEERS[workload], title, "peer")


def _sharing(results: Results) -> Iterator[Bar]:
    for title, workload, many, few in (
        ("10 metrics to 2, units (goal 2)", "metrics", "units_10", "units_2"),
        ("10 metrics to 2, logs (goal 2)", "metrics", "logs_10", "logs_2"),
        ("20 experiments to one of them (goal 3)", "experiments", "all_20", "one_of_20"),
    ):
        yield from _bar(results, workload, many, few, title, "abgap")


def _bar(results: Results, workload: str, name: str, base: str, title: str, role: str) -> Iterator[Bar]:
    value, of_runs = ratio(results, workload, name, base), spread(results, workload, name, base)
    if value is not None and of_runs is not None:
        yield Bar(title, value, *of_runs, role)


def _bars(path: Path, words: str, bars: Sequence[Bar], lines: Mapping[str, float]) -> dict[str, str]:
    if not bars:
        return {}
    figure = Figure(figsize=(7.2, 0.9 + 0.32 * len(bars)), layout="constrained")
    axes = figure.subplots()
    places = list(range(len(bars)))[::-1]
    values = [bar.value for bar in bars]
    whiskers = [[bar.value - bar.low for bar in bars], [bar.high - bar.value for bar in bars]]
    axes.barh(places, values, height=0.62, color=[COLOURS[bar.role] for bar in bars])
    axes.errorbar(values, places, xerr=whiskers, fmt="none", ecolor="#333333", elinewidth=1, capsize=2)
    for place, bar in zip(places, bars, strict=True):
        label = axes.annotate(
            f"{bar.value:.2f}", (bar.high, place), (4, 0), textcoords="offset points", va="center"
        )
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
    for words_of_line, at in lines.items():
        axes.axvline(at, color=GOAL, linewidth=1, linestyle="--")
        above = (at, len(bars) - 0.45)
        axes.annotate(words_of_line, above, (4, 0), textcoords="offset points", color=GOAL, fontsize=8)
    axes.set_yticks(places, [bar.title for bar in bars])
    axes.set_xlim(0, 1.12 * max([*(bar.high for bar in bars), *lines.values()]))
    axes.set_ylim(-0.6, len(bars))
    axes.set_xlabel(words)
    return _save(figure, path, words)


def _growth(results: Results, path: Path) -> dict[str, str]:
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots()
    for who, title, role in (("by_hand", "by hand", "limit"), ("abgap", "abgap export moments", "abgap")):
        walls = growth(results, who)
        axes.loglog(list(walls), list(walls.values()), marker="o", color=COLOURS[role], label=title)
        for rows, wall in walls.items():
            axes.annotate(f"{wall:.2f}", (rows, wall), (0, 6), textcoords="offset points", ha="center")
    axes.set_xticks(list(walls), [f"{rows:,}" for rows in walls])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("units")
    axes.set_ylabel("seconds, whole process")
    axes.legend(frameon=False)
    return _save(figure, path, "seconds by number of units, on log scales")


def _save(figure: Figure, path: Path, words: str) -> dict[str, str]:
    metadata: dict[str, Any] = {"Date": None, "Title": words}
    figure.savefig(path, format="svg", metadata=metadata)
    # matplotlib leaves blanks at line ends, which version control complains of.
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
    return {path.name: words}
