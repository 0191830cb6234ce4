"""An entry of the catalogue in words and as data, and docs/metrics.md, which is made of nothing else."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from abgap.offline.catalogue.entry import Cutoff, MetricEntry, Task
from abgap.offline.catalogue.lookup import all_metrics, metrics_of_task
from abgap.records.vocabulary import Direction

TITLES = {
    Task.RANKING: "Ranking and recommendation",
    Task.BINARY: "Binary classification",
    Task.MULTICLASS: "Multi-class classification",
    Task.REGRESSION: "Regression",
    Task.FORECAST: "Forecasting",
    Task.CLUSTERING: "Clustering",
    Task.GENERATION: "Text generation",
    Task.DETECTION: "Object detection",
    Task.SEGMENTATION: "Segmentation",
    Task.ONLINE: "Online and business",
    Task.SERVING: "Serving",
}
_WIDTH = 118
_INTRODUCTION = """\
# Metrics

This page is the output of `python -m abgap.offline.catalogue`: the catalogue that `abgap metrics` shows.
`abgap metrics choose` walks from the objective and the costly error to a set of metrics.

Read three lines before choosing a metric as a target: how it misleads, what a lazy solution gets, and what to watch
beside it. A metric that a lazy solution satisfies is not ready to be a target. `p` is the share of positives (of the
largest class, where there are several)."""


def range_text(entry: MetricEntry) -> str:
    """The range of a metric: ``0 to 1``, ``from 0``, ``up to 1``, ``any``."""
    low, high = (None if end is None else f"{end:g}" for end in (entry.low, entry.high))
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"from {low}"
    return "any" if high is None else f"up to {high}"


def better_text(entry: MetricEntry) -> str:
    """Which way is better: ``higher, best 1``, ``lower``, ``nearer to 0``."""
    if entry.two_sided:
        return f"nearer to {entry.best:g}"
    way = "higher" if entry.direction is Direction.UP else "lower"
    return way if entry.best is None else f"{way}, best {entry.best:g}"


def lazy_text(entry: MetricEntry) -> str:
    """What a lazy solution gets, with its formula where there is one."""
    return entry.lazy if entry.lazy_form is None else f"{entry.lazy} Formula: {entry.lazy_form.text}."


def as_data(entry: MetricEntry) -> dict[str, object]:
    """An entry as plain data, for JSON: its fields, with the lazy formula as text."""
    return {
        "name": entry.name,
        "title": entry.title,
        "aliases": list(entry.aliases),
        "tasks": [task.value for task in entry.tasks],
        "cutoff": entry.cutoff.value,
        "formula": entry.formula,
        "low": entry.low,
        "high": entry.high,
        "direction": entry.direction.value,
        "best": entry.best,
        "two_sided": entry.two_sided,
        "needs": entry.needs,
        "use_when": entry.use_when,
        "misleads": entry.misleads,
        "lazy": entry.lazy,
        "lazy_formula": None if entry.lazy_form is None else entry.lazy_form.text,
        "watch": list(entry.watch),
        "disagreement": entry.disagreement,
        "business": entry.business,
    }


def facts(entry: MetricEntry) -> Iterator[tuple[str, str]]:
    """What is said of an entry, line by line: a label and its text."""
    yield "task", ", ".join(TITLES[task].lower() for task in entry.tasks)
    if entry.aliases:
        yield "also called", ", ".join(entry.aliases)
    yield "formula", entry.formula
    yield "range", range_text(entry)
    yield "better", better_text(entry)
    if entry.cutoff is not Cutoff.NONE:
        optional = ", or without a cut-off" if entry.cutoff is Cutoff.OPTIONAL else ""
        yield "cut-off", f"write it with its k, {entry.base}@10{optional}"
    yield "needs", entry.needs
    yield "use when", entry.use_when
    yield "misleads", entry.misleads
    yield "lazy score", lazy_text(entry)
    yield "watch", f"{', '.join(entry.watch)}. {entry.disagreement}"
    yield "business", entry.business


def metrics_page() -> str:
    """The text of docs/metrics.md, ending in a newline."""
    return "\n\n".join(_sections()) + "\n"


def _sections() -> Iterator[str]:
    yield _INTRODUCTION
    yield "\n".join(["| task | metrics |", "|---|---|", *map(_row, Task)])
    shown: set[str] = set()
    for task in Task:
        entries = [entry for entry in all_metrics() if entry.tasks[0] is task and entry.name not in shown]
        yield f"## {TITLES[task]}"
        for entry in entries:
            shown.add(entry.name)
            yield f"### {entry.name}\n\n{entry.title}.\n\n" + "\n".join(_bullets(entry))


def _row(task: Task) -> str:
    links = (f"[{entry.name}](#{_anchor(entry.name)})" for entry in metrics_of_task(task))
    return f"| {TITLES[task]} (`{task.value}`) | {', '.join(links)} |"


def _anchor(name: str) -> str:
    return re.sub(r"[^\w-]", "", name)


def _bullets(entry: MetricEntry) -> Iterator[str]:
    for label, text in facts(entry):
        shown = f"`{text}`" if label == "formula" else text.replace("|", "\\|").replace("<", "&lt;")
        line = f"- **{label}**: {shown}"
        yield textwrap.fill(
            line, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
