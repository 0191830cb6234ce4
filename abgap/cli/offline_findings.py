"""What offline evaluation found, in the terminal: model by model, what got better and what got worse."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from abgap.cli.terminal import COLOURS, Terminal, columns
from abgap.records import Check, OfflineRow, OfflineSweep, Status, words
from abgap.records.counterfactual import Counterfactual
from abgap.records.live import LiveQuality, LiveValue
from abgap.records.predictions import PredictionCurves
from abgap.report import marks, numbers, remarks
from abgap.report.marks import offline_reading
from abgap.report.offline_rows import by_pair, pair_title, slice_title
from abgap.report.view.live import live_mark, live_title, shown_value, whole
from abgap.report.view.policies import ESTIMATORS, policy_title

_HEAD = (
    "metric", ">baseline", ">model", ">difference", ">interval", ">p adjusted", ">best lazy", ">skill", ">n",
    ">skipped", "reading",
)  # fmt: skip
_MOST_NAMED = 3
_SAID_IN_NOTES = "lazy_metric"
_SILENT = {"", numbers.NOTHING}
_SPARE = ("skipped", "skill", "n", "p adjusted", "best lazy", "baseline")


def show_offline(rows: Sequence[OfflineRow], *, alpha: float, slices: bool) -> None:
    """Every model against its baseline, then what is to be known beside the numbers; slices below, or counted."""
    out = Terminal()
    for pair, shown in by_pair(rows).items():
        out.line((pair_title(pair), "bold"))
        whole = [row for row in shown if row.slice_name is None]
        _table(out, [_metric(row, alpha) for row in (shown if slices else whole)])
        _remarks(out, shown if slices else whole)
        if not slices:
            _slices_counted(out, [row for row in shown if row.slice_name is not None], alpha)
        out.line("")
    out.show()


def _slices_counted(out: Terminal, rows: Sequence[OfflineRow], alpha: float) -> None:
    """How many slices there are, and which of them got worse."""
    if not rows:
        return
    worse = [row for row in rows if offline_reading(row, alpha=alpha).word == "worse"]
    named = words.listed([f"{row.metric} in {slice_title(row)}" for row in worse[:_MOST_NAMED]])
    more = f" and {len(worse) - _MOST_NAMED} more" if len(worse) > _MOST_NAMED else ""
    compared = any(row.baseline is not None for row in rows)
    said = f", worse: {named}{more}" if worse else ", none of them worse" if compared else ""
    out.point(("·", "dim"), f"{words.plural(len(rows), 'result')} by slice{said} (--slices shows them)")


def show_beside(
    sweeps: Sequence[OfflineSweep], curves: Sequence[PredictionCurves], checks: Sequence[Check]
) -> None:
    """Other definitions and cheaper thresholds in a line each, then what is wrong with the evaluations."""
    out = Terminal()
    telling = [
        s for s in sweeps if s.survives is not None or any(d.outcome == "established" for d in s.definitions)
    ]
    for sweep in telling:
        out.point(("·", "dim"), sweep.sentence)
    if len(telling) < len(sweeps):
        n = words.plural(len(sweeps) - len(telling), "difference")
        out.point(("·", "dim"), f"{n} not established, under no other definition either")
    for curve in curves:
        if curve.cheapest is not None and curve.cost is not None:
            out.point(("·", "dim"), _cheapest(curve, curve.cheapest.threshold, curve.cost))
    for check in checks:
        if check.status in (Status.WARN, Status.FAIL) and check.name != _SAID_IN_NOTES:
            mark = marks.status_mark(check.status)
            out.point((mark.sign, COLOURS[mark.tone]), check.sentence)
    out.show()


def _cheapest(curves: PredictionCurves, threshold: float | None, cost: float) -> str:
    when = (
        "when nothing is called positive"
        if threshold is None
        else f"when scores of at least {numbers.number(threshold).text} are called positive"
    )
    return f"{curves.model}: errors cost least ({numbers.number(cost).text} per example) {when}"


def _table(out: Terminal, lines: Sequence[Sequence[str | Text]]) -> None:
    """The table without columns that say nothing here."""
    head = columns(*_HEAD, spare=_SPARE)
    said = [i for i in range(len(head)) if any(str(line[i]) not in _SILENT for line in lines)]
    out.table([head[i] for i in said], [[line[i] for i in said] for line in lines])


def _metric(row: OfflineRow, alpha: float) -> list[str | Text]:
    baseline, value = numbers.two_values(row.baseline_value, row.value)
    gain = numbers.gain(row.gain, face_value=row.difference)
    mark = offline_reading(row, alpha=alpha)
    best = row.best_lazy
    return [
        f"{row.metric}  {slice_title(row)}".rstrip(),
        baseline.text,
        value.text,
        gain.text,
        (gain.range or gain.why) if row.baseline is not None else "",
        numbers.p_value(row.p_adjusted).text,
        "" if best is None else f"{numbers.number(row.lazy[best]).text} {best}",
        "" if row.skill is None else words.percent(row.skill),
        numbers.count(row.n).text,
        numbers.count(row.skipped).text if row.skipped else "",
        Text(f"{mark.sign} {mark.word}", style=COLOURS[mark.tone]),
    ]


def _remarks(out: Terminal, rows: Sequence[OfflineRow]) -> None:
    """Each note once, with the metrics that it is about; those of a slice with the slice."""
    about: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        for note in remarks.offline_remarks(row):
            about.setdefault((slice_title(row), note), {})[row.metric] = None
    for (part, note), metrics in about.items():
        named = list(metrics)
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED + 1 else ""
        listed = ", ".join(named[:_MOST_NAMED]) if more else words.listed(named)
        out.point(("·", "dim"), f"{listed}{more}{f' ({part})' if part else ''}: {note}")


def show_policies(policies: Sequence[Counterfactual]) -> None:
    """What other policies would have earned, and what that rests on."""
    out = Terminal()
    for policy in policies:
        out.line((policy_title(policy), "bold"))
        lines = [
            [
                ESTIMATORS.get(e.name, e.name),
                *_with_range(numbers.plain(e.value)),
                *_with_range(numbers.gain(e.gain)),
            ]
            for e in policy.estimates
        ]
        head = columns(
            "estimator", ">reward", ">interval", ">against the log", ">its interval", spare=("its interval",)
        )
        out.table(head, lines)
        out.point(("·", "dim"), policy.sentence)
        out.point(("→", "dim"), policy.next_action)
    out.show()


def show_live(quality: LiveQuality, checks: Sequence[Check]) -> None:
    """What models were worth in production, beside the test set; nothing without live sources."""
    out = Terminal()
    for model in quality.models:
        out.line((f"in production: {live_title(model)}", "bold"))
        out.table(
            columns("metric", ">test set", ">live", ">interval", ">difference", ">its interval", "reading"),
            [_live_value(value) for value in whole(model)],
        )
    for check in checks:
        mark = marks.status_mark(check.status)
        out.point((mark.sign, COLOURS[mark.tone]), check.sentence)
    out.show()


def _live_value(value: LiveValue) -> list[str | Text]:
    mark = live_mark(value)
    live, difference = shown_value(value.interval, value.value), numbers.gain(value.difference)
    return [
        value.metric,
        shown_value(value.offline_interval, value.offline_value).text,
        live.text,
        live.range or live.why,
        difference.text,
        difference.range or difference.why,
        Text(f"{mark.sign} {mark.word}", style=COLOURS[mark.tone]),
    ]


def _with_range(shown: numbers.Shown) -> tuple[str, str]:
    return shown.text, shown.range or shown.why
