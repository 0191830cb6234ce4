"""What ``abgap selftest`` found, as tables for a terminal."""

from __future__ import annotations

from rich.text import Text

from abgap.cli.terminal import COLOURS, Terminal, columns
from abgap.records import Interval, words
from abgap.records.numbers import Estimable
from abgap.records.selftest import (
    FaultFate,
    MetricLevel,
    PlantedEffects,
    PlantedFault,
    PlantedFaults,
    ReRandomised,
    Selftest,
    TestLevel,
)
from abgap.report import numbers

_TONES = {
    TestLevel.HOLDS: "good",
    TestLevel.TOO_MANY: "bad",
    TestLevel.TOO_FEW: "unsure",
    TestLevel.NOT_TESTED: "blocked",
}


def show_selftest(found: Selftest) -> None:
    """What was tested and what came of it, and a sentence for everything that is not well."""
    out = Terminal()
    if found.units is not None:
        _units(out, found.units)
    elif found.reason is not None:
        out.line(found.reason)
    if found.effects is not None:
        out.line()
        _effects(out, found.effects)
    if found.faults is not None:
        out.line()
        _faults(out, found.faults)
    out.show()


def _units(out: Terminal, found: ReRandomised) -> None:
    arms = ", ".join(f"{arm} {words.percent(part)}" for arm, part in found.split.items())
    out.line(
        (found.experiment, "bold"),
        f"   {words.plural(found.units, 'unit')} divided anew {words.plural(found.draws, 'time')}: {arms}",
    )
    head = columns(
        "metric", "kind", ">found", f">p < {found.alpha:g}", ">95 % interval", ">coverage", ">uniform p", "verdict",
        spare=("kind", "found", "uniform p"),
    )  # fmt: skip
    out.table(head, [_row(metric) for metric in found.metrics])
    for metric in found.metrics:
        if metric.verdict is not TestLevel.HOLDS:
            out.point(("!", COLOURS[_TONES[metric.verdict]]), (f"{metric.metric}: ", "bold"), metric.sentence)


def _row(metric: MetricLevel) -> list[str | Text]:
    rate, nothing = metric.rate, numbers.NOTHING
    return [
        metric.metric,
        metric.kind.value,
        f"{words.count(metric.found)} of {words.count(metric.draws)}" if rate else nothing,
        words.percent(rate.estimate) if rate else nothing,
        f"{words.percent(rate.low)} to {words.percent(rate.high)}" if rate else nothing,
        words.percent(metric.coverage) if metric.coverage is not None else nothing,
        nothing if metric.uniformity_p is None else words.p_value(metric.uniformity_p).removeprefix("p = "),
        Text(metric.verdict.value, style=COLOURS[_TONES[metric.verdict]]),
    ]


def _effects(out: Terminal, found: PlantedEffects) -> None:
    out.line(
        ("planted lifts", "bold"),
        f"   {words.plural(found.experiments, 'simulated experiment')} of {words.plural(found.users, 'user')}, "
        "from their logs to their lifts",
    )
    head = columns(
        "metric", ">true lift", ">mean lift", ">in interval", ">95 % interval", ">told from 0", "verdict",
        spare=("mean lift",),
    )  # fmt: skip
    rows: list[list[str | Text]] = [
        [
            metric.metric,
            words.signed_percent(metric.true_lift),
            numbers.NOTHING if metric.mean_lift is None else words.signed_percent(metric.mean_lift),
            f"{words.count(metric.covered)} of {words.count(found.experiments)}",
            f"{words.percent(metric.coverage.low)} to {words.percent(metric.coverage.high)}",
            f"{words.count(metric.detected)} of {words.count(found.experiments)}",
            Text("ok", style=COLOURS["good"]) if metric.ok else Text("missed", style=COLOURS["bad"]),
        ]
        for metric in found.metrics
    ]
    out.table(head, rows)


def _faults(out: Terminal, found: PlantedFaults) -> None:
    lift = _lift(found.lift)
    out.line(
        ("planted faults", "bold"),
        f"   {words.plural(found.users, 'simulated user')}, true lift of {found.metric} "
        f"{words.signed_percent(found.true_lift)}; without a fault {lift}",
    )
    head = columns("fault", "planted", "what became of it", f">{found.metric}", spare=("planted",))
    out.table(head, [[fault.name, fault.planted, _fate(fault), _lift(fault.lift)] for fault in found.faults])
    for check in found.false_alarms:
        out.point(
            ("!", COLOURS["bad"]), (f"{check}: ", "bold"), "it is not content with logs without a fault."
        )


def _fate(fault: PlantedFault) -> Text:
    said = fault.fate.value
    if fault.fate is FaultFate.CAUGHT:
        said = f"caught by {', '.join(fault.caught_by)}"
    if not fault.expected:
        return Text(f"{said}: not as it should be", style=COLOURS["bad"])
    return Text(said, style=COLOURS["unsure" if fault.fate is FaultFate.NOT_SEEN else "good"])


def _lift(lift: Estimable) -> str:
    return words.percent_interval(lift) if isinstance(lift, Interval) else numbers.NOTHING
