"""The performance page in Markdown: goals first, then every workload, then where the time goes.

Ratios are quoted, because seconds belong to the machine. Nothing here knows how a number was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.report import profiles
from benchmarks.report.findings import (
    BASE,
    Goal,
    Results,
    goals,
    growth,
    last_slope,
    measured,
    median,
    ratio,
    slope,
)
from benchmarks.report.markdown import megabytes, multiple, table
from benchmarks.sizes import FULL

HEAD = """# Performance

Made by `python -m benchmarks.report` from what `make bench SIZE={size}` measured; not edited by hand.

- Whole processes are measured, interpreter and imports included, in turns (A B A B). Numbers are medians of
  {rounds}; whiskers in pictures reach from the quickest run to the slowest.
- Quoted are ratios within one run on one machine: here {machine}. Seconds would be others elsewhere.
- All contestants read the same parquet files, and their numbers are compared with those of abgap: differences to a
  thousandth of a standard error, intervals to a hundredth of their width, moments to nine digits. Who computes
  something else is listed as such.
- Against hand-written statements, which compute moments, stands `abgap export moments --no-folds`; against peers that
  compute estimates from one row per unit, `abgap analyze --json`. Both with `--no-cache`: no run helps the next.
- Versions: {versions}."""
BUSY = ", of which {cores:g} were busy with other work, so that ratios are rough"
ABOUT = {
    "units": """One row per unit: {rows:,} units, four metrics (a mean, a proportion, a ratio, and a mean with a
covariate).""",
    "logs": """Raw logs: {exposures:,} exposures, of which 2 % are repeated and 0.2 % put a unit into both variants, and
{events:,} events over 14 days, a file per day. Events count for 7 days from a unit's first exposure. Metrics are
click-through rate, conversion, revenue per user and revenue per session; in total, by three slices and by day.""",
    "rankings": """Two models over {queries:,} queries with a hundred candidates each ({documents:,} rows), some of them
judged in grades: NDCG@10, MRR@10, MAP, precision@10, recall@10 per query and the paired test. abgap does more here than
the others: it tests that no document stands twice, looks for ties, resamples, ranks at random and by popularity.""",
    "predictions": """One model over {predictions:,} examples, 0.5 % of them positive, in twenty slices: ROC-AUC,
average precision, log loss and calibration error over all of them and by slice, exact with ties.""",
}
QUIET = 0.1  # cores
METRICS = """Two metrics are a mean and a proportion. Over units the ten add means, ratios and a covariate; over logs
means, ratios, a maximum and distinct sessions."""
EXPERIMENTS = """Each of the twenty experiments takes a tenth of the units, drawn independently, so that a unit is in
two of them on average. Against one experiment with all units, half of that work, the twenty take {other}."""
AGAIN = """## Measuring again

```sh
make bench                                          # quick sizes, a few minutes
make bench SIZE=full                                # the published ones
python -m benchmarks --only logs --scale 0.02       # one workload, as small as you like
```

