"""Scenarios of the lab for a terminal: the list of them, and a diagnosis beside the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abgap.cli.terminal import Terminal, columns
from abgap.lab.scenarios.base import Scenario
from abgap.lab.scenarios.running import Diagnosed
from abgap.records import Finding, FindingStatus, Interval
from abgap.records.words import listed, percent_interval, plural, signed_percent
from abgap.report import numbers

_NOTHING = "nothing"
_SHOWN = 1
"""Experiments up to which each is shown by itself."""


def show_scenarios(scenarios: Sequence[Scenario]) -> None:
    """Every scenario with what it plants and its story, world by world."""
    out = Terminal()
    for world in dict.fromkeys(each.world for each in scenarios):
        out.line((f"world {world}", "bold"))
        rows = [
            [each.name, ", ".join(each.reasons) or _NOTHING, each.story]
            for each in scenarios
            if each.world == world
        ]
        out.table(columns("scenario", "plants", "story"), rows)
        out.line()
    out.line("Look at one with: abgap lab run NAME")
    out.show()


def show_diagnosed(scenario: Scenario, found: Sequence[Diagnosed]) -> None:
    """What was planted and what was found: reason by reason of one experiment, else counted."""
    out = Terminal()
    out.line((scenario.name, "bold"), f"   {scenario.story}")
    out.line(("Planted: ", "bold"), _planted(scenario, found))
    if len(found) <= _SHOWN:
        for each in found:
            _one(out, each)
    else:
        _counted(out, found)
    out.show()


def _planted(scenario: Scenario, found: Sequence[Diagnosed]) -> str:
    if not scenario.reasons:
        return _NOTHING
    amounts = {name: _mean(each.planted.reasons.get(name) for each in found) for name in scenario.reasons}
    return listed(
        [name if amount is None else f"{name} ({signed_percent(amount)})" for name, amount in amounts.items()]
    )


def _one(out: Terminal, each: Diagnosed) -> None:
    truth, gap = each.planted, each.gap
    out.line(
        ("Truth: ", "bold"),
        f"{signed_percent(truth.expected)} was claimed, the treatment brings {signed_percent(truth.true_lift)}.",
    )
    out.line(("Verdict: ", "bold"), gap.sentence)
    if gap.diagnosis is not None:
        out.line(("Diagnosis: ", "bold"), gap.diagnosis)
    rows = [
        [
            finding.name,
            _amount(truth.reasons.get(finding.name), is_planted=finding.name in truth.reasons),
            finding.status.value,
            _lift(finding),
            finding.sentence,
        ]
        for finding in sorted(gap.reasons, key=lambda f: f.name not in truth.reasons)
    ]
    out.table(columns("reason", ">takes in truth", "found", "takes", "sentence", spare=("sentence",)), rows)
    out.line(("Agreement: ", "bold"), _agreement(each))


def _agreement(each: Diagnosed) -> str:
    if not each.missed and not each.false_alarms:
        return "what was planted was found, and nothing else."
    missed = [f"not found: {listed(list(each.missed))}"] if each.missed else []
    wrong = [f"found but not planted: {listed(list(each.false_alarms))}"] if each.false_alarms else []
    return "; ".join(missed + wrong) + "."


def _counted(out: Terminal, found: Sequence[Diagnosed]) -> None:
    out.line(f"{plural(len(found), 'experiment')}, each with users, test queries and models of its own")
    names = dict.fromkeys(finding.name for each in found for finding in each.gap.reasons)
    planted = found[0].planted.reasons
    rows = [list(_row(name, found)) for name in sorted(names, key=lambda n: n not in planted)]
    head = columns(
        "reason",
        ">planted",
        ">supported",
        ">contradicted",
        ">not testable",
        ">takes in truth",
        ">takes as found",
        ">interval holds it",
    )
    out.table(head, rows)


def _row(name: str, found: Sequence[Diagnosed]) -> Iterator[str]:
    planted = [each.planted.reasons[name] for each in found if name in each.planted.reasons]
    findings = [next((f for f in each.gap.reasons if f.name == name), None) for each in found]
    yield name
    yield numbers.count(len(planted)).text if planted else ""
    for status in FindingStatus:
        yield numbers.count(sum(f is not None and f.status is status for f in findings)).text
    amounts = [
        (amount, f.lift)
        for each, f in zip(found, findings, strict=True)
        if f is not None
        and isinstance(f.lift, Interval)
        and (amount := each.planted.reasons.get(name)) is not None
    ]
    if not amounts:
        yield from ("", "", "")
        return
    yield signed_percent(sum(amount for amount, _ in amounts) / len(amounts))
    yield signed_percent(sum(lift.estimate for _, lift in amounts) / len(amounts))
    held = sum(lift.low <= amount <= lift.high for amount, lift in amounts)
    yield f"{held} of {len(amounts)}"


def _amount(amount: float | None, *, is_planted: bool) -> str:
    if amount is not None:
        return signed_percent(amount)
    return "planted" if is_planted else ""


def _lift(finding: Finding) -> str:
    return percent_interval(finding.lift) if isinstance(finding.lift, Interval) else ""


def _mean(amounts: Iterator[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) / len(known) if known else None
