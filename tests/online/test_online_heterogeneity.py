"""Slices held against each other: which rows meet, what is corrected over what, and what the sentence claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from statsmodels.stats.multitest import multipletests

from abgap.online.heterogeneity import make_heterogeneity
from abgap.online.moments import concatenate, make_rows
from abgap.online.scorecard import compare_arms, make_estimates
from abgap.online.traits import MetricTraits
from abgap.records import Direction, Heterogeneity, Interval, Kind, Moments, NotEstimable, Role
from abgap.report.document import dumped, plain_data
from abgap.stats.bayesian import Prior
from abgap.stats.heterogeneity import common_lift_test
from abgap.stats.procedure import Procedure
from abgap.stats.rule import AnytimeValid

Values = npt.NDArray[np.float64]
MEAN = MetricTraits(
    name="spend_per_user",
    kind=Kind.MEAN,
    role=Role.SECONDARY,
    direction=Direction.UP,
    smallest_worthwhile_lift=None,
    non_inferiority_margin=None,
    cumulative=False,
)


def row(variant: str, n: float, mean: float, variance: float, **keys: Any) -> Moments:
    columns = {"experiment": "e", "metric": "spend_per_user", "variant": variant} | keys
    columns |= {"n": n, "mean": mean, "variance": variance}
    made = {
        name: np.array([value], dtype=np.float64 if isinstance(value, float) else object)
        for name, value in columns.items()
    }
    return make_rows(1, made)


Arm = Sequence[tuple[float, float]]


def study(
    control: Arm, treatment: Arm, *, slice_name: str = "device", sd: float = 2.0, **keys: Any
) -> list[Moments]:
    """Rows of slices with (units, mean) in each arm, and the rows of all units; no row where there are no units."""
    found = []
    for variant, arm in (("A", control), ("B", treatment)):
        n, mean = np.array([size for size, _ in arm]), np.array([value for _, value in arm])
        centre = float(np.sum(n * mean) / np.sum(n))
        spread = np.sum(np.maximum(n - 1, 0) * sd**2 + n * (mean - centre) ** 2) / (np.sum(n) - 1)
        found.append(row(variant, float(np.sum(n)), centre, float(spread), **keys))
        found += [
            row(variant, float(size), value, sd**2, slice_name=slice_name, slice_value=f"s{i}", **keys)
            for i, (size, value) in enumerate(arm)
            if size
        ]
    return found


def heterogeneity(
    parts: Sequence[Moments], *traits: MetricTraits, procedure: Procedure | None = None
) -> tuple[Heterogeneity, ...]:
    known = {trait.name: trait for trait in traits or (MEAN,)}
    card = compare_arms(concatenate(parts), {"e": "A"}, known, procedure or Procedure())
    return make_heterogeneity(card, make_estimates(card))


def the_only(found: tuple[Heterogeneity, ...]) -> Heterogeneity:
    (one,) = found
    return one


SAME = [(500.0, 10.0), (300.0, 20.0), (200.0, 5.0)]


def raised(arm: Arm, *lifts: float) -> list[tuple[float, float]]:
    return [(n, mean * (1.0 + lift)) for (n, mean), lift in zip(arm, lifts, strict=True)]


def test_the_numbers_are_those_of_the_slices_own_comparisons() -> None:
    parts = study(SAME, raised(SAME, 0.1, 0.02, -0.05))
    card = compare_arms(concatenate(parts), {"e": "A"}, {"spend_per_user": MEAN}, Procedure())
    found = the_only(make_heterogeneity(card, make_estimates(card)))
    slices = card.numbers.contrasts.judged.take(np.array([[1, 2, 3]]))
    oracle = common_lift_test(slices, np.ones((1, 3), dtype=bool))
    assert (found.tested, found.left_out, found.df) == (3, 0, 2)
    assert found.q == pytest.approx(float(oracle.q[0]))
    assert found.p_value == pytest.approx(float(oracle.p_value[0]))
    assert found.common_lift == pytest.approx(float(oracle.common_effect[0]))
    assert (found.experiment, found.control, found.treatment, found.slice_name) == ("e", "A", "B", "device")


def test_one_lift_on_different_levels_is_no_difference() -> None:
    found = the_only(heterogeneity(study(SAME, raised(SAME, 0.1, 0.1, 0.1))))
    assert found.q == pytest.approx(0.0, abs=1e-9)
    assert found.i_squared == 0.0
    assert found.lift_sd == 0.0
    assert found.gail_simon_p == 1.0
    assert found.sentence == (
        "The lift of spend per user is not shown to differ between the 3 slices by device (p = 1.000 after correction)."
    )


def test_lifts_of_opposite_signs_are_told_as_that() -> None:
    found = the_only(heterogeneity(study(SAME, raised(SAME, 0.2, -0.1, 0.1))))
    assert found.p_adjusted is not None
    assert found.p_adjusted < 0.001
    assert "rises in some and falls in others (p < 0.001)" in found.sentence
    one_sign = the_only(heterogeneity(study(SAME, raised(SAME, 0.4, 0.1, 0.05))))
    assert "opposite signs are not shown" in one_sign.sentence


def test_p_values_are_corrected_over_metrics_arms_and_slice_names_of_a_role() -> None:
    lifts = ((0.03, 0.0, 0.01), (0.05, -0.01, 0.0), (0.0, 0.0, 0.02))
    names = ("device", "country", "browser")
    parts = [
        part
        for name, lift in zip(names, lifts, strict=True)
        for part in study(SAME, raised(SAME, *lift), slice_name=name)
    ]
    guard = replace(MEAN, name="latency", role=Role.GUARDRAIL)
    parts += study(SAME, raised(SAME, 0.04, 0.0, 0.0), metric="latency")
    found = heterogeneity(parts, MEAN, guard)
    by_name = {(h.metric, h.slice_name): h for h in found}
    raw = [by_name["spend_per_user", name].p_value for name in names]
    oracle = multipletests(raw, method="fdr_bh")[1]
    assert [by_name["spend_per_user", name].p_adjusted for name in names] == pytest.approx(list(oracle))
    alone = by_name["latency", "device"]
    assert alone.p_adjusted == alone.p_value


def test_slices_whose_lift_cannot_be_estimated_are_left_out_and_counted() -> None:
    control = [*SAME, (4.0, 8.0), (50.0, 0.0)]
    treatment = [*raised(SAME, 0.1, 0.1, 0.1), (4.0, 8.0), (50.0, 0.1)]
    found = the_only(heterogeneity(study(control, treatment)))
    assert (found.tested, found.left_out) == (3, 2)
    assert "2 slices without a lift that can be compared are left out." in found.sentence


def test_one_slice_is_nothing_to_compare() -> None:
    found = the_only(heterogeneity(study([(500.0, 10.0), (3.0, 10.0)], [(500.0, 11.0), (3.0, 10.0)])))
    assert (found.q, found.df, found.p_value, found.p_adjusted) == (None, None, None, None)
    assert found.decomposition is None
    assert found.sentence == (
        "The lift of spend per user cannot be compared by device: only one slice has a lift that can be compared."
    )


PARADOX_CONTROL = [(900.0, 10.0), (100.0, 2.0)]
PARADOX_TREATMENT = [(600.0, 10.6), (400.0, 2.6)]


def test_a_reversal_is_called_where_both_intervals_support_it() -> None:
    found = the_only(heterogeneity(study(PARADOX_CONTROL, PARADOX_TREATMENT)))
    assert found.decomposition is not None
    assert found.decomposition.reversal
    assert "Simpson's paradox" in found.sentence
    within, mix, overall = (getattr(found.decomposition, part) for part in ("within", "mix", "overall"))
    assert within.estimate == pytest.approx(0.6)
    assert within.estimate + mix.estimate == pytest.approx(overall.estimate)


def test_a_reversal_that_chance_could_make_is_not_called() -> None:
    small = [[(n / 10.0, mean) for n, mean in arm] for arm in (PARADOX_CONTROL, PARADOX_TREATMENT)]
    found = the_only(heterogeneity(study(small[0], small[1], sd=4.0)))
    assert found.decomposition is not None
    assert not found.decomposition.reversal
    assert "paradox" not in found.sentence


def test_the_whole_is_the_estimates_own_difference() -> None:
    parts = study(PARADOX_CONTROL, PARADOX_TREATMENT)
    card = compare_arms(concatenate(parts), {"e": "A"}, {"spend_per_user": MEAN}, Procedure())
    estimates = make_estimates(card)
    found = the_only(make_heterogeneity(card, estimates))
    assert found.decomposition is not None
    assert found.decomposition.overall == estimates[0].difference


def test_a_slice_that_one_arm_lacks_counts_for_the_mix() -> None:
    control, treatment = [*SAME, (0.0, 0.0)], [*raised(SAME, 0.1, 0.1, 0.1), (40.0, 30.0)]
    found = the_only(heterogeneity(study(control, treatment)))
    assert found.tested == 3
    assert found.decomposition is not None
    assert found.decomposition.merged == 2
    parts = [getattr(found.decomposition, name) for name in ("within", "mix", "overall")]
    assert all(isinstance(part, Interval) for part in parts)
    assert parts[0].estimate + parts[1].estimate == pytest.approx(parts[2].estimate)


def test_a_ratio_is_taken_apart_by_its_denominator_and_not_without_its_parts() -> None:
    ratio = replace(MEAN, kind=Kind.RATIO)

    def with_parts(part: Moments) -> Moments:
        return replace(
            part,
            numerator_mean=2.0 * part.mean,
            numerator_variance=4.0 * part.variance + 1.0,
            denominator_mean=np.full(1, 2.0),
            denominator_variance=np.full(1, 0.5),
            covariance=np.full(1, 0.1),
        )

    parts = study(PARADOX_CONTROL, PARADOX_TREATMENT)
    found = the_only(heterogeneity([with_parts(part) for part in parts], ratio))
    assert found.decomposition is not None
    assert isinstance(found.decomposition.within, Interval)
    assert found.decomposition.within.estimate == pytest.approx(0.6)
    assert the_only(heterogeneity(parts, ratio)).decomposition is None


def test_what_cannot_be_told_is_a_reason() -> None:
    flat = [(50.0, 3.0), (50.0, 3.0)]
    found = the_only(heterogeneity(study(flat, flat, sd=0.0)))
    assert found.tested == 0
    assert found.decomposition is not None
    assert isinstance(found.decomposition.within, NotEstimable)
    assert found.decomposition.within.reason == "zero_variance"


def test_with_always_valid_intervals_the_sentence_says_what_the_test_is_not() -> None:
    parts = study(SAME, raised(SAME, 0.1, 0.1, 0.1))
    found = the_only(heterogeneity(parts, procedure=Procedure(rule=AnytimeValid(units=2000.0))))
    assert found.sentence.endswith("valid for one look only.")


def test_several_arms_are_named() -> None:
    parts = study(SAME, raised(SAME, 0.1, 0.1, 0.1))
    third = [replace(part, variant=np.array(["C"], dtype=object)) for part in parts if part.variant[0] == "B"]
    found = heterogeneity([*parts, *third])
    assert [h.sentence[:3] for h in found] == ["B: ", "C: "]


def test_without_slices_there_is_nothing() -> None:
    assert heterogeneity(study(SAME, SAME)[:1] + study(SAME, SAME)[4:5]) == ()


@pytest.mark.filterwarnings("error")
def test_whatever_the_moments_hold_every_number_is_finite_or_has_a_reason() -> None:
    rng = np.random.default_rng(3)
    odd = (
        (0.0, 1.0, 2.0, 8.0, 500.0, 1e9),
        (0.0, -1.0, 3.0, 1e-30, 1e40, np.nan),
        (0.0, 1.0, 1e-60, 1e80, np.nan),
    )
    parts = []
    for variant in "ABC":
        for value in (None, "x", "y", "z"):
            keys = {} if value is None else {"slice_name": "device", "slice_value": value}
            for experiment in range(30):
                n, mean, variance = (float(rng.choice(choices)) for choices in odd)
                parts.append(row(variant, n, mean, variance, experiment=f"e{experiment}", **keys))
    controls = {f"e{i}": "A" for i in range(30)}
    trait = replace(MEAN, stratify_by="device", smallest_worthwhile_lift=0.01)
    card = compare_arms(
        concatenate(parts), controls, {"spend_per_user": trait}, Procedure(prior=Prior(sd=0.1))
    )
    estimates = make_estimates(card)
    found = make_heterogeneity(card, estimates)
    assert len(found) == 60
    # Writing refuses what JSON cannot hold in a field that must be a number.
    assert "NaN" not in dumped({"all": plain_data([*estimates, *found])})


def test_a_ratio_that_few_units_carry_is_not_compared() -> None:
    """Of 200 units of a slice a few have a denominator; their values are close, and the variance is a dream."""

    def with_parts(part: Moments, share: float) -> Moments:
        return replace(
            part,
            numerator_mean=share * part.mean,
            numerator_variance=share * part.mean**2,
            denominator_mean=np.full(1, share),
            denominator_variance=np.full(1, share * (1.0 - share)),
            covariance=share * (1.0 - share) * part.mean,
        )

    parts = study([(200.0, 10.0)] * 3, [(200.0, 11.0)] * 3)
    few = [with_parts(part, 0.02 if part.slice_value[0] == "s2" else 0.5) for part in parts]
    found = the_only(heterogeneity(few, replace(MEAN, kind=Kind.RATIO)))
    assert (found.tested, found.left_out) == (2, 1)


def test_a_mix_is_told_of_where_it_decides_and_else_not() -> None:
    decides = the_only(heterogeneity(study([(900.0, 10.0), (100.0, 2.0)], [(800.0, 10.05), (200.0, 2.05)])))
    assert "decides whether it is told from zero" in decides.sentence
    both = the_only(heterogeneity(study([(900.0, 10.0), (100.0, 2.0)], [(800.0, 13.0), (200.0, 5.0)])))
    assert both.decomposition is not None
    assert isinstance(both.decomposition.mix, Interval)
    assert both.decomposition.mix.excludes_zero()
    assert "mix" not in both.sentence
