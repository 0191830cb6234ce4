"""The page of the KPI-trap experiment: every number on it was computed by abgap from the files of the experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from abgap.lab.kpi_trap import online
from abgap.lab.kpi_trap.cases import RATE
from abgap.lab.kpi_trap.judged import Judged, Outcome
from abgap.lab.kpi_trap.manifestations import Manifestation, manifestations
from abgap.lab.kpi_trap.study import CASES
from abgap.lab.kpi_trap.variants import TARGETS, THRESHOLD, Way
from abgap.records import Interval, OfflineRow, words

PAGE = "kpi-trap.md"
_INTRODUCTION = """\
# KPI trap

What happens to everything else when one metric is chased? Here a model is trained, then pushed on purpose towards one
metric at a time, and abgap evaluates every step from files, as it would evaluate anybody's. This page is made by
`abgap lab kpi-trap --out trap --seed {seed}`, which writes the study with its data, the report, the pictures and
this page.

**The task.** Orders of a shop; one in {rarity} is fraud. A logistic regression sees two numbers of each and holds it
from a score of {threshold:g} on. An order held without need is lost ({alarm:g} EUR on average); fraud that passes costs
{miss:g} EUR. Orders from abroad are a fifth, and fraud looks different there. A quarter of the test orders comes with
noise on both numbers, as live orders do. Train, validation and test data have {cases} orders each.

**The chase.** One dial, three ways: positives weigh r times as much (*weighting*); every r-th negative is kept, or for
r below 1 the share r of positives (*sampling*); r times smaller odds are enough to hold an order (*threshold*). The r
that does best by the chased metric on validation data is taken, from 1/64 to 64."""

_CHASES = """\
## What was gained, and what got worse

Against the baseline over all test orders. Worse is what is established after correction for the number of candidates.
For the threshold, calibration and log loss do not count: it moves decisions, not probabilities."""

_SLICES = """\
## Fairness and robustness

Recall is the share of fraud that is found, specificity the share of honest orders that pass. Distance: between the two
slices; widened: by how much chasing the metric (by weighting) changed it."""

_ONLINE = """\
## What the A/B tests said

Both models ran against the baseline, on {users} customers each. Expected is what the team's exchange rate made of the
offline gain. The truth, from a million orders, is in `truth.json`."""

_FURTHER = """\
## Look further

```sh
abgap lab kpi-trap --out trap
abgap offline --study trap/abgap.toml --slices
abgap gap --study trap/abgap.toml
```"""
_BESIDE = """\

Metrics and how each misleads: [metrics.md](metrics.md); lazy solutions and skill: [offline.md](offline.md)."""

_PICTURES = {
    "boundaries.svg": "Where each model draws its line",
    "thresholds.svg": "Accuracy, recall and precision of the baseline over its threshold",
}


def page(judged: Judged, seed: int, *, in_docs: bool = False) -> str:
    """The text of the page, ending in a newline. in_docs: whether it stands in docs/, beside other pages."""
    lines = _lines(judged, seed, picture_in_docs if in_docs else str)
    return "\n".join([*lines, *([_BESIDE] if in_docs else [])]) + "\n"


def picture_in_docs(name: str) -> str:
    """Where a picture stands below docs/."""
    return f"images/kpi_trap_{name}"


def _lines(judged: Judged, seed: int, picture: Callable[[str], str]) -> Iterator[str]:
    yield _INTRODUCTION.format(
        seed=seed, rarity=round(1.0 / RATE), threshold=THRESHOLD, alarm=online.FALSE_ALARM_COST,
        miss=online.MISS_COST, cases=words.count(CASES),
    )  # fmt: skip
    yield from ("", "## Three manifestations")
    for found in manifestations(judged):
        yield from _manifestation(found)
    yield from _illustrated("boundaries.svg", picture)
    yield from ("", _CHASES, "", *_chases(judged), "")
    for target in TARGETS:
        yield f"![Chasing {words.label(target)}: change of every metric]({picture(f'chasing_{target}.svg')})"
    yield from _illustrated("thresholds.svg", picture)
    yield from ("", _SLICES, "", *_slices(judged))
    yield from ("", _ONLINE.format(users=words.count(online.USERS)), "", *_tests(judged))
    yield from ("", _FURTHER)


def _manifestation(found: Manifestation) -> Iterator[str]:
    shown = "shown" if found.shown else "not shown here"
    yield from ("", f"### {found.title}: {shown}", "", found.sentence, "", f"**Next:** {found.next_action}")


def _illustrated(name: str, picture: Callable[[str], str]) -> Iterator[str]:
    yield from ("", f"![{_PICTURES[name]}]({picture(name)})")


def _chases(judged: Judged) -> Iterator[str]:
    yield from _head("chased", "by", "r", "baseline", "model", "gain", "worse")
    for outcome in judged.outcomes:
        variant, row = outcome.variant, outcome.gain
        yield _row(
            words.label(variant.target), variant.way, _strength(variant.strength),
            _number(row.baseline_value), _number(row.value), _gain(row), _losses(outcome),
        )  # fmt: skip


def _strength(strength: float) -> str:
    return f"{strength:g}" if strength >= 1.0 else f"1/{1.0 / strength:g}"


def _gain(row: OfflineRow) -> str:
    return words.signed_interval(row.gain) if isinstance(row.gain, Interval) else "no interval"


def _losses(outcome: Outcome) -> str:
    losses = [
        f"{words.label(row.metric)} {words.signed(row.gain.estimate)}"
        for row in outcome.worse
        if isinstance(row.gain, Interval)
    ]
    return ", ".join(losses) or "nothing established"


def _slices(judged: Judged) -> Iterator[str]:
    yield from _head("chased", "metric", "slices", "distance before", "after", "widened by")
    for target in TARGETS:
        for part in judged.of(target, Way.WEIGHTING).apart:
            yield _row(
                words.label(target), part.metric, f"{part.first} less {part.second}",
                *map(_distance, part.distances, (part.baseline, part.variant)), words.signed_interval(part.widened),
            )  # fmt: skip


def _distance(distance: float, values: tuple[float, float]) -> str:
    first, second = (_number(value) for value in values)
    return f"{words.signed(distance, decimals=4)} ({first}, {second})"


def _tests(judged: Judged) -> Iterator[str]:
    yield from _head(
        "experiment", "offline gain", "expected", "net revenue per user", "chargebacks", "verdict"
    )
    for name, found in judged.online.items():
        gap = found.gap
        gain = words.signed_interval(gap.offline_gain) if isinstance(gap.offline_gain, Interval) else ""
        yield _row(
            f"`{name}`", f"{words.label(gap.offline_metric)} {gain}",
            "" if gap.expected_lift is None else words.percent_interval(gap.expected_lift),
            words.percent_interval(found.revenue), words.percent_interval(found.chargebacks), gap.verdict,
        )  # fmt: skip


def _number(value: float | None) -> str:
    return "no value" if value is None else words.plain(value, decimals=4)


def _head(*names: str) -> tuple[str, str]:
    return _row(*names), "|" + "---|" * len(names)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
