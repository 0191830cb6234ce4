"""Why a gain got lost, in the words that report and terminal share: evidence as what it is, other reasons in a line."""

from __future__ import annotations

from abgap.gap.portfolio.expecting import METHOD
from abgap.records import BarKind, EvidenceRow, Finding, FindingStatus, Gap, Interval, Measure, words
from abgap.report import numbers
from abgap.report.numbers import Shown

_LABELS = {
    BarKind.EXPECTED: "Expected lift",
    BarKind.UNEXPLAINED: "Unexplained",
    BarKind.OBSERVED: "Observed lift",
}
_TAKES = {BarKind.REASON, BarKind.UNEXPLAINED}
_UNTESTED = "Not testable: "


def supported(gap: Gap) -> list[Finding]:
    """The reasons that explain a part of the gap, the one that explains most first."""
    return _of(gap, FindingStatus.SUPPORTED)


def share_of_gap(found: Finding) -> str:
    """How much of the gap a reason explains: ``60 % of the gap``; nothing where that is not known."""
    return "" if found.share is None else f"{words.percent(found.share, decimals=0)} of the gap"


def budget_parts(gap: Gap) -> list[tuple[BarKind, str, Interval]]:
    """The parts of the gap budget, from expected to observed lift; what takes away goes down, with up as good."""
    titles = {found.name: found.title for found in gap.reasons}
    return [
        (
            bar.kind,
            _LABELS.get(bar.kind) or titles.get(bar.name, bar.name),
            bar.amount.flipped() if bar.kind in _TAKES else bar.amount,
        )
        for bar in gap.budget
    ]


def has_budget(gap: Gap) -> bool:
    """Whether there is something to show: a reason that takes a part of the expected lift."""
    return any(bar.kind is BarKind.REASON for bar in gap.budget)


def basis(gap: Gap) -> str:
    """Where the lift that was to be expected comes from, where the verdict has none, or another one."""
    if gap.shortfall is None:
        return ""
    expected = gap.expected_lift
    differs = bool(gap.budget and expected and gap.budget[0].amount.estimate != expected.estimate)
    if expected is None or (differs and expected.method == METHOD):
        return "No exchange rate is declared: the smallest worthwhile lift stands for what should have come."
    if differs:
        return "Expected from the gain as it was claimed, against another model than the control ran."
    return ""


def sentence(found: Finding) -> str:
    """What a reason says, without the amount that is shown beside it."""
    if not isinstance(found.lift, Interval):
        return found.sentence
    amount = f": {words.percent_interval(found.lift)} of lift."
    return f"{found.sentence.removesuffix(amount)}." if found.sentence.endswith(amount) else found.sentence


def others(gap: Gap) -> list[str]:
    """The reasons that explain nothing, a sentence each kind: ruled out, too uncertain, not tested for want of data.

    Without a gap and without a reason for one there is nothing to say of them: the diagnosis says that.
    """
    established = gap.shortfall is not None and gap.shortfall.low > 0.0
    if not established and not supported(gap):
        return []
    untested = _of(gap, FindingStatus.NOT_TESTABLE) if established else []
    uncertain = [f for f in untested if isinstance(f.lift, Interval) and not f.missing]
    groups = (
        ("Tested, and not the reason", [_with_amount(f) for f in _of(gap, FindingStatus.CONTRADICTED)]),
        ("Too uncertain to tell", [_with_amount(f) for f in uncertain]),
        ("Could not be tested", [_with_need(f) for f in untested if f not in uncertain]),
    )
    return [f"{kind}: {'; '.join(told)}." for kind, told in groups if told]


def _of(gap: Gap, status: FindingStatus) -> list[Finding]:
    return [found for found in gap.reasons if found.status is status]


def _with_amount(found: Finding) -> str:
    """The reason with its amount, unless that is 0 for sure."""
    title = words.lower_case(found.title)
    if not isinstance(found.lift, Interval) or found.lift.low == found.lift.high == 0.0:
        return title
    amount = numbers.lift(found.lift)
    return f"{title} {amount.text} {amount.range}"


def _with_need(found: Finding) -> str:
    """The reason with the inputs that are missing, else with why it could not be told."""
    why = f"needs {words.listed(found.missing)}" if found.missing else _detail(found.sentence)
    title = words.lower_case(found.title)
    return f"{title} ({why})" if why else title


def _detail(text: str) -> str:
    return words.lower_case(text.removeprefix(_UNTESTED).rstrip("."))


def shown(row: EvidenceRow, currency: str | None) -> Shown:
    """The value with its interval, where it has one; a dash where there is no value."""
    if row.value is None:
        return numbers.missing()
    if row.low is not None and row.high is not None and row.low <= row.value <= row.high:
        return _with_interval(row.measure, numbers.between(row.value, row.low, row.high), currency)
    return Shown(text=_alone(row.measure, row.value, currency))


def _with_interval(measure: Measure, value: Interval, currency: str | None) -> Shown:
    match measure:
        case Measure.LIFT:
            return numbers.lift(value)
        case Measure.SHARE:
            return _percent(value)
        case Measure.GAIN:
            return numbers.gain(value)
        case Measure.MONEY:
            return numbers.money(value, currency)
    found = numbers.plain(value)
    return Shown(text=f"{found.text}{_unit(measure)}", range=found.range)


def _alone(measure: Measure, value: float, currency: str | None) -> str:
    match measure:
        case Measure.LIFT:
            return words.signed_percent(value)
        case Measure.SHARE:
            return words.percent(value)
        case Measure.GAIN:
            return words.signed(value)
        case Measure.MONEY:
            return words.money(value, currency)
        case Measure.P_VALUE:
            return numbers.p_value(value).text
        case Measure.COUNT:
            return words.count(value)
    return f"{numbers.measured(value).text}{_unit(measure)}"


def _unit(measure: Measure) -> str:
    return {Measure.MILLISECONDS: " ms", Measure.DAYS: " days"}.get(measure, "")


def _percent(share: Interval) -> Shown:
    found = numbers.plain(share.scaled(100.0))
    return Shown(text=f"{found.text} %", range=found.range)
