"""Every number of the report as text: the words of ``abgap.records.words`` put into cells.

What a number looks like (sign, decimals, percent, money) is decided in ``records.words``, so that tables and
sentences agree. Here is decided what a *cell* says: a dash and the reason in words where there is no number, the same
decimals for two values that stand side by side, and log points, p-values and sizes as tables want them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from abgap.records import Estimable, Interval, Kind, NotEstimable, Reason, words

NOTHING = "—"
_SIGNIFICANT_DIGITS = 4
_MOST_DECIMALS = 8
_MOST_DECIMALS_OF_LIFTS = 2
_LEFT_BY_ROUNDING = 1e-12
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB")

REASONS = {
    Reason.NO_UNITS: "no units",
    Reason.TOO_FEW_UNITS: "too few units",
    Reason.ZERO_VARIANCE: "no variation",
    Reason.NO_DENOMINATOR: "no denominator",
    Reason.CONTROL_NEAR_ZERO: "control too close to zero",
    Reason.NO_VARIANCE_GIVEN: "no variance given",
    Reason.TOO_FEW_VALUES: "too few values beyond it",
    Reason.NOT_DEFINED: "not defined",
    Reason.NOT_ADDITIVE: "no sum of events",
    Reason.BY_CLUSTER: "clusters were randomised",
    Reason.TOO_SHORT: "too short",
    Reason.NO_INTERVAL_GIVEN: "no interval given",
    Reason.NOT_POSITIVE: "not positive",
    Reason.NOT_DECLARED: "not declared",
    Reason.NOT_MATCHED: "not matched",
    Reason.SMALL_EFFECTIVE_SAMPLE: "effective sample too small",
    Reason.WEIGHTS_OFF: "weights do not average 1",
    Reason.BAD_PROPENSITIES: "propensities cannot be used",
    Reason.TOO_FEW_EXPERIMENTS: "too few experiments",
    Reason.NO_SIGNAL: "no detectable signal",
    Reason.NOT_RELIABLE: "mostly noise",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A number as text. range: its interval in brackets. why: the reason in words when ``text`` is a dash."""

    text: str
    range: str = ""
    why: str = ""


def missing(why: str = "") -> Shown:
    """The dash, with its reason."""
    return Shown(text=NOTHING, why=why)


def lift(value: Estimable | None, *, borders: tuple[float, ...] = ()) -> Shown:
    """A relative change with its interval: ``+4.0 %`` and ``[+3.1, +4.9]``.

    borders: fractions (such as the smallest worthwhile lift) on which no bound may seem to lie.
    """
    if not isinstance(value, Interval):
        return _without_number(value)
    return _split(words.percent_interval(value, borders=(0.0, *borders)))


def gain(value: Estimable | None, *, face_value: float | None = None) -> Shown:
    """An offline gain in the metric's own units; without an interval the bare value, marked as such."""
    if isinstance(value, NotEstimable) and face_value is not None:
        return Shown(text=words.signed(face_value), why=REASONS[value.reason])
    if not isinstance(value, Interval):
        return _without_number(value)
    return _split(words.signed_interval(value))


def plain(value: Estimable | None) -> Shown:
    """A number with its interval, without a sign: ``0.0042`` and ``[0.0031, 0.0057]``."""
    if not isinstance(value, Interval):
        return _without_number(value)
    return _split(words.plain_interval(value))


def share(value: Estimable | None) -> Shown:
    """A share with its interval: ``75 %`` and ``[47, 91]``."""
    if not isinstance(value, Interval):
        return _without_number(value)
    estimate, low, high = (
        words.plain(100.0 * x, decimals=0) for x in (value.estimate, value.low, value.high)
    )
    return Shown(text=f"{estimate} %", range=f"[{low}, {high}]")


def lifts(values: Sequence[Interval]) -> list[Shown]:
    """Relative changes that are read together, with the same decimals."""
    hundred = [value.scaled(100.0) for value in values]
    wanted = [words.interval_decimals(value, least=1) for value in hundred]
    places = min(max(wanted, default=1), _MOST_DECIMALS_OF_LIFTS)
    return [
        Shown(
            text=f"{words.signed(value.estimate, decimals=places)} %",
            range=f"[{words.signed(value.low, decimals=places)}, {words.signed(value.high, decimals=places)}]",
        )
        for value in hundred
    ]


def money(value: Estimable | None, currency: str | None) -> Shown:
    """An amount with its interval: ``+1.24 million EUR`` and ``[−0.40, +2.88]``."""
    if not isinstance(value, Interval):
        return _without_number(value)
    return _split(words.money_interval(value, currency))


