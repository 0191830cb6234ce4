"""The data checks of rows, units and values: can the numbers be trusted at all? The split is ``arm_checks.py``.

A check says what was measured, where it begins to matter, and what it means, in one sentence. Failures that
make every number of the experiment doubtful are blocking: the gap floor then gives no other verdict.
Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abgap.records import Check, Status
from abgap.records.words import count, p_value, percent
from abgap.stats.tails import chi2_sf

MIXED_WARN, MIXED_FAIL, MIXED_MIN_UNITS = 0.01, 0.10, 10
MISSING_ALPHA = 0.001


def make_check(
    name: str,
    experiment: str | None,
    status: Status,
    sentence: str,
    *,
    value: float | None = None,
    threshold: float | None = None,
    sql: str | None = None,
    blocking: bool = False,
) -> Check:
    """A check record; what a check does not have is None."""
    return Check(
        name=name,
        experiment=experiment,
        status=status,
        value=value,
        threshold=threshold,
        sentence=sentence,
        sql=sql,
        blocking=blocking,
    )


def quoted_names(names: Sequence[str]) -> str:
    """Names out of the data, quoted and joined."""
    return ", ".join(repr(name) for name in names)


# --- exposures ------------------------------------------------------------------------------------------------------


def mixed_units_check(
    name: str, units: Mapping[str, float], mixed: Mapping[str, float], *, timed: bool
) -> Check:
    """Units seen in two variants: left out, counted per arm of their first exposure where there is a first one."""
    total, both = sum(units.values()), sum(mixed.values())
    share = both / total if total else 0.0
    said = (
        f"{count(both)} of {count(total)} units ({percent(share)}) were seen in two variants and are left out"
    )
    if timed:
        per_arm = ", ".join(f"{variant} {count(mixed[variant])}" for variant in sorted(mixed))
        said += f" (first seen in: {per_arm})"
    status, blocking, advice = Status.PASS, False, "."
    if share > MIXED_FAIL:
        status, blocking = Status.FAIL, True
        advice = ". With so many the arms no longer differ as planned: find out why assignment is not sticky."
    elif share > MIXED_WARN and both >= MIXED_MIN_UNITS:
        status, advice = (
            Status.WARN,
            ". More than 1 % is a sign that assignment is not sticky (devices, logins, cookies).",
        )
    if not both:
        said = "No unit was seen in two variants"
    return make_check(
        "units_in_two_variants",
        name,
        status,
        said + advice,
        value=share,
        threshold=MIXED_WARN,
        sql="enrolment_counts",
        blocking=blocking,
    )


def repeated_exposures_check(name: str, units: float, repeated: float) -> Check:
    """Exposures beyond the first of a unit: harmless, and said."""
    sentence = (
        f"{count(repeated)} exposures repeat a unit already seen; "
        f"the first of each of {count(units)} units counts."
    )
    if not repeated:
        sentence = f"Each of {count(units)} units was exposed once."
    return make_check(
        "repeated_exposures", name, Status.PASS, sentence, value=repeated, sql="enrolment_counts"
    )


def left_out_check(
    name: str | None,
    outcomes: Mapping[str, float],
    variants: Sequence[str],
    *,
    what: str | None = None,
) -> Check | None:
    """Rows that were not used, by cause; None when all were. what: the rows in words, when they are no exposures."""
    dropped = {outcome: n for outcome, n in outcomes.items() if outcome != "kept" and n > 0}
    if not dropped:
        return None
    total = sum(outcomes.values())
    causes = ", ".join(f"{count(n)} {_CAUSES[outcome]}" for outcome, n in sorted(dropped.items()))
    seen = f" (unknown variants: {quoted_names(variants)})" if variants else ""
    rows = f"{count(sum(dropped.values()))} of {count(total)} {what or 'exposure rows'}"
    sentence = f"{rows} are not used: {causes}{seen}."
    expected = {"before start", "after end", "unknown experiment", "unknown metric"}
    status = Status.PASS if set(dropped) <= expected else Status.WARN
    return make_check(
        "exposures_left_out" if what is None else "rows_left_out",
        name,
        status,
        sentence,
        value=sum(dropped.values()),
        threshold=0.0,
        sql="exposure_counts" if what is None else None,
    )


_CAUSES = {
    "no unit": "without a unit",
    "no variant": "without a variant",
    "no experiment": "without an experiment",
    "no time": "without a readable time",
    "unknown experiment": "of experiments the study does not declare",
    "unknown variant": "of variants the experiment does not declare",
    "unknown metric": "of metrics the study does not declare",
    "before start": "before the start",
    "after end": "after the end",
}


# --- values ---------------------------------------------------------------------------------------------------------


def missing_values_check(
    name: str, metric: str, units: Mapping[str, int], known: Mapping[str, int]
) -> Check | None:
    """Units without a value of a metric, and whether one arm loses more of them than another."""
    lost = {variant: units[variant] - known.get(variant, 0) for variant in units}
    total = sum(lost.values())
    if total == 0:
        return None
    p = _homogeneity(list(units.values()), list(lost.values()))
    per_arm = ", ".join(f"{variant} {count(lost[variant])}" for variant in units)
    said = (
        f"{count(total)} of {count(sum(units.values()))} units have no value of {metric} "
        f"and are left out of it ({per_arm})"
    )
    if p < MISSING_ALPHA:
        sentence = f"{said}; the arms lose different shares ({p_value(p)}), so the comparison is biased: find out why."
        return make_check("missing_values", name, Status.FAIL, sentence, value=p, threshold=MISSING_ALPHA)
    sentence = f'{said}; if missing means zero, write `value = "coalesce(..., 0)"`.'
    return make_check("missing_values", name, Status.WARN, sentence, value=p, threshold=MISSING_ALPHA)


def _homogeneity(units: Sequence[float], lost: Sequence[float]) -> float:
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


def negative_money_check(metric: str, smallest: float) -> Check | None:
    """Negative amounts of money: refunds perhaps, perhaps a fault."""
    if smallest >= 0:
        return None
    sentence = (
        f"{metric} has values below zero (smallest {smallest:.6g}). "
        "Refunds are fine; if they are faults, filter them with `where`."
    )
    return make_check(
        "negative_values", None, Status.WARN, sentence, value=smallest, threshold=0.0, sql="ranges"
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


# --- sources --------------------------------------------------------------------------------------------------------


def rejected_rows_check(source: str, rows: int, rejected: int, notes: Sequence[str]) -> Check | None:
    """Rows a reader refused."""
    if rejected == 0:
        return None
    first = f"; first: {notes[0]}" if notes else ""
    share = f"{count(rejected)} of {count(rows + rejected)} rows of {source}"
    sentence = f"{share} could not be read and are left out{first}."
    return make_check("rejected_rows", None, Status.WARN, sentence, value=float(rejected), threshold=0.0)


def unusable_events_check(fact: str, rows: int, no_unit: int, no_time: int, *, timed: bool) -> Check:
    """Events without a unit or a time: they belong to nobody, or to no window. timed: whether they have one at all."""
    if no_unit or no_time:
        parts = [
            f"{count(n)} without {what}"
            for n, what in ((no_unit, "a unit"), (no_time, "a readable time"))
            if n
        ]
        sentence = f"Of {count(rows)} events in {fact} {' and '.join(parts)} cannot be used."
        return make_check(
            "unusable_events",
            None,
            Status.WARN,
            sentence,
            value=float(no_unit + no_time),
            threshold=0.0,
            sql="fact_intake",
        )
    sentence = f"All {count(rows)} events in {fact} have a unit{' and a time' if timed else ''}."
    return make_check(
        "unusable_events", None, Status.PASS, sentence, value=0.0, threshold=0.0, sql="fact_intake"
    )
