"""How numbers become text, decided once for sentences, tables and pictures.

Free of locale: a real minus sign (U+2212), a decimal point, commas between thousands, a blank before the
percent sign. A number and its interval show the same decimals, as many as the width of the interval deserves;
when rounding would blur on which side of a border (zero, the smallest worthwhile lift) a bound lies, decimals
are added. Fractions go in, percent comes out: ``signed_percent(0.04)`` is ``+4.0 %``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abgap.records.numbers import Interval

MINUS = "\u2212"
MAX_DECIMALS = 8
_EXTRA_DECIMALS = 3
_ABBREVIATION = re.compile(
    r"\b(?:ndcg|dcg|mrr|map(?=@)|auc|roc|rbo|ctr|f1|r2|mae|mse|rmse|mape|smape|wape|mase|mcc)\b"
)
_CONSONANT_Y = re.compile(r"[^aeiou]y\Z")
_SCALES = ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"))


def plain(x: float, *, decimals: int | None = None) -> str:
    """Write a number, signed only when negative: ``0.0600``, ``−1,234``.

    Three significant digits unless ``decimals`` is given.
    """
    places = _digits_for(x) if decimals is None else decimals
    text = f"{abs(x):,.{places}f}"
    return MINUS + text if x < 0 and _shows_a_digit(text) else text


def signed(x: float, *, decimals: int | None = None) -> str:
    """Write a number with its sign, unless it shows as zero: ``+0.0600``, ``−1.50``, ``0.0``."""
    text = plain(x, decimals=decimals)
    return f"+{text}" if x > 0 and _shows_a_digit(text) else text


def percent(fraction: float, *, decimals: int = 1) -> str:
    """Write a share: ``80.0 %``."""
    return f"{plain(fraction * 100, decimals=decimals)} %"


def signed_percent(fraction: float, *, decimals: int = 1) -> str:
    """Write a change: ``+4.0 %``, ``−0.3 %``."""
    return f"{signed(fraction * 100, decimals=decimals)} %"


def declared_percent(fraction: float) -> str:
    """Write a share as somebody declared it, without digits of ours: ``1.5 %``, ``0.25 %``."""
    return f"{fraction * 100:.6g} %".replace("-", MINUS)


def count(n: float) -> str:
    """Write a number of things: ``12,345``."""
    return plain(n, decimals=0)


def plain_interval(interval: Interval, *, borders: Sequence[float] = (0.0,)) -> str:
    """Write ``0.060 [0.055, 0.065]``; no bound may look as if it lay on one of the ``borders``."""
    places = interval_decimals(interval, borders=borders)
    return _bracketed(*(plain(x, decimals=places) for x in _three(interval)))


def signed_interval(interval: Interval, *, borders: Sequence[float] = (0.0,)) -> str:
    """Write ``+0.060 [+0.055, +0.065]``."""
    places = interval_decimals(interval, borders=borders)
    return _bracketed(*(signed(x, decimals=places) for x in _three(interval)))


def percent_interval(interval: Interval, *, borders: Sequence[float] = (0.0,)) -> str:
    """Write ``+0.1 % [−0.8, +1.0]``; at least one decimal. Borders are fractions, as the interval is."""
    hundred = interval.scaled(100.0)
    places = interval_decimals(hundred, borders=[border * 100.0 for border in borders], least=1)
    estimate, low, high = (signed(x, decimals=places) for x in _three(hundred))
    return _bracketed(f"{estimate} %", low, high)


def money(amount: float, currency: str | None) -> str:
    """Write an amount: ``1.24 million EUR``, ``39.50 EUR``."""
    factor, word = _scale(abs(amount))
    text = plain(amount / factor, decimals=_digits_for(amount / factor) if word else 2)
    return _joined(text, word, currency)


def money_interval(interval: Interval, currency: str | None) -> str:
    """Write a change in money and its interval in one scale: ``+1.24 million EUR [−0.40, +2.88]``."""
    factor, word = _scale(max(abs(x) for x in _three(interval)))
    scaled = interval.scaled(1.0 / factor)
    places = interval_decimals(scaled, least=1 if word else 2)
    estimate, low, high = (signed(x, decimals=places) for x in _three(scaled))
    return _bracketed(_joined(estimate, word, currency), low, high)


def p_value(p: float) -> str:
    """Write ``p = 0.012``, ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def listed(words: Sequence[str]) -> str:
    """Join to ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def plural(n: float, noun: str) -> str:
    """Write ``1 week``, ``12,000 units``, ``2 queries``."""
    text = count(n)
    if text == "1":
        return f"{text} {noun}"
    return f"{text} {noun[:-1]}ies" if _CONSONANT_Y.search(noun) else f"{text} {noun}s"


def have(n: float) -> str:
    """The verb after a number of things: ``1 row has``, ``2 rows have``."""
    return "has" if count(n) == "1" else "have"


def label(name: str) -> str:
    """Make words of a name: ``revenue_per_user`` is ``revenue per user``, ``ndcg@10`` is ``NDCG@10``."""
    return _ABBREVIATION.sub(lambda found: found.group().upper(), name.replace("_", " "))


def sentence_case(text: str) -> str:
    """Begin with a capital letter, and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def lower_case(text: str) -> str:
    """Begin with a small letter, unless the first word is an abbreviation, and leave the rest as it is."""
    return text if text[1:2].isupper() else f"{text[:1].lower()}{text[1:]}"


def interval_decimals(interval: Interval, *, borders: Sequence[float] = (0.0,), least: int = 0) -> int:
    """Decimals that show the half width with one or two digits and keep the bounds off the borders."""
    half = (interval.high - interval.low) / 2.0
    start = _digits_for(interval.estimate) if half <= 0.0 else math.ceil(-math.log10(half / 3.0))
    places = min(max(start, least), MAX_DECIMALS)
    for extra in range(_EXTRA_DECIMALS + 1):
        if not _blurs(interval, borders, places + extra):
            return min(places + extra, MAX_DECIMALS)
    return places


def _blurs(interval: Interval, borders: Sequence[float], places: int) -> bool:
    """Whether a bound that differs from a border would look equal to it."""
    return any(
        bound != border and round(bound, places) == round(border, places)
        for bound in (interval.low, interval.high)
        for border in borders
    )


def _digits_for(x: float, *, significant: int = 3) -> int:
    """Decimals that give ``significant`` digits."""
    if x == 0.0:
        return 1
    return min(max(significant - 1 - math.floor(math.log10(abs(x))), 0), MAX_DECIMALS)


def _shows_a_digit(text: str) -> bool:
    return any(digit in text for digit in "123456789")


def _scale(size: float) -> tuple[float, str]:
    return next(((factor, word) for factor, word in _SCALES if size >= factor), (1.0, ""))


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _three(interval: Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.low, interval.high


def _bracketed(estimate: str, low: str, high: str) -> str:
    return f"{estimate} [{low}, {high}]"
