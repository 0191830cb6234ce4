"""The data checks of values: are they there, are they plausible, and are they final?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abgap.records import Check, Status
from abgap.records.checks import make_check
from abgap.records.words import count, p_value, percent, plural
from abgap.stats.tails import chi2_sf

MISSING_ALPHA = 0.001
# Of the units: once more of them cannot be counted, what is left speaks for the early ones only.
_MOST = 0.5


def missing_values_check(
    name: str, metric: str, units: Mapping[str, int], known: Mapping[str, int], *, decides: bool
) -> Check | None:
    """Units without a value of a metric, and whether one arm loses more of them than another.

    decides: whether verdicts or decisions rest on the metric, so that losing unlike shares blocks them.
    """
    lost = {variant: units[variant] - known.get(variant, 0) for variant in units}
    total = sum(lost.values())
    if total == 0:
        return None
    p = same_share_p(list(units.values()), list(lost.values()))
    per_arm = ", ".join(f"{variant} {count(lost[variant])}" for variant in units)
    said = (
        f"{count(total)} of {count(sum(units.values()))} units have no value of {metric} "
        f"and are left out of it ({per_arm})"
    )
    if p < MISSING_ALPHA:
        sentence = f"{said}; the arms lose different shares ({p_value(p)}), so the comparison is biased: find out why."
        return make_check(
            "missing_values",
            name,
            Status.FAIL,
            sentence,
            value=p,
            threshold=MISSING_ALPHA,
            sql="rollup",
            blocking=decides,
        )
    sentence = f'{said}; if missing means zero, write `value = "coalesce(..., 0)"`.'
    return make_check(
        "missing_values", name, Status.WARN, sentence, value=p, threshold=MISSING_ALPHA, sql="rollup"
    )


def same_share_p(units: Sequence[float], lost: Sequence[float]) -> float:
    """Chi-square p-value that all arms lose the same share."""
    rest = [n - k for n, k in zip(units, lost, strict=True)]
    share = sum(lost) / sum(units)
    if share in {0.0, 1.0}:
        return 1.0
    chi2 = sum(
        (k - n * share) ** 2 / (n * share) + (r - n * (1 - share)) ** 2 / (n * (1 - share))
        for n, k, r in zip(units, lost, rest, strict=True)
        if n > 0
    )
    return float(chi2_sf(chi2, float(len([n for n in units if n > 0]) - 1)))


def negative_money_check(metric: str, smallest: float, events: int | None) -> Check | None:
    """Negative amounts of money: refunds perhaps, perhaps a fault. events: how many; None when units were given."""
    if smallest >= 0:
        return None
    where = "" if events is None else f" in {plural(events, 'event')}"
    sentence = (
        f"{metric} has values below zero{where} (smallest {smallest:.6g}). "
        "Refunds are fine; if they are faults, filter them with `where`."
    )
    query = "ranges" if events is None else "value_intake"
    return make_check(
        "negative_values", None, Status.WARN, sentence, value=smallest, threshold=0.0, sql=query
    )


def open_windows_check(name: str, fact: str, days: float, units: float, open_units: float) -> Check:
    """Units whose window is not over at the end of the data."""
    share = open_units / units if units else 0.0
    if open_units:
        sentence = (
            f"For {count(open_units)} of {count(units)} units ({percent(share)}) the {days:g}-day window is not over "
            f"at the last event of {fact}: their values may still grow."
        )
        return make_check(
            "open_windows", name, Status.WARN, sentence, value=share, threshold=0.0, sql="window_coverage"
        )
    sentence = f"The {days:g}-day window of every unit is over at the last event of {fact}."
    return make_check(
        "open_windows", name, Status.PASS, sentence, value=0.0, threshold=0.0, sql="window_coverage"
    )


def too_young_check(
    name: str, metric: str, days: float, units: Mapping[str, int], known: Mapping[str, int]
) -> Check:
    """Units that retention cannot be told of yet; a warning once they are most of them."""
    total, young = sum(units.values()), sum(units.values()) - sum(known.values())
    share = young / total if total else 0.0
    per_arm = ", ".join(f"{variant} {count(units[variant] - known[variant])}" for variant in units)
    sentence = f"Every unit was there for the {days:g} days of {metric}."
    if young:
        sentence = (
            f"{count(young)} of {count(total)} units ({percent(share)}) were first exposed less than {days:g} days "
            f"before the data end and are left out of {metric} ({per_arm})."
        )
    status = Status.WARN if share > _MOST else Status.PASS
    return make_check("too_young", name, status, sentence, value=share, threshold=_MOST, sql="unit_outcomes")


def empty_cap_check(name: str, metric: str, percentile: float, cap: float, smallest: float) -> Check | None:
    """Whether a cap leaves nothing to compare: it is zero, or the smallest value of all."""
    if cap not in {0.0, smallest}:
        return None
    sentence = (
        f"{metric} is capped at its {percentile:.6g} % quantile, which is {cap:.6g}: no value above that is left. "
        "Most units have none; raise cap_percentile, or remove it."
    )
    return make_check("empty_cap", name, Status.FAIL, sentence, value=cap, threshold=0.0, sql="caps")
