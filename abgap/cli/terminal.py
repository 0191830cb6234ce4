"""Findings as tables and sentences for a terminal: the words and digits of the report, plain text in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from abgap.records import Check, Estimate, ExperimentResult, Gap, NineCells, OfflineRow, Portfolio
from abgap.report import marks, numbers

_COLOURS = {
    "good": "green",
    "part": "yellow",
    "flat": "cyan",
    "bad": "red",
    "bonus": "blue",
    "unsure": "yellow",
    "void": "magenta",
}
_PIPE_WIDTH = 160


def console() -> Console:
    """A console on stdout: colours and the terminal's width on a terminal, a fixed width in a pipe."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False, emoji=False, markup=False)


def show_checks(checks: Sequence[Check]) -> None:
    """All checks, source by source and experiment by experiment."""
    out = console()
    for name in dict.fromkeys(check.experiment for check in checks):
        out.print(Text(name if name is not None else "Sources", style="bold"))
        for check in checks:
            if check.experiment == name:
                mark = marks.status_mark(check.status)
                line = Text(f"  {mark.sign} ", style=_COLOURS[mark.tone])
                line.append(f"{check.name}: ", style="bold").append(check.sentence, style="default")
                out.print(line)


def show_experiment(result: ExperimentResult, estimates: Iterable[Estimate], *, alpha: float) -> None:
    """Headline, decision and scorecard of one experiment."""
    out = console()
    mark = marks.decision_mark(result.decision)
    arms = ", ".join(f"{arm} {numbers.count(n).text}" for arm, n in result.arms.items())
    out.print(Text(result.name, style="bold").append(f"   units: {arms}", style="default"))
    out.print(Text(result.headline))
    decision = Text(f"{mark.sign} {mark.word}: ", style=f"bold {_COLOURS[mark.tone]}")
    out.print(decision.append(result.decision_reason, style="default"))
    out.print(Text("Next: ", style="bold").append(result.next_action, style="default"))
    rows = list(estimates)
    if rows:
        out.print(_scorecard(rows, alpha))
    out.print()


def _scorecard(rows: Sequence[Estimate], alpha: float) -> Table:
    table = _table(
        "metric",
        "role",
        "arm",
        ">control",
        ">treatment",
        ">lift",
        f">{1 - alpha:.0%} interval",
        ">p",
        ">adjusted",
        ">MDE",
    )
    for row in rows:
        control, treatment = numbers.side_by_side(row.value_control, row.value_treatment, row.kind)
        lift = numbers.lift(row.lift)
        where = f" · {row.slice_name} = {row.slice_value or 'not known'}" if row.slice_name else ""
        colour = _COLOURS[marks.reading(row, alpha=alpha).tone] if row.significant else "default"
        table.add_row(
            Text(one_line(row.metric + where)),
            Text(row.role.value),
            Text(one_line(row.treatment)),
            control.text,
            treatment.text,
            Text(lift.text, style=colour),
            lift.range or lift.why,
            numbers.p_value(row.p_value).text,
            numbers.p_value(row.p_adjusted).text,
            numbers.half_width(row.mde).text,
        )
    return table


def show_offline(rows: Sequence[OfflineRow]) -> None:
    """Every candidate against its baseline."""
    table = _table(
        "model", "baseline", "metric", ">value", ">baseline", ">gain", ">interval", ">p", ">n", ">skipped"
    )
    for row in rows:
        value, base = numbers.number(row.value), numbers.number(row.baseline_value)
        face = None if row.value is None or row.baseline_value is None else row.value - row.baseline_value
        gain = numbers.gain(row.gain, face_value=face)
        table.add_row(
            *(Text(one_line(text)) for text in (row.model, row.baseline, row.metric)),
            value.text,
            base.text,
            gain.text,
            gain.range or gain.why,
            numbers.p_value(row.p_adjusted).text,
            numbers.count(row.n).text,
            numbers.count(row.skipped).text,
        )
    console().print(table)


def show_gaps(gaps: Sequence[Gap]) -> None:
    """Every pair's verdict in a sentence, with its funnel."""
    out = console()
    for gap in gaps:
        mark = marks.verdict_mark(gap.verdict)
        title = f"{gap.experiment} · {gap.treatment} · {gap.offline_metric} × {gap.business_metric}"
        out.print(
            Text(one_line(title), style="bold").append(
                f"   {mark.sign} {mark.word}", style=_COLOURS[mark.tone]
            )
        )
        out.print(Text(gap.sentence))
        if gap.funnel:
            out.print(_funnel(gap))
        out.print(Text("Next: ", style="bold").append(gap.next_action, style="default"))
        out.print()


def _funnel(gap: Gap) -> Table:
    table = _table("stage", ">control", ">treatment", ">log points", ">interval", ">per unit")
    for stage in gap.funnel:
        points = numbers.log_points(stage.log_lift, stage.low, stage.high)
        amount = numbers.contribution(stage.money, stage.money_low, stage.money_high)
        table.add_row(
            Text(one_line(stage.stage)),
            numbers.number(stage.value_control).text,
            numbers.number(stage.value_treatment).text,
            points.text,
            points.range or points.why,
            amount.text,
        )
    return table


def show_portfolio(portfolio: Portfolio) -> None:
    """Verdicts counted, nine cells, and what cannot be said."""
    out = console()
    out.print(Text(f"{portfolio.n_experiments} experiments", style="bold"))
    for verdict, n in portfolio.verdicts.items():
        if n:
            out.print(Text(f"  {n:>4}  {verdict}"))
    for cells in portfolio.nine_cells:
        out.print(_cells(cells))
    for refusal in portfolio.refusals:
        out.print(Text(f"· {refusal}"))


def _cells(cells: NineCells) -> Table:
    table = _table(
        f"{cells.offline_metric} × {cells.business_metric}", ">business −", ">not established", ">business +"
    )
    for name, row in zip(("offline −", "offline not established", "offline +"), cells.counts, strict=True):
        table.add_row(name, *(str(n) for n in row))
    return table


def _table(*columns: str) -> Table:
    """A plain table; a column that starts with ``>`` holds numbers and is set to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.startswith(">")
        table.add_column(
            Text(one_line(column.removeprefix(">"))), justify="right" if right else "left", no_wrap=right
        )
    return table


def one_line(text: str) -> str:
    """A name out of data on one line, without control characters that a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
