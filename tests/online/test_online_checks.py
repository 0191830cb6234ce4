"""The data checks: what was counted becomes a status and a sentence."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, chisquare

from abgap.online import diagnostics
from abgap.online.arm_checks import experiment_checks, planned_weights
from abgap.online.checks import mixed_units_check, unmatched_events_check
from abgap.online.counts import DAY, ArmCounts, count_arms, count_units
from abgap.online.experiments import DeclaredExperiment
from abgap.online.moments import make_rows
from abgap.online.value_checks import empty_cap_check, missing_values_check, too_young_check
from abgap.online.views import open_views
from abgap.records import Check, Status
from abgap.records.order import natural_order
from abgap.study.load import check_study

EXPOSED = "2026-03-02 10:00:00"
LATE = "2026-03-15 00:00:00"


def experiment(**more: Any) -> DeclaredExperiment:
    fields: dict[str, Any] = {
        "name": "e",
        "control": "A",
        "variants": ("A", "B"),
        "starts_at": None,
        "ends_at": None,
        "weights": {"A": 0.5, "B": 0.5},
    }
    return DeclaredExperiment(**(fields | more))


def arms(**units: int) -> ArmCounts:
    return ArmCounts(whole=units, parts={})


def by_name(checks: list[Check]) -> dict[str, Check]:
    """Checks by name; with the experiment where a source has one of that name too."""
    found: dict[str, Check] = {}
    for check in checks:
        name = check.name if check.name not in found else f"{check.name} of {check.experiment}"
        assert name not in found
        found[name] = check
    return found


class TestArms:
    def test_a_fair_split_passes(self) -> None:
        found = by_name(experiment_checks(experiment(), arms(A=5_050, B=4_950)))
        check = found["sample_ratio"]
        assert check.status is Status.PASS
        assert check.value == pytest.approx(chisquare([5_050, 4_950]).pvalue)
        assert not check.blocking

    def test_a_broken_one_blocks_and_says_what_to_look_for(self) -> None:
        check = by_name(experiment_checks(experiment(), arms(A=5_200, B=4_800)))["sample_ratio"]
        assert (check.status, check.blocking) == (Status.FAIL, True)
        assert check.value == pytest.approx(chisquare([5_200, 4_800]).pvalue)
        assert "A 52.0 %, B 48.0 % (50.0 % planned in each)" in check.sentence

    def test_unequal_plans_are_tested_as_planned(self) -> None:
        planned = experiment(weights={"A": 95.0, "B": 5.0})
        check = by_name(experiment_checks(planned, arms(A=9_500, B=500)))["sample_ratio"]
        assert check.status is Status.PASS

    def test_without_a_plan_it_cannot_be_tested(self) -> None:
        check = by_name(experiment_checks(experiment(weights=None), arms(A=10, B=1_000)))["sample_ratio"]
        assert (check.status, check.value) == (Status.NOT_TESTABLE, None)

    def test_equal_means_every_variant_seen_or_declared_in_natural_order(self) -> None:
        found = planned_weights(experiment(weights="equal", variants=None), ["10", "9", "A"])
        assert list(found or {}) == ["A", "9", "10"]

    @pytest.mark.parametrize(
        ("counts", "sentence"),
        [
            (None, "No unit of 'e' is left to analyse"),
            (arms(A=5), "No units in 'B': check the names of the variants (seen: 'A')."),
            (arms(B=5), "No units in 'A'"),
        ],
    )
    def test_an_arm_that_is_not_there_blocks(self, counts: ArmCounts | None, sentence: str) -> None:
        (check,) = experiment_checks(experiment(), counts)
        assert (check.name, check.status, check.blocking) == ("arms_present", Status.FAIL, True)
        assert sentence in check.sentence

    def test_a_small_arm_is_warned_of(self) -> None:
        check = by_name(experiment_checks(experiment(), arms(A=100, B=7)))["arm_sizes"]
        assert check.status is Status.WARN

    def test_a_slice_that_is_broken_is_found_after_correction(self) -> None:
        parts = {("device", str(i)): {"A": 500, "B": 500} for i in range(9)} | {
            ("device", "x"): {"A": 600, "B": 400}
        }
        whole = {"A": 5_100, "B": 4_900}
        check = by_name(experiment_checks(experiment(), ArmCounts(whole=whole, parts=parts)))[
            "sample_ratio_by_part"
        ]
        assert check.status is Status.WARN
        assert check.value == pytest.approx(10 * chisquare([600, 400]).pvalue)
        assert "Within device = x" in check.sentence


class TestUnitsAndRows:
    @pytest.mark.parametrize(
        ("mixed", "status", "blocking"),
        [(5, Status.PASS, False), (15, Status.WARN, False), (150, Status.FAIL, True)],
    )
    def test_units_in_two_variants_matter_by_their_share(
        self, mixed: float, status: Status, blocking: bool
    ) -> None:
        check = mixed_units_check("e", {"10": 500.0, "9": 500.0}, {"10": mixed, "9": 0.0}, timed=True)
        assert (check.status, check.blocking) == (status, blocking)
        assert "(first seen in: 9 0, 10 " in check.sentence

    def test_a_fact_table_that_knows_no_unit_fails(self) -> None:
        check = unmatched_events_check("events", 100, 0)
        assert check is not None
        assert check.status is Status.FAIL
        assert "are its units those of the exposures, written alike" in check.sentence
        assert unmatched_events_check("events", 100, 1) is None
        assert unmatched_events_check("events", 0, 0) is None


class TestValues:
    def test_losing_values_in_one_arm_is_a_bias(self) -> None:
        units, known = {"A": 1000, "B": 1000}, {"A": 990, "B": 900}
        check = missing_values_check("e", "m", units, known, decides=True)
        assert check is not None
        assert (check.status, check.blocking) == (Status.FAIL, True)
        aside = missing_values_check("e", "m", units, known, decides=False)
        assert aside is not None
        assert (aside.status, aside.blocking, aside.sentence) == (Status.FAIL, False, check.sentence)
        oracle = chi2_contingency([[10, 990], [100, 900]], correction=False)
        assert check.value == pytest.approx(oracle.pvalue)

    def test_losing_the_same_share_is_a_warning_and_losing_none_is_fine(self) -> None:
        check = missing_values_check("e", "m", {"A": 1000, "B": 1000}, {"A": 900, "B": 905}, decides=True)
        assert check is not None
        assert (check.status, check.blocking) == (Status.WARN, False)
        assert missing_values_check("e", "m", {"A": 5}, {"A": 5}, decides=True) is None

    @pytest.mark.parametrize(
        ("cap", "smallest", "empty"),
        [(0.0, 0.0, True), (0.0, -5.0, True), (3.0, 3.0, True), (3.0, 0.0, False), (-1.0, -5.0, False)],
    )
    def test_a_cap_that_leaves_nothing_fails(self, cap: float, smallest: float, empty: bool) -> None:
        check = empty_cap_check("e", "revenue", 90.0, cap, smallest)
        assert (check is not None) is empty
        assert check is None or (check.status, check.experiment) == (Status.FAIL, "e")

    def test_units_that_are_too_young_are_counted_and_warned_of_when_they_are_most(self) -> None:
        units = {"A": 50, "B": 50}
        check = too_young_check("e", "week1", 14, units, {"A": 25, "B": 30})
        assert (check.status, check.value) == (Status.PASS, 0.45)
        assert check.sentence == (
            "45 of 100 units (45.0 %) were first exposed less than 14 days before the data end "
            "and are left out of week1 (A 25, B 20)."
        )
        assert too_young_check("e", "week1", 14, units, {"A": 20, "B": 29}).status is Status.WARN
        every = too_young_check("e", "week1", 14, units, units)
        assert (every.status, every.sentence) == (
            Status.PASS,
            "Every unit was there for the 14 days of week1.",
        )


class TestFromARun:
    """The same, out of tables."""

    def study(self, **more: Any) -> dict[str, Any]:
        return {
            "exposures": {
                "path": "exposures.csv",
                "columns": {"experiment": "exp", "unit": "id", "variant": "arm", "at": "ts"},
                "slices": ["device"],
            },
            "facts": {"events": {"path": "events.csv", "columns": {"unit": "id", "at": "ts"}}},
            "metrics": {
                "spend": {
                    "kind": "mean",
                    "fact": "events",
                    "value": "amount",
                    "money": True,
                    "window_days": 7,
                }
            },
            "experiments": {"e": {"control": "A", "treatments": ["B"], "split": {"A": 0.5, "B": 0.5}}},
        } | more

    def prepare(self, bench: Any, exposures: str = "", events: str = "") -> None:
        rows = "".join(f"e,u{i},{'AB'[i % 2]},{EXPOSED},{['phone', ''][i % 3 == 0]}\n" for i in range(40))
        bench.text("exposures.csv", "exp,id,arm,ts,device\n" + rows + exposures)
        bench.text("events.csv", "id,ts,amount\n" + events)

    def found(self, run: Any) -> dict[str, Check]:
        counts = count_units(run.sums, {n: e.variants for n, e in run.declared.items()})
        checks = diagnostics.source_checks(run.wide)
        checks += diagnostics.exposure_checks(run.declared.values(), run.wide)
        checks += diagnostics.value_checks(run.study, run.sums, run.wide, counts)
        checks += diagnostics.window_checks(run.engine, run.study, run.wide)
        for name, declared in run.declared.items():
            checks += experiment_checks(declared, counts.get(name))
        return by_name(checks)

    def test_a_clean_study_passes_everything(self, bench: Any) -> None:
        self.prepare(bench, events=f"u1,{EXPOSED},5\nu2,2026-03-20 00:00:00,5\n")
        with bench.run(self.study()) as run:
            found = self.found(run)
        assert {check.status for check in found.values()} == {Status.PASS}
        assert set(found) == {
            "unusable_events",
            "units_in_two_variants",
            "repeated_exposures",
            "open_windows",
            "arm_sizes",
            "sample_ratio",
            "sample_ratio_by_part",
        }

    def test_every_fault_is_counted_aloud(self, bench: Any) -> None:
        exposures = (
            f"e,,A,{EXPOSED},\ne,v,C,{EXPOSED},\nx,v,A,{EXPOSED},\ne,v,A,soon,\ne,u1,A,{EXPOSED},\nbroken\n"
        )
        self.prepare(bench, exposures, f"u2,{EXPOSED},-5\n,{EXPOSED},1\nu3,never,1\n")
        with bench.run(self.study()) as run:
            found = self.found(run)
        assert found["rejected_rows"].value == 1
        assert found["unusable_events"].value == 2
        assert found["negative_values"].value == -5
        assert found["open_windows"].status is Status.WARN
        assert found["units_in_two_variants"].value == pytest.approx(1 / 40)
        assert "1 of experiments the study does not declare" in found["exposures_left_out"].sentence
        sentence = found["exposures_left_out of e"].sentence
        assert "1 of variants the experiment does not declare" in sentence
        assert "1 without a readable time, 1 without a unit" in sentence

    def test_units_too_young_for_retention_are_counted_by_arm(self, bench: Any) -> None:
        self.prepare(bench, f"e,late,B,{LATE},phone\n", "x,2026-03-20 00:00:00,5\n")
        metrics = {"week1": {"kind": "retention", "fact": "events", "from_day": 1, "to_day": 7}}
        with bench.run(self.study(metrics=metrics)) as run:
            check = self.found(run)["too_young"]
        assert check.value == pytest.approx(1 / 41)
        assert check.sentence.startswith("1 of 41 units (2.4 %) were first exposed less than 7 days ")
        assert check.sentence.endswith("left out of week1 (A 0, B 1).")

    def test_a_cap_at_zero_is_said(self, bench: Any) -> None:
        self.prepare(bench, events=f"u1,{EXPOSED},5\n")
        capped = {"spend": self.study()["metrics"]["spend"] | {"cap_percentile": 90.0}}
        with bench.run(self.study(metrics=capped)) as run:
            check = self.found(run)["empty_cap"]
        assert check.sentence == (
            "spend is capped at its 90 % quantile, which is 0: no value above that is left. "
            "Most units have none; raise cap_percentile, or remove it."
        )

    def test_negative_money_is_found_although_it_cancels_out_within_a_unit(self, bench: Any) -> None:
        self.prepare(bench, events=f"u1,{EXPOSED},50\nu1,{EXPOSED},-30\nu1,{EXPOSED},-20\nu2,{EXPOSED},5\n")
        with bench.run(self.study()) as run:
            check = self.found(run)["negative_values"]
        assert (check.status, check.value, check.sql) == (Status.WARN, -30.0, "value_intake")
        assert check.sentence.startswith("spend has values below zero in 2 events (smallest -30).")

    def test_events_that_are_there_twice_are_counted(self, bench: Any) -> None:
        twice = f"u1,{EXPOSED},5\n" * 3 + f"u2,{EXPOSED},\n" * 2
        self.prepare(bench, events=f"{twice}u1,{EXPOSED},6\nu3,{EXPOSED},5\n")
        with bench.run(self.study()) as run:
            views = open_views(run.engine, run.study, bench.directory)
            (check,) = diagnostics.repeated_event_checks(run.engine, run.study, views, run.wide)
        assert (check.status, check.value, check.blocking) == (Status.WARN, 3.0, False)
        assert check.sentence.startswith("3 of 7 events in events repeat another one in every column")
        assert "SELECT DISTINCT" in check.sentence

    def test_no_repeated_event_passes(self, bench: Any) -> None:
        self.prepare(bench, events=f"u1,{EXPOSED},5\nu1,{EXPOSED},6\n")
        with bench.run(self.study()) as run:
            views = open_views(run.engine, run.study, bench.directory)
            (check,) = diagnostics.repeated_event_checks(run.engine, run.study, views, run.wide)
        assert (check.name, check.status, check.value) == ("repeated_events", Status.PASS, 0.0)

    def test_ids_that_never_meet_are_found(self, bench: Any) -> None:
        self.prepare(bench, events=f"0001,{EXPOSED},5\n")
        with bench.run(self.study()) as run:
            assert self.found(run)["unmatched_events"].status is Status.FAIL


class TestReadyMade:
    @pytest.mark.parametrize(
        ("metric", "gap", "blocking"),
        [
            ({"role": "primary"}, {}, True),
            ({"role": "secondary"}, {}, False),
            ({"role": "secondary"}, {"offline": ["ndcg"], "business": ["spend"]}, True),
        ],
    )
    def test_unlike_losses_block_where_verdicts_rest_on_the_metric(
        self, bench: Any, metric: dict[str, Any], gap: dict[str, Any], blocking: bool
    ) -> None:
        values = [1.0] * 190 + [None] * 10 + [2.0] * 100 + [None] * 100
        bench.parquet("units.parquet", {"arm": ["A"] * 200 + ["B"] * 200, "spend": values})
        scores = {"path": "scores.csv", "columns": {"model": "model", "metric": "metric", "value": "value"}}
        study = {
            "unit_values": {
                "path": "units.parquet",
                "columns": {"experiment": {"value": "e"}, "variant": "arm"},
            },
            "metrics": {"spend": {"kind": "mean", "value": "spend"} | metric},
        } | ({"gap": gap, "offline": {"scores": scores}} if gap else {})
        with bench.run(study) as run:
            counts = count_units(run.sums, {"e": None})
            (check,) = diagnostics.value_checks(run.study, run.sums, run.wide, counts)
        assert (check.name, check.status, check.blocking) == ("missing_values", Status.FAIL, blocking)

    def test_the_split_says_which_query_counted_the_units(self, bench: Any) -> None:
        bench.parquet("units.parquet", {"arm": ["A"] * 20 + ["B"] * 20, "spend": [1.0] * 40})
        study = {
            "unit_values": {
                "path": "units.parquet",
                "columns": {"experiment": {"value": "e"}, "variant": "arm"},
            },
            "metrics": {"spend": {"kind": "mean", "value": "spend"}},
        }
        with bench.run(study) as run:
            counts = count_units(run.sums, {"e": None})["e"]
            found = by_name(experiment_checks(experiment(), counts))
            ran = {statement.name for statement in run.engine.record.texts}
            brought = by_name(experiment_checks(experiment(), count_arms(run.moments, run.study)["e"]))
        assert found["sample_ratio"].sql in ran
        assert found["arm_sizes"].sql == "rollup"
        assert brought["sample_ratio"].sql == "imported_moments"


BROUGHT: dict[str, Any] = {
    "moments": {"path": "moments.parquet"},
    "metrics": {
        "spend": {"kind": "mean", "role": "primary"},
        "seen": {"kind": "mean"},
        "paid": {"kind": "ratio"},
        "p50": {"kind": "quantile"},
        "back": {"kind": "retention"},
    },
    "funnels": {"funnel": {"total": "spend", "stages": ["seen", "paid"]}},
    "experiments": {"e": {"control": "A"}},
}


class TestCounts:
    def test_units_are_counted_before_metrics(self, bench: Any) -> None:
        frame = pd.DataFrame(
            {
                "arm": ["A"] * 3 + ["B"] * 2,
                "spend": [1.0, None, None, 2.0, None],
                "plan": [None, "x", "x", "x", "y"],
            }
        )
        bench.parquet("units.parquet", frame)
        study = {
            "unit_values": {
                "path": "units.parquet",
                "columns": {"experiment": {"value": "e"}, "variant": "arm"},
                "slices": ["plan"],
            },
            "metrics": {"spend": {"kind": "mean", "value": "spend"}},
        }
        with bench.run(study) as run:
            counts = count_units(run.sums, {"e": None})["e"]
            assert counts.whole == {"A": 3, "B": 2}
            assert counts.parts == {
                ("plan", "x"): {"A": 2, "B": 1},
                ("plan", "y"): {"B": 1},
                ("plan", "not known"): {"A": 1},
            }
            assert count_arms(run.moments, run.study)["e"].whole == {"A": 1, "B": 1}, (
                "without a count, the n of metrics stands for it"
            )

    @pytest.mark.parametrize(
        ("metrics", "expected"),
        [
            (("spend", "p50", "back"), {"2026-03-02": {"A": 10, "B": 9}, "2026-03-03": {"A": 5, "B": 6}}),
            (("funnel", "p50"), {"2026-03-02": {"A": 10, "B": 9}, "2026-03-03": {"A": 5, "B": 6}}),
            (("p50",), {"2026-03-02": {"A": 8, "B": 7}, "2026-03-03": {"A": 4, "B": 5}}),
            (("p50", "back"), {"2026-03-02": {"A": 10, "B": 9}, "2026-03-03": {"A": 4, "B": 5}}),
            (("not declared",), {}),
        ],
    )
    def test_a_unit_is_counted_on_one_day_though_quantiles_are_of_all_days_so_far(
        self, metrics: tuple[str, ...], expected: dict[str, dict[str, int]]
    ) -> None:
        all_of_it = {"spend": (10, 9, 5, 6), "back": (10, 9, 0, 0), "p50": (8, 7, 12, 12)}
        by_day = all_of_it | {"funnel": all_of_it["spend"], "not declared": all_of_it["p50"]}
        rows = [
            (metric, variant, period, n)
            for metric in metrics
            for (period, variant), n in zip(
                itertools.product(("2026-03-02", "2026-03-03"), "AB"), by_day[metric], strict=True
            )
        ]
        names = ("metric", "variant", "period")
        keys: dict[str, Any] = {
            name: np.array([row[i] for row in rows], dtype=object) for i, name in enumerate(names)
        }
        n = np.array([row[3] for row in rows], dtype=np.float64)
        moments = make_rows(len(rows), {"experiment": np.full(len(rows), "e", dtype=object), "n": n} | keys)
        found = count_arms(moments, check_study(BROUGHT)).get("e")
        assert {day: dict(arms) for (_, day), arms in (found.parts if found else {}).items()} == expected


def test_arm_ten_comes_after_arm_nine() -> None:
    names = ["B10", "B9", "b1", "B01", "", "10", "9", "B1", "x" + "1" * 5000, "٣"]
    ordered = sorted(names, key=natural_order)
    assert ordered.index("B9") < ordered.index("B10")
    assert ordered.index("9") < ordered.index("10")
    assert (
        sorted(np.random.default_rng(0).permutation(np.array(names, dtype=object)), key=natural_order)
        == ordered
    )


def test_a_split_that_is_looked_at_every_day_is_tested_for_every_look() -> None:
    days = {(DAY, f"2026-03-{day:02}"): {"A": 520, "B": 480} for day in range(2, 12)}
    days |= {(DAY, f"2026-03-{day:02}"): {"A": 480, "B": 520} for day in range(12, 22)}
    counts = ArmCounts(whole={"A": 10_000, "B": 10_000}, parts=days)
    once = by_name(experiment_checks(experiment(), counts))["sample_ratio"]
    always = by_name(experiment_checks(experiment(), counts, sequential=True))["sample_ratio"]
    assert once.value == 1.0
    assert always.value is not None
    assert always.value < 0.05, "the first ten days looked unlike the plan, and a look then counts"
    assert "valid at every look" in always.sentence
