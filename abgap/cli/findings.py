"""Findings as tables and sentences for a terminal: the words and digits of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.text import Text

from abgap.cli.reason_findings import show_why
from abgap.cli.terminal import COLOURS, Terminal, columns
from abgap.records import (
    Adjustment,
    Check,
    Estimate,
    ExperimentResult,
    Gap,
    Heterogeneity,
    Interval,
    Role,
    Status,
    Trend,
    words,
)
from abgap.report import marks, numbers, remarks

# Notes on how an estimate was adjusted: the lines on adjusted lifts say it.
_TOLD = ("adjusted for ", "post-stratified by ")
_COUNTED = {
    Status.FAIL: "failed",
    Status.WARN: "to look at",
    Status.PASS: "passed",
    Status.NOT_TESTABLE: "not testable",
}


def show_checks(checks: Sequence[Check]) -> None:
    """All checks, source by source and experiment by experiment, and how many of each kind."""
    out = Terminal()
    for name in dict.fromkeys(check.experiment for check in checks):
        out.line((name if name is not None else "Sources", "bold"))
        for check in checks:
            if check.experiment == name:
                mark = marks.status_mark(check.status)
                out.point((mark.sign, COLOURS[mark.tone]), (f"{check.name}: ", "bold"), check.sentence)
    found = Counter(check.status for check in checks)
    out.line(
        ", ".join(f"{found[s]:,} {word}" for s, word in _COUNTED.items() if found[s]) or "nothing to check"
    )
    out.show()


def show_experiments(
    results: Iterable[ExperimentResult],
    estimates: Sequence[Estimate],
    checks: Sequence[Check],
    *,
    alpha: float,
    heterogeneity: Sequence[Heterogeneity] = (),
    trends: Sequence[Trend] = (),
) -> None:
    """Headline, decision, failed checks, scorecard and cautions of each experiment."""
    out = Terminal()
    of_experiment: dict[str, list[Estimate]] = {}
    for estimate in estimates:
        of_experiment.setdefault(estimate.experiment, []).append(estimate)
    for position, result in enumerate(results):
        if position:
            out.line()
        differing = [found for found in heterogeneity if found.experiment == result.name]
        rows = of_experiment.get(result.name, [])
        changing = [trend for trend in trends if trend.experiment == result.name]
        _experiment(out, result, rows, _failed(checks, result.name), differing, changing, alpha)
    out.show()


def _failed(checks: Sequence[Check], experiment: str) -> list[Check]:
    return [c for c in checks if c.experiment == experiment and c.status is Status.FAIL]


def _failures(out: Terminal, failed: Sequence[Check]) -> None:
    mark = marks.status_mark(Status.FAIL)
    for check in failed:
        out.point((mark.sign, COLOURS[mark.tone]), (f"{check.name}: ", "bold"), check.sentence)


def _experiment(
    out: Terminal,
    result: ExperimentResult,
    rows: Sequence[Estimate],
    failed: Sequence[Check],
    heterogeneity: Sequence[Heterogeneity],
    trends: Sequence[Trend],
    alpha: float,
) -> None:
    mark = marks.outcome_mark(result)
    arms = ", ".join(f"{arm} {numbers.count(n).text}" for arm, n in result.arms.items())
    out.line((result.name, "bold"), f"   units: {arms}")
    out.line(result.headline)
    out.line((f"{mark.sign} {mark.word}: ", f"bold {COLOURS[mark.tone]}"), result.decision_reason)
    _failures(out, failed)
    out.line(("Next: ", "bold"), result.next_action)
    if rows:
        head = columns(
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
            ">margin",
            ">margin p",
            "reading",
            spare=(
                "MDE",
                "role",
                "p",
                "adjusted",
                "margin p",
                "margin",
                *(() if len(result.arms) > 2 else ("arm",)),
                "control",
                "treatment",
            ),
        )
        trusted = not any(check.blocking for check in failed)
        scores = [_score(row, alpha, trusted=trusted) for row in rows]
        # Columns for margins are empty where no metric has one.
        used = [i for i in range(len(head)) if any(str(score[i]) for score in scores)]
        out.table([head[i] for i in used], [[score[i] for i in used] for score in scores])
        if trusted:
            for text in remarks.cautions(rows, heterogeneity, trends, alpha):
                out.point(("!", "yellow"), text)
        several = len({row.treatment for row in rows}) > 1
        for row in rows:
            if row.bayesian is not None and row.role in {Role.PRIMARY, Role.GUARDRAIL}:
                subject = f"{row.metric}{_slice(row)}{_arm(row, several=several)}"
                out.line((f"{subject}: {remarks.belief(row)}", "dim"))
        for how in dict.fromkeys(_adjustment(row) for row in rows if row.covariate_variance_removed):
            adjusted = dict.fromkeys(
                row.metric for row in rows if row.covariate_variance_removed and _adjustment(row) == how
            )
            before = [
                f"{row.metric}{_arm(row, several=several)} {remarks.unadjusted(row)}"
                for row in rows
                if row.metric in adjusted and row.slice_name is None
            ]
            note = f"lift {how}; it need not equal the ratio of the values shown ({words.listed(before)})"
            out.line((f"{words.listed(list(adjusted))}: {note}", "dim"))
        whole = [row for row in rows if row.slice_name is None and row.period is None]
        for note in remarks.footnotes(whole, without=_TOLD, arms=several):
            out.line((note, "dim"))


def _arm(row: Estimate, *, several: bool) -> str:
    """The treatment, where there are several."""
    return f" ({row.treatment})" if several else ""


def _adjustment(row: Estimate) -> str:
    """What took out of an estimate what units differed in already."""
    stratified = isinstance(row.difference, Interval) and "stratified" in row.difference.method
    return "post-stratified" if stratified else "adjusted for a covariate"


def _slice(row: Estimate) -> str:
    return f" · {row.slice_name} = {row.slice_value or 'not known'}" if row.slice_name else ""


def _score(row: Estimate, alpha: float, *, trusted: bool) -> list[str | Text]:
    control, treatment = numbers.side_by_side(row.value_control, row.value_treatment, row.kind)
    lift = numbers.lift(row.lift)
    mark = marks.reading(row, alpha=alpha, trusted=trusted)
    guard = row.non_inferiority
    colour = COLOURS[mark.tone] if row.significant or not trusted else "default"
    return [
        row.metric + _slice(row),
        row.role.value,
        row.treatment,
        control.text,
        treatment.text,
        Text(lift.text, style=colour),
        lift.range or lift.why,
        numbers.p_value(row.p_value).text,
        numbers.p_value(None if row.adjustment is Adjustment.NONE else row.p_adjusted).text,
        numbers.half_width(row.mde).text,
        words.declared_percent(guard.margin) if guard else "",
        numbers.p_value(guard.p_value).text if guard else "",
        Text(f"{mark.sign} {mark.word}", style=COLOURS[mark.tone]),
    ]


def show_gaps(
    gaps: Sequence[Gap], checks: Sequence[Check], *, currency: str | None, in_full: bool = False
) -> None:
    """Every pair's verdict and diagnosis in a sentence; checks that failed, and the funnel of an arm, once.

    in_full: with every reason, for the first pair of an arm.
    """
    out = Terminal()
    shown: set[tuple[str, str, str]] = set()
    told: set[str] = set()
    explained: set[tuple[str, str]] = set()
    for position, gap in enumerate(gaps):
        if position:
            out.line()
        mark = marks.verdict_mark(gap.verdict)
        title = f"{gap.experiment} · {gap.treatment} · {gap.offline_metric} × {gap.business_metric}"
        out.line((title, "bold"), (f"   {mark.sign} {mark.word}", COLOURS[mark.tone]))
        out.line(gap.sentence)
        _failures(out, _failed(checks, gap.experiment) if gap.experiment not in told else ())
        told.add(gap.experiment)
        first = (gap.experiment, gap.treatment) not in explained
        explained.add((gap.experiment, gap.treatment))
        show_why(out, gap, currency, in_full=in_full and first)
        arm = (gap.experiment, gap.treatment, gap.business_metric)
        if gap.funnel and arm not in shown:
            _funnel(out, gap, currency)
        shown.add(arm)
        out.line(("Next: ", "bold"), gap.next_action)
    out.show()


def _funnel(out: Terminal, gap: Gap, currency: str | None) -> None:
    head = columns(
        "stage", ">control", ">treatment", ">log points", ">interval", f">{currency or 'change'} per unit",
        ">lift per unit", spare=("control", "treatment"),
    )  # fmt: skip
    rows: list[list[str | Text]] = []
    stages = [(stage.stage, stage) for stage in gap.funnel]
    if gap.funnel_total:
        stages.append((f"all stages: {gap.funnel_total.stage}", gap.funnel_total))
    for name, stage in stages:
        points = numbers.log_points(stage.log_lift, stage.low, stage.high)
        amount = numbers.contribution(stage.money, stage.money_low, stage.money_high)
        rows.append(
            [
                name,
                numbers.number(stage.value_control).text,
                numbers.number(stage.value_treatment).text,
                points.text,
                points.range or points.why,
                amount.text,
                "" if stage.per_unit_lift is None else numbers.lift(stage.per_unit_lift).text,
            ]
        )
    out.table(head, rows)
    if gap.funnel_note:
        out.line((gap.funnel_note, "dim"))
