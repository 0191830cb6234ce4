"""The three manifestations of a KPI trap as findings: each is looked for in the numbers, and may not be there.

Metric deception: the chased metric rises and the business does not. Trade-off imbalance: it rises and others fall.
Metric definition flaw: what learnt nothing satisfies it, or it does not see what changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from abgap.lab.kpi_trap.judged import Apart, Judged, Online, Outcome
from abgap.lab.kpi_trap.variants import TARGETS
from abgap.records import Interval, OfflineRow, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifestation:
    """One of the three. shown: whether the numbers of this run show it."""

    title: str
    shown: bool
    sentence: str
    next_action: str


def manifestations(judged: Judged) -> tuple[Manifestation, ...]:
    """All three, in the order in which they are usually told."""
    return (_deception(judged), _imbalance(judged), _flaw(judged))


def rise(row: OfflineRow) -> str:
    """A metric from baseline to model, with the interval of the difference."""
    gain = row.gain
    beside = f" ({words.signed_interval(gain)})" if isinstance(gain, Interval) else ""
    return f"from {_number(row.baseline_value)} to {_number(row.value)}{beside}"


def _number(value: float | None) -> str:
    return "no value" if value is None else words.plain(value, decimals=4)


def _deception(judged: Judged) -> Manifestation:
    chase, online = judged.of("accuracy"), judged.online["chasing_accuracy"]
    expected = online.gap.expected_lift
    hoped = "" if expected is None else f", where {words.signed_percent(expected.estimate)} was expected"
    return Manifestation(
        title="Metric deception",
        shown=chase.reached and online.revenue.low <= 0.0,
        sentence=f"Accuracy went {rise(chase.gain)}. {_money(online)}{hoped}. Of fraud that gets through there is "
        f"{words.percent_interval(online.chargebacks)} more: what fewer false alarms bring, missed fraud takes.",
        next_action="Hold candidates against what their errors cost: offline, the cost per order went "
        f"{rise(chase.row('expected_cost'))}.",
    )


def _money(online: Online) -> str:
    return f"Net revenue per user changed by {words.percent_interval(online.revenue)} in the A/B test"


def _imbalance(judged: Judged) -> Manifestation:
    chase, online = judged.of("recall"), judged.online["chasing_recall"]
    others = [row for row in chase.worse if row.metric != chase.variant.target]
    fell = words.listed([f"{words.label(row.metric)} {rise(row)}" for row in others])
    calibration = chase.row("calibration_error")
    wider = [_wider(part) for part in chase.apart if part.widened.low > 0.0]
    return Manifestation(
        title="Trade-off imbalance",
        shown=chase.reached and bool(others),
        sentence=" ".join(
            [
                f"Recall went {rise(chase.gain)}; {words.plural(len(others), 'other metric')} got worse: {fell}.",
                f"Calibration error, which has no interval, went {rise(calibration)}.",
                *wider,
                f"{_money(online)}.",
            ]
        ),
        next_action="Name beforehand what may get worse and by how much, as guardrails and as slices.",
    )


def _wider(part: Apart) -> str:
    before, after = part.distances
    return (
        f"In {words.label(part.metric)}, {part.second} falls behind {part.first}: the distance went from "
        f"{_number(before)} to {_number(after)}."
    )


def _flaw(judged: Judged) -> Manifestation:
    satisfied = [chase for chase in map(judged.of, TARGETS) if chase.gain.target_ready is False]
    lazy = words.sentence_case(words.listed([_satisfied(chase) for chase in satisfied]))
    blind = judged.of("roc_auc")
    return Manifestation(
        title="Metric definition flaw",
        shown=bool(satisfied),
        sentence=f"{lazy or 'No lazy solution satisfies a chased metric'}. ROC AUC does not see where the threshold "
        f"lies: chasing it took it {rise(blind.gain)}, and accuracy {rise(blind.row('accuracy'))}.",
        next_action="Ask of a metric what doing nothing gets, before it becomes the target.",
    )


def _satisfied(chase: Outcome) -> str:
    row, name = chase.gain, chase.gain.best_lazy
    got = "" if name is None else f"`{name}`, which learnt nothing, gets {_number(row.lazy[name])}"
    return f"by {words.label(row.metric)} {got} (the baseline {_number(row.baseline_value)})"
