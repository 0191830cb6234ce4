"""What ``abgap selftest`` found, as tables for a terminal."""

from __future__ import annotations

from rich.text import Text

from abgap.cli.terminal import COLOURS, Terminal, columns
from abgap.records import words
from abgap.records.selftest import MetricLevel, ReRandomised, Selftest, TestLevel
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