Data and the environments of the peers are made once, in `benchmarks/data` and `benchmarks/.venvs`; a run that was
interrupted goes on with the next workload."""


def page(results: Results, pictures: Mapping[str, str]) -> str:
    """The whole page. pictures: file name in ``images/`` -> what it shows."""
    shown = {name: f"![{words}](images/{name})" for name, words in pictures.items()}
    size = next(iter(results.values()))["size_name"]
    parts = [_head(results), _goals(list(goals(results)), size)]
    parts += [_workload(results, name, shown) for name in BASE if name in results]
    if "performance_peers.svg" in shown:
        parts.append(f"## Peers\n\n{shown['performance_peers.svg']}")
    if "growth" in results:
        parts.append(_growth(results, shown))
    if "performance_sharing.svg" in shown:
        parts.append(_sharing(results, shown))
    if "start" in results:
        parts.append(_start(results))
    parts += [profiles.section(results, name) for name in BASE if results.get(name, {}).get("profiles")]
    return "\n\n".join([*parts, AGAIN]) + "\n"


def _head(results: Results) -> str:
    first: Any = next(iter(results.values()))
    on = first["machine"]
    machine = f"{on['cores']} cores, {on['memory_gb']} GB of memory"
    other = max(document["machine"]["busy_with_other_work"] or 0.0 for document in results.values())
    return HEAD.format(
        size=first["size_name"],
        machine=machine + (BUSY.format(cores=other) if other > QUIET else ""),
        versions=", ".join(f"{name} {number}" for name, number in first["versions"].items()),
        rounds=_rounds(results),
    )


def _rounds(results: Results) -> str:
    """How many runs numbers are medians of, in words; fewer of some workloads than of others."""
    by_count: dict[int, list[str]] = {}
    for workload, document in results.items():
        by_count.setdefault(document["rounds"], []).append(workload)
    most, *fewer = sorted(by_count, reverse=True)
    said = [f"{most} runs"] + [f"{n} of {' and '.join(by_count[n])}" for n in fewer]
    return ", ".join(said)


def _goals(found: Sequence[Goal], size: str) -> str:
    rows = [
        (
            goal.workload,
            goal.words,
            f"{goal.limit:g}{goal.unit}",
            multiple(goal.measured, goal.unit),
            goal.verdict,
        )
        for goal in found
    ]
    missed = sum(goal.verdict == "not reached" for goal in found)
    some = f"{missed} of {len(found)} goals are not reached; the last sections say where the time goes."
    sentence = some if missed else "All goals are reached."
    sentence += "" if size == FULL.name else f" They are meant for the full sizes; these are the {size} ones."
    return f"## Goals\n\n{sentence}\n\n{table(('workload', 'measure', 'at most', 'measured', ''), rows)}"


def _workload(results: Results, workload: str, shown: Mapping[str, str]) -> str:
    document, base = results[workload], BASE[workload]
    rows = [
        (
            contestant["title"],
            multiple(ratio(results, workload, contestant["name"], base)),
            multiple(ratio(results, workload, contestant["name"], base, "cpu")),
            megabytes(median(results, workload, contestant["name"], "peak_mb")),
            _same_work(contestant),
        )
        for contestant in document["contestants"]
        if contestant["medians"] or contestant["missing"]
    ]
    titles = ("who", "wall", "CPU", "peak MB", "same numbers as abgap")
    about = ABOUT[workload].format(**document["size"])
    picture = shown.get(f"performance_{workload}.svg", "")
    unit = median(results, workload, base) or 0.0
    return (
        f"## {workload.capitalize()}\n\n{about}\n\n{picture}\n\n{table(titles, rows)}\n\n"
        f"1.00x is the hand-written statement, {unit:.2f} s here.{_fixed(results, workload)}"
    )


def _fixed(results: Results, workload: str) -> str:
    """How much of the time is there whatever the size."""
    whole, least = median(results, workload, "abgap_moments"), median(results, "start", "abgap_1000")
    if whole is None or least is None:
        return ""
    return f" Of the time of `abgap export moments` {least / whole:.0%} goes by with 1,000 units already."


def _same_work(contestant: Mapping[str, Any]) -> str:
    if contestant["missing"]:
        return str(contestant["missing"])
    found = contestant["agreement"]
    if found is None:
        return ""
    if found["objections"]:
        return "no: " + "; ".join(found["objections"])
    moments = f", {found['moments']} rows of moments" if found["moments"] else ""
    return f"yes: {found['estimates']} estimates{moments}"


def _growth(results: Results, shown: Mapping[str, str]) -> str:
    ours, by_hand = growth(results, "abgap"), growth(results, "by_hand")
    smallest = min(ours)
    rows = [
        (f"{n:,}", multiple(wall / ours[smallest]), multiple(wall / by_hand[n])) for n, wall in ours.items()
    ]
    return (
        f"## Growth\n\nThe units workload at several sizes. The log-log slope is {multiple(slope(ours), '')} (by hand "
        f"{multiple(slope(by_hand), '')}), and {multiple(last_slope(ours), '')} between the two largest sizes.\n\n"
        f"{shown['performance_growth.svg']}\n\n"
        f"{table(('units', f'to {smallest:,} units', 'to by hand'), rows)}"
    )


def _sharing(results: Results, shown: Mapping[str, str]) -> str:
    lines = ["## More metrics, more experiments", shown["performance_sharing.svg"]]
    lines += [METRICS] if "metrics" in results else []
    other = ratio(results, "experiments", "all_20", "one_with_all")
    lines += [EXPERIMENTS.format(other=multiple(other))] if "experiments" in results else []
    return "\n\n".join(lines)


def _start(results: Results) -> str:
    rows = [
        (f"`{c['title']}`", multiple(ratio(results, "start", c["name"], "click")))
        for c in measured(results, "start")
    ]
    return f"## Start\n\n{table(('command', 'to `import click`'), rows)}"
