"""The data checks of rows and units: can the numbers be trusted at all?

The split between arms is ``arm_checks.py``, what metrics are made of is ``value_checks.py``.

A check says what was measured, where it begins to matter, and what it means, in one sentence. Failures that
make every number of the experiment doubtful are blocking: the gap floor then gives no other verdict.
Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abgap.records import Check, Status
from abgap.records.checks import make_check, quoted_names
from abgap.records.order import natural_order
from abgap.records.words import count, percent, plural

MIXED_WARN, MIXED_FAIL, MIXED_MIN_UNITS = 0.01, 0.10, 10

# --- clusters -------------------------------------------------------------------------------------------------------


def mixed_clusters_check(name: str, clusters: float, mixed: float, units: float) -> Check:
    """Clusters seen in two variants, which are left out. units: of these."""
    share = mixed / clusters if clusters else 0.0
    said = (
        f"{count(mixed)} of {count(clusters)} clusters ({percent(share)}) have units in two variants and are left out "
        f"with {plural(int(units), 'unit')}."
    )
    status, blocking = Status.PASS, False
    if share > MIXED_FAIL:
        status, blocking = Status.FAIL, True
        said += " With so many, clusters were not what was randomised: leave `cluster` away, or mend it."
    elif mixed:
        status = Status.WARN
    if not mixed:
        said = "No cluster has units in two variants."
    return make_check(
        "clusters_in_two_variants",
        name,
        status,
        said,
        value=share,
        threshold=MIXED_FAIL,
        sql="cluster_counts",
        blocking=blocking,
    )


def units_without_cluster_check(name: str, units: float, without: float) -> Check | None:
    """Units that no cluster is known of."""
    if not without:
        return None
    share = without / units
    sentence = (
        f"{count(without)} of {count(units)} units ({percent(share)}) have no cluster and are left out; "
        "if each of them is one, give them their own id as cluster."
    )
    return make_check(
        "units_without_cluster",
        name,
        Status.WARN,
        sentence,
        value=share,
        threshold=0.0,
        sql="cluster_counts",
    )


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
        per_arm = ", ".join(
            f"{variant} {count(mixed[variant])}" for variant in sorted(mixed, key=natural_order)
        )
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


def repeated_events_check(fact: str, rows: int, repeated: int) -> Check:
    """Events that are there twice, equal in every column: each is counted as often as it stands there."""
    status, sentence = Status.PASS, f"No two events in {fact} are equal in every column."
    if repeated:
        status = Status.WARN
        sentence = (
            f"{count(repeated)} of {count(rows)} events in {fact} repeat another one in every column, and are counted "
            'again; if they were delivered twice, read the table with `query = "SELECT DISTINCT * FROM ..."`.'
        )
    return make_check(
        "repeated_events", None, status, sentence, value=float(repeated), threshold=0.0, sql="repeated_events"
    )


def unmatched_events_check(fact: str, rows: int, units_with_events: int) -> Check | None:
    """Whether the fact table knows any unit of the experiments; None when it does."""
    if rows == 0 or units_with_events > 0:
        return None
    sentence = (
        f"No analysed unit has an event in {fact} in any window, so every metric of it is 0: "
        "are its units those of the exposures, written alike, and does it cover the experiments' dates?"
    )
    return make_check(
        "unmatched_events", None, Status.FAIL, sentence, value=0.0, threshold=1.0, sql="unit_parts"
    )


def rows_without_unit_check(rows: int) -> Check | None:
    """Rows of a ready-made table that have no unit although it has a column for it."""
    if rows == 0:
        return None
    sentence = f"{plural(rows, 'row')} of [unit_values] without a unit cannot be used."
    return make_check(
        "rows_without_unit",
        None,
        Status.WARN,
        sentence,
        value=float(rows),
        threshold=0.0,
        sql="repeated_units",
    )
