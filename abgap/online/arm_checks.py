"""The data checks of an experiment's arms: are they there, are they large enough, and split as planned?

The split is tested against the planned one, whole and in every slice and day that is large enough for the test: by
chi-square where results are read once, by a test that is valid at every look where they are read at any time. A
whole experiment that fails is blocked: whatever lost the units may have lost the effect with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from abgap.online.counts import DAY, ArmCounts
from abgap.online.experiments import DeclaredExperiment
from abgap.records import Check, Status
from abgap.records.checks import make_check, quoted_names
from abgap.records.moments import FloatArray
from abgap.records.order import natural_order
from abgap.records.words import count, listed, p_value, percent, plural
from abgap.stats.arrays import MIN_UNITS
from abgap.stats.srm import sample_ratio, sequential_sample_ratio

SRM_ALPHA = 0.001
# Below this many expected units in an arm, chi-square is no measure of a p-value as small as SRM_ALPHA.
MIN_EXPECTED = 5.0
_MOST_ARMS_LISTED = 4


def experiment_checks(
    experiment: DeclaredExperiment, counts: ArmCounts | None, *, sequential: bool = False
) -> list[Check]:
    """Arms that are there and large enough, and the split of units between them.

    sequential: whether results are looked at any time, and the split with them.
    """
    arms = counts.whole if counts else {}
    query = counts.query if counts else None
    missing = _missing_arms(experiment, arms, query)
    if missing is not None:
        return [missing]
    found = [_arm_sizes(experiment, arms, query)]
    weights = planned_weights(experiment, arms)
    if weights is None:
        sentence = "The planned split is not declared, so the sample ratio cannot be tested; declare `split`."
        found.append(make_check("sample_ratio", experiment.name, Status.NOT_TESTABLE, sentence, sql=query))
        return found
    found.append(_sample_ratio(experiment.name, counts, weights, sequential=sequential))
    if counts and counts.parts:
        found.append(_sample_ratio_of_parts(experiment.name, counts, weights, sequential=sequential))
    return found


def planned_weights(experiment: DeclaredExperiment, arms: Iterable[str]) -> dict[str, float] | None:
    """The declared split; ``equal`` means every variant seen or declared."""
    if experiment.weights is None:
        return None
    if isinstance(experiment.weights, str):
        seen = sorted(arms, key=natural_order)
        return dict.fromkeys([*(experiment.variants or (experiment.control,)), *seen], 1.0)
    return dict(experiment.weights)


def _missing_arms(experiment: DeclaredExperiment, arms: Mapping[str, int], query: str | None) -> Check | None:
    expected = experiment.variants or (experiment.control,)
    absent = [variant for variant in expected if arms.get(variant, 0) == 0]
    if not arms or len(absent) == len(expected) == len(experiment.variants or ()):
        sentence = (
            f"No unit of {experiment.name!r} is left to analyse: "
            "check its name, variants and dates against the data."
        )
    elif absent:
        seen = quoted_names(sorted(arms, key=natural_order))
        sentence = f"No units in {quoted_names(absent)}: check the names of the variants (seen: {seen})."
    elif len([n for n in arms.values() if n > 0]) < 2:
        sentence = f"Only {experiment.control!r} has units: there is no treatment to compare it with."
    else:
        return None
    return make_check(
        "arms_present",
        experiment.name,
        Status.FAIL,
        sentence,
        value=float(len(arms)),
        sql=query,
        blocking=True,
    )


def _arm_sizes(experiment: DeclaredExperiment, arms: Mapping[str, int], query: str | None) -> Check:
    smallest = min(arms, key=lambda variant: arms[variant])
    n, status = arms[smallest], Status.PASS
    sentence = (
        f"{count(sum(arms.values()))} units are analysed, the smallest arm {smallest!r} has {count(n)}."
    )
    if n < MIN_UNITS:
        status = Status.WARN
        sentence = f"Only {plural(n, 'unit')} in {smallest!r}: below {MIN_UNITS} nothing is tested."
    return make_check(
        "arm_sizes", experiment.name, status, sentence, value=float(n), threshold=float(MIN_UNITS), sql=query
    )


# --- split ----------------------------------------------------------------------------------------------------------


def _sample_ratio(
    name: str, counts: ArmCounts | None, weights: Mapping[str, float], *, sequential: bool
) -> Check:
    arms, query = (counts.whole, counts.query) if counts else ({}, None)
    units, plan = _table([arms], weights), np.array(list(weights.values()))
    if _expected(units, plan).min() < MIN_EXPECTED:
        sentence = (
            f"{count(units.sum())} units are too few to test the split: "
            f"an arm should have {MIN_EXPECTED:g} at least."
        )
        return make_check("sample_ratio", name, Status.NOT_TESTABLE, sentence, sql=query)
    chi2, df, p = (float(x) for x in sample_ratio(units[0], plan))
    test = f"chi-square {chi2:.2f} on {df:g} df, {p_value(p)}"
    if sequential:
        p = _always_valid(counts, weights)
        test = f"valid at every look, {p_value(p)}"
    failed = p < SRM_ALPHA
    said = f"split as planned: {_shares(arms, weights, test, tell_apart=failed)}."
    sentence = f"Units are {said}"
    if failed:
        sentence = (
            f"Units are not {said} Something loses units in one arm (redirects, crashes, logging, bots), or the "
            "declared split is not the one that ran; no number of this experiment can be trusted until it is found."
        )
    return make_check(
        "sample_ratio",
        name,
        Status.FAIL if failed else Status.PASS,
        sentence,
        value=p,
        threshold=SRM_ALPHA,
        sql=query,
        blocking=failed,
    )


def _always_valid(counts: ArmCounts | None, weights: Mapping[str, float]) -> float:
    """The smallest p of all days so far, and of all units together."""
    if counts is None:
        return float("nan")
    days = [counts.parts[part] for part in sorted(counts.parts) if part[0] == DAY]
    looks = np.concatenate([_table([counts.whole], weights), np.cumsum(_table(days, weights), axis=0)])
    plan = np.broadcast_to(np.array(list(weights.values())), looks.shape)
    return float(np.nanmin(sequential_sample_ratio(looks, plan)))


def _table(rows: Iterable[Mapping[str, int]], weights: Mapping[str, float]) -> FloatArray:
    """Units, one row per experiment or part and one column per planned variant."""
    table = [[arms.get(variant, 0) for variant in weights] for arms in rows]
    return np.array(table, dtype=np.float64).reshape(len(table), len(weights))


def _expected(units: FloatArray, plan: FloatArray) -> FloatArray:
    expected: FloatArray = units.sum(axis=1, keepdims=True) * (plan / plan.sum())
    return expected


def _shares(arms: Mapping[str, int], weights: Mapping[str, float], test: str, *, tell_apart: bool) -> str:
    """Each arm's share next to its plan, and the test; of many arms only the one farthest from its plan.

    tell_apart: with enough decimals that this arm's share does not read as planned.
    """
    total, whole = sum(arms.get(v, 0) for v in weights), sum(weights.values())
    seen = {variant: arms.get(variant, 0) / total for variant in weights}
    plan = {variant: weight / whole for variant, weight in weights.items()}
    far = max(plan, key=lambda v: (seen[v] - plan[v]) ** 2 / plan[v])
    places = _decimals(seen[far], plan[far]) if tell_apart else 1
    each = {v: percent(seen[v], decimals=places) for v in plan}
    planned = {v: percent(plan[v], decimals=places) for v in plan}
    if len(set(plan.values())) > 1:
        shown = [far] if len(plan) > _MOST_ARMS_LISTED else list(plan)
        text = ", ".join(f"{v} {each[v]} ({planned[v]} planned)" for v in shown)
        return (
            f"{text}; farthest of {len(plan)} arms; {test}" if len(shown) < len(plan) else f"{text}; {test}"
        )
    if len(plan) > _MOST_ARMS_LISTED:
        return f"{planned[far]} planned in each of {len(plan)} arms, the farthest is {far} with {each[far]}; {test}"
    return f"{', '.join(f'{v} {each[v]}' for v in plan)} ({planned[far]} planned in each); {test}"


def _decimals(share: float, plan: float) -> int:
    """Decimals of percent that tell a share from its plan, 1 to 4."""
    return next((d for d in (1, 2, 3) if percent(share, decimals=d) != percent(plan, decimals=d)), 4)


def _sample_ratio_of_parts(
    name: str, counts: ArmCounts, weights: Mapping[str, float], *, sequential: bool
) -> Check:
    plan = np.array(list(weights.values()))
    parts = sorted(counts.parts)
    units = _table((counts.parts[part] for part in parts), weights)
    large = np.flatnonzero(_expected(units, plan).min(axis=1) >= MIN_EXPECTED)
    left = len(parts) - len(large)
    too_small = f"; {count(left)} more {'is' if left == 1 else 'are'} too small to test" if left else ""
    if not large.size:
        sentence = "Every slice and day is too small to test the split in it."
        return make_check("sample_ratio_by_part", name, Status.NOT_TESTABLE, sentence, sql=counts.query)
    units, parts = units[large], [parts[i] for i in large]
    plans = np.broadcast_to(plan, units.shape)
    p = sequential_sample_ratio(units, plans) if sequential else sample_ratio(units, plans)[2]
    worst = int(np.argmin(p))
    corrected = float(min(p[worst] * len(parts), 1.0))
    failed = corrected < SRM_ALPHA
    tested = _counted_parts(parts)
    sentence = f"The split holds in each of {tested} (smallest corrected {p_value(corrected)}{too_small})."
    if failed:
        what, value = parts[worst]
        sentence = (
            f"Within {what} = {value} units are not split as planned ({p_value(corrected)} after correcting for "
            f"{tested}{too_small}): look there for the cause."
        )
    return make_check(
        "sample_ratio_by_part",
        name,
        Status.WARN if failed else Status.PASS,
        sentence,
        value=corrected,
        threshold=SRM_ALPHA,
        sql=counts.query,
    )


def _counted_parts(parts: Sequence[tuple[str, str]]) -> str:
    """``3 slices and 20 days``."""
    days = sum(what == DAY for what, _ in parts)
    counted = ((len(parts) - days, "slice"), (days, "day"))
    return listed([plural(n, noun) for n, noun in counted if n])