def log_points(value: float | None, low: float | None, high: float | None) -> Shown:
    """A change on the log scale in hundredths: ``+9.53`` and ``[+7.0, +12.1]``."""
    if value is None:
        return missing("a stage is zero")
    if low is None or high is None:
        return Shown(text=words.signed(100.0 * value))
    return _split(words.signed_interval(between(value, low, high).scaled(100.0)))


def contribution(value: float | None, low: float | None, high: float | None) -> Shown:
    """A stage's part of a change in the total's own units."""
    if value is None:
        return missing()
    if low is None or high is None:
        return Shown(text=words.signed(value))
    return _split(words.signed_interval(between(value, low, high)))


def side_by_side(control: float | None, treatment: float | None, kind: Kind) -> tuple[Shown, Shown]:
    """The values of two arms with the same decimals, enough of them to show that they differ."""
    share = kind.is_share
    given = [abs(x) * (100.0 if share else 1.0) for x in (control, treatment) if _finite(x)]
    decimals = _common_decimals(given, share=share)
    return _value(control, decimals, share=share), _value(treatment, decimals, share=share)


def two_values(first: float | None, second: float | None) -> tuple[Shown, Shown]:
    """Two plain numbers with the same decimals."""
    return side_by_side(first, second, Kind.MEAN)


def number(value: float | None) -> Shown:
    """A plain number with four significant digits."""
    return two_values(value, None)[0]


def measured(value: float | None) -> Shown:
    """What a check measured: a count, a share or a p-value, without trailing zeros; very small as a power of ten."""
    if not _finite(value):
        return missing()
    if value != 0.0 and abs(value) < 1e-4:
        mantissa, exponent = f"{value:.1e}".split("e")
        return Shown(
            text=f"{words.plain(float(mantissa), decimals=1)} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
        )
    text = words.plain(value, decimals=0 if float(value).is_integer() else None)
    return Shown(text=text.rstrip("0").rstrip(".") if "." in text else text)


def p_value(p: float | None) -> Shown:
    """A p-value for a column that is headed p: ``0.012``, ``< 0.001``."""
    if p is None or not math.isfinite(p):
        return missing()
    return Shown(text="< 0.001" if p < 0.001 else f"{p:.3f}")


def half_width(fraction: float | None) -> Shown:
    """A distance from zero in percent, on either side of it: ``±2.1 %``."""
    return Shown(text=f"±{words.percent(fraction)}") if _finite(fraction) else missing()


def count(n: float | None) -> Shown:
    """A number of things, or a dash."""
    return Shown(text=words.count(n)) if _finite(n) else missing()


def size(n_bytes: int) -> str:
    """The size of a file in decimal units: ``1.2 MB``."""
    amount, unit = float(n_bytes), 0
    while amount >= 999.5 and unit < len(_BYTE_UNITS) - 1:
        amount, unit = amount / 1000.0, unit + 1
    return f"{words.plain(amount, decimals=1 if unit and amount < 99.95 else 0)} {_BYTE_UNITS[unit]}"


def between(estimate: float, low: float, high: float) -> Interval:
    """An interval that is only to be shown."""
    return Interval(estimate=estimate, low=low, high=high, level=0.0, method="")


def _without_number(value: NotEstimable | None) -> Shown:
    return missing(REASONS[value.reason]) if value else missing()


def _split(text: str) -> Shown:
    """What ``words`` writes as one text, in its two parts."""
    estimate, bracket, rest = text.rpartition(" [")
    return Shown(text=estimate, range=f"{bracket.strip()}{rest}")


def _finite(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _value(value: float | None, decimals: int, *, share: bool) -> Shown:
    if not _finite(value):
        return missing()
    return Shown(
        text=words.percent(value, decimals=decimals) if share else words.plain(value, decimals=decimals)
    )


def _common_decimals(values: list[float], *, share: bool) -> int:
    """Enough to show that values differ; what rounding left of 0 is no reason for more."""
    values = [0.0 if x < _LEFT_BY_ROUNDING else x for x in values]
    largest = max(values, default=0.0)
    if largest == 0.0:
        return 1 if share else _SIGNIFICANT_DIGITS
    decimals = min(max(_SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(largest)), 0), _MOST_DECIMALS)
    while decimals < _MOST_DECIMALS and len(set(values)) > len({round(x, decimals) for x in values}):
        decimals += 1
    return decimals
