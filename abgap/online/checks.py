"""The data checks of an experiment: can its numbers be trusted at all?

A check says what was measured, where it begins to matter, and what it means, in one sentence. Failures that
make every number of the experiment doubtful are blocking: the gap floor then gives no other verdict.
Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from abgap.online.counts import ArmCounts
from abgap.online.experiments import DeclaredExperiment
from abgap.records import Check, Status
from abgap.records.words import count, percent
from abgap.stats.arrays import MIN_UNITS
from abgap.stats.srm import sample_ratio
from abgap.stats.tails import chi2_sf

SRM_ALPHA = 0.001
MIXED_WARN, MIXED_FAIL, MIXED_MIN_UNITS = 0.01, 0.10, 10
MISSING_ALPHA = 0.001


def experiment_checks(experiment: DeclaredExperiment, counts: ArmCounts | None) -> list[Check]:
    """Arms that are there and large enough, and the split of units between them."""
    arms = counts.whole if counts else {}
    missing = _missing_arms(experiment, arms)
    if missing is not None:
        return [missing]
    found = [_arm_sizes(experiment, arms)]
    weights = planned_weights(experiment, arms)
    if weights is None:
        sentence = "The planned split is not declared, so the sample ratio cannot be tested; declare `split`."
        found.append(_check("sample_ratio", experiment.name, Status.NOT_TESTABLE, sentence))
        return found
    found.append(_sample_ratio(experiment.name, arms, weights))
    if counts and counts.parts:
        found.append(_sample_ratio_of_parts(experiment.name, counts, weights))
    return found


def planned_weights(experiment: DeclaredExperiment, arms: Iterable[str]) -> dict[str, float] | None:
    """The declared split; ``equal`` means every variant seen or declared."""
    if experiment.weights is None:
        return None
    if isinstance(experiment.weights, str):
        return dict.fromkeys([*(experiment.variants or ()), *arms], 1.0)
    return dict(experiment.weights)


def _check(
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


def _missing_arms(experiment: DeclaredExperiment, arms: Mapping[str, int]) -> Check | None:
    expected = experiment.variants or (experiment.control,)
    absent = [variant for variant in expected if arms.get(variant, 0) == 0]
    if not arms or len(absent) == len(expected) == len(experiment.variants or ()):
        sentence = f"No unit of {experiment.name!r} is left to analyse: check its name, variants and dates against the data."
    elif absent:
        sentence = (
            f"No units in {_names(absent)}: check the names of the variants (seen: {_names(sorted(arms))})."
        )
    elif len([n for n in arms.values() if n > 0]) < 2:
        sentence = f"Only {experiment.control!r} has units: there is no treatment to compare it with."
    else:
        return None
    return _check(
        "arms_present",
        experiment.name,
        Status.FAIL,
        sentence,
        value=float(len(arms)),
        sql="enrolment_counts",
        blocking=True,
    )


def _arm_sizes(experiment: DeclaredExperiment, arms: Mapping[str, int]) -> Check:
    smallest = min(arms, key=lambda variant: arms[variant])
    n = arms[smallest]
    if n < MIN_UNITS:
        sentence = f"Only {count(n)} units in {smallest!r}: below {MIN_UNITS} nothing is tested."
        return _check(
            "arm_sizes", experiment.name, Status.WARN, sentence, value=float(n), threshold=float(MIN_UNITS)
        )
    sentence = (
        f"{count(sum(arms.values()))} units are analysed, the smallest arm {smallest!r} has {count(n)}."
    )
    return _check(
        "arm_sizes", experiment.name, Status.PASS, sentence, value=float(n), threshold=float(MIN_UNITS)
    )


def _sample_ratio(name: str, arms: Mapping[str, int], weights: Mapping[str, float]) -> Check:
    chi2, df, p = sample_ratio(
        np.array([arms.get(variant, 0) for variant in weights], dtype=np.float64),
        np.array(list(weights.values())),
    )
    shares = ", ".join(
        f"{variant} {percent(share)} of {percent(plan)} planned"
        for variant, share, plan in _shares(arms, weights)
    )
    p_text = f"chi-square {float(chi2):.2f} on {int(df)} df, p {_p(float(p))}"
    if float(p) < SRM_ALPHA:
        sentence = (
            f"Units are not split as planned: {shares} ({p_text}). Something loses units in one arm (redirects, "
            "crashes, logging, bots); no number of this experiment can be trusted until it is found."
        )
        return _check(
            "sample_ratio", name, Status.FAIL, sentence, value=float(p), threshold=SRM_ALPHA, blocking=True
        )
    sentence = f"Units are split as planned: {shares} ({p_text})."
    return _check("sample_ratio", name, Status.PASS, sentence, value=float(p), threshold=SRM_ALPHA)


def _shares(arms: Mapping[str, int], weights: Mapping[str, float]) -> list[tuple[str, float, float]]:
    total, planned = sum(arms.get(v, 0) for v in weights), sum(weights.values())
    return [(variant, arms.get(variant, 0) / total, weight / planned) for variant, weight in weights.items()]


def _sample_ratio_of_parts(name: str, counts: ArmCounts, weights: Mapping[str, float]) -> Check:
    labels = sorted(counts.parts)
    table = np.array(
        [[counts.parts[label].get(variant, 0) for variant in weights] for label in labels], dtype=np.float64
    )
    _, _, p = sample_ratio(table, np.broadcast_to(np.array(list(weights.values())), table.shape))
    worst = int(np.nanargmin(p)) if not np.isnan(p).all() else 0
    adjusted = float(min(p[worst] * len(labels), 1.0))
    what, value = labels[worst]
    if adjusted < SRM_ALPHA:
        sentence = (
            f"Within {what} = {value} units are not split as planned (p {_p(adjusted)} after correcting for {count(len(labels))} "
            "slices and days): look there for the cause."
        )
        return _check(
            "sample_ratio_by_part", name, Status.WARN, sentence, value=adjusted, threshold=SRM_ALPHA
        )
    sentence = f"The split holds in each of {count(len(labels))} slices and days (smallest corrected p {_p(adjusted)})."
    return _check("sample_ratio_by_part", name, Status.PASS, sentence, value=adjusted, threshold=SRM_ALPHA)


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


# --- exposures ------------------------------------------------------------------------------------------------------


def mixed_units_check(name: str, units: Mapping[str, float], mixed: Mapping[str, float]) -> Check:
    """Units seen in two variants: left out, counted per arm of their first exposure."""
    total, both = sum(units.values()), sum(mixed.values())
    share = both / total if total else 0.0
    per_arm = ", ".join(f"{variant} {count(mixed[variant])}" for variant in sorted(mixed))
    said = f"{count(both)} of {count(total)} units ({percent(share)}) were seen in two variants and are left out (first seen in: {per_arm})"
    status, blocking, advice = Status.PASS, False, "."
    if share > MIXED_FAIL:
        status, blocking = Status.FAIL, True
        advice = "; so many that the arms no longer differ as planned: find out why assignment is not sticky."
    elif share > MIXED_WARN and both >= MIXED_MIN_UNITS:
        status, advice = (
            Status.WARN,
            "; more than 1 % is a sign that assignment is not sticky (devices, logins, cookies).",
        )
    if not both:
        said = "No unit was seen in two variants"
    return _check(
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
    sentence = f"{count(repeated)} exposures repeat a unit already seen; the first of each of {count(units)} units counts."
    return _check("repeated_exposures", name, Status.PASS, sentence, value=repeated, sql="enrolment_counts")


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
    seen = f" (unknown variants: {_names(variants)})" if variants else ""
    sentence = f"{count(sum(dropped.values()))} of {count(total)} {what or 'exposure rows'} are not used: {causes}{seen}."
    expected = {"before start", "after end", "unknown experiment", "unknown metric"}
    status = Status.PASS if set(dropped) <= expected else Status.WARN
    return _check(
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
    said = f"{count(total)} of {count(sum(units.values()))} units have no value of {metric} and are left out of it ({per_arm})"
    if p < MISSING_ALPHA:
        sentence = (
            f"{said}; the arms lose different shares (p {_p(p)}), so the comparison is biased: find out why."
        )
        return _check("missing_values", name, Status.FAIL, sentence, value=p, threshold=MISSING_ALPHA)
    sentence = f'{said}; if missing means zero, write `value = "coalesce(..., 0)"`.'
    return _check("missing_values", name, Status.WARN, sentence, value=p, threshold=MISSING_ALPHA)


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
    sentence = f"{metric} has values below zero (smallest {smallest:.6g}). Refunds are fine; if they are faults, filter them with `where`."
    return _check("negative_values", None, Status.WARN, sentence, value=smallest, threshold=0.0, sql="ranges")


def open_windows_check(name: str, fact: str, days: float, units: float, open_units: float) -> Check:
    """Units whose window is not over at the end of the data."""
    share = open_units / units if units else 0.0
    if open_units:
        sentence = (
            f"For {count(open_units)} of {count(units)} units ({percent(share)}) the {days:g}-day window is not over at the last "
            f"event of {fact}: their values may still grow."
        )
        return _check(
            "open_windows", name, Status.WARN, sentence, value=share, threshold=0.0, sql="window_coverage"
        )
    sentence = f"The {days:g}-day window of every unit is over at the last event of {fact}."
    return _check(
        "open_windows", name, Status.PASS, sentence, value=0.0, threshold=0.0, sql="window_coverage"
    )


# --- sources --------------------------------------------------------------------------------------------------------


def rejected_rows_check(source: str, rows: int, rejected: int, notes: Sequence[str]) -> Check | None:
    """Rows a reader refused."""
    if rejected == 0:
        return None
    first = f"; first: {notes[0]}" if notes else ""
    sentence = f"{count(rejected)} of {count(rows + rejected)} rows of {source} could not be read and are left out{first}."
    return _check("rejected_rows", None, Status.WARN, sentence, value=float(rejected), threshold=0.0)


def unusable_events_check(fact: str, rows: int, no_unit: int, no_time: int) -> Check:
    """Events without a unit or a time: they belong to nobody, or to no window."""
    if no_unit or no_time:
        parts = [
            f"{count(n)} without {what}"
            for n, what in ((no_unit, "a unit"), (no_time, "a readable time"))
            if n
        ]
        sentence = f"Of {count(rows)} events in {fact} are {' and '.join(parts)}; they cannot be used."
        return _check(
            "unusable_events",
            None,
            Status.WARN,
            sentence,
            value=float(no_unit + no_time),
            threshold=0.0,
            sql="fact_intake",
        )
    sentence = f"All {count(rows)} events in {fact} have a unit and a time."
    return _check("unusable_events", None, Status.PASS, sentence, value=0.0, threshold=0.0, sql="fact_intake")
