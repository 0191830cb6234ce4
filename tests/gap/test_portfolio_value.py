"""What rules earned: real decisions on nine folds, paid by the tenth, against sums over the units drawn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from abgap.gap.inputs import ExperimentFacts
from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.gap.portfolio.value import RuleValues, decision_rules
from abgap.online.moments import concatenate, make_rows
from abgap.online.scorecard import Scorecard, compare_arms
from abgap.online.traits import MetricTraits
from abgap.records import Check, Interval, Moments, NotEstimable, Role
from abgap.records.portfolio import DecisionRule
from abgap.stats.portfolio.effects import Effects
from abgap.study.model import Study
from abgap.study.procedure import procedure_of

Values = npt.NDArray[np.float64]
Make = Callable[..., Any]
EVIL = "<script>'; drop | \n"
FOLDS = 10


@dataclass(frozen=True, kw_only=True)
class World:
    """Experiments with drawn units. lifts, clicks: of each arm, by experiment. gains: offline, NaN for none."""

    lifts: Sequence[Sequence[float]]
    clicks: Sequence[Sequence[float]]
    gains: Sequence[Sequence[float]]
    units: int = 400
    seed: int = 5


def arms_of(world: World) -> list[tuple[int, str]]:
    return [(e, f"T{a}") for e, lifts in enumerate(world.lifts) for a in range(len(lifts))]


def names(world: World) -> list[str]:
    return [f"e{e}{EVIL}" for e in range(len(world.lifts))]


def drawn(world: World) -> dict[tuple[str, str, str], Values]:
    """Units (folds, n) of every experiment, variant and metric."""
    rng = np.random.default_rng(world.seed)
    found = {}
    for e, name in enumerate(names(world)):
        variants = {"A": (0.0, 0.0)} | {
            f"T{a}": pair for a, pair in enumerate(zip(world.lifts[e], world.clicks[e], strict=True))
        }
        for variant, (lift, clicks) in variants.items():
            shape = FOLDS, world.units // FOLDS
            found[name, variant, "revenue"] = 10.0 * (1.0 + lift) + rng.normal(0.0, 1.0, shape)
            found[name, variant, "clicks"] = 2.0 * (1.0 + clicks) + rng.normal(0.0, 0.2, shape)
            found[name, variant, "latency"] = 100.0 + rng.normal(0.0, 1.0, shape)
    return found


def rows_of(units: Mapping[tuple[str, str, str], Values], *, by_fold: bool) -> Moments:
    """The moments table of all units, or of the folds."""
    tables = []
    for (experiment, variant, metric), values in units.items():
        parts = values if by_fold else values.reshape(1, -1)
        keys = {"experiment": experiment, "variant": variant, "metric": metric}
        columns: dict[str, Any] = {
            key: np.array([name] * len(parts), dtype=object) for key, name in keys.items()
        }
        columns["fold"] = np.array(range(FOLDS) if by_fold else [None], dtype=object)
        columns |= {
            "n": np.full(len(parts), float(parts.shape[1])),
            "mean": parts.mean(axis=1),
            "variance": parts.var(axis=1, ddof=1),
        }
        tables.append(make_rows(len(parts), columns))
    return concatenate(tables)


def study_of(**portfolio: Any) -> Study:
    return Study.model_validate(
        {
            "study": {"name": "s", "currency": "EUR"},
            "moments": {"path": "m.parquet"},
            "experiments": {"e": {"control": "A"}},
            "metrics": {
                "revenue": {
                    "kind": "mean",
                    "role": "primary",
                    "money": True,
                    "smallest_worthwhile_lift": 0.01,
                },
                "clicks": {"kind": "mean", "role": "secondary"},
                "latency": {
                    "kind": "mean",
                    "role": "guardrail",
                    "direction": "down",
                    "non_inferiority_margin": 0.05,
                },
            },
            "portfolio": {"proxies": ["clicks"], **portfolio},
        }
    )


def facts_of(world: World) -> list[ExperimentFacts]:
    first = dt.date(2026, 1, 1)
    return [
        ExperimentFacts(
            name=name,
            control="A",
            treatments=tuple(f"T{a}" for a in range(len(world.lifts[e]))),
            arms={"A": world.units} | {f"T{a}": world.units for a in range(len(world.lifts[e]))},
            start=(first + dt.timedelta(days=20 * e)).isoformat(),
            end=(first + dt.timedelta(days=20 * e + 10)).isoformat(),
        )
        for e, name in enumerate(names(world))
    ]


def card_of(study: Study, moments: Moments) -> Scorecard:
    traits = {
        name: MetricTraits(
            name=name,
            kind=metric.kind,
            role=metric.role,
            direction=metric.direction,
            smallest_worthwhile_lift=metric.smallest_worthwhile_lift,
            non_inferiority_margin=metric.non_inferiority_margin,
            cumulative=False,
        )
        for name, metric in study.metrics.items()
    }
    return compare_arms(moments, dict.fromkeys(moments.experiment, "A"), traits, procedure_of(study))


def data_of(world: World, *, trusted: Sequence[bool] | None = None) -> PortfolioData:
    arms = arms_of(world)
    k = len(arms)
    gains = np.array([gain for gains in world.gains for gain in gains])
    values = np.column_stack([gains, np.zeros(k), np.zeros(k)])
    significant = np.full((k, 3), np.nan)
    return PortfolioData(
        axes=(
            Axis(name="ndcg@10", kind=AxisKind.OFFLINE),
            Axis(name="clicks", kind=AxisKind.PROXY),
            Axis(name="revenue", kind=AxisKind.BUSINESS, money=True),
        ),
        effects=Effects(
            values=values,
            covariances=np.full((k, 3, 3), np.nan),
            experiment=np.array([e for e, _ in arms], dtype=np.intp),
            pairs=np.zeros((0, 2), dtype=np.intp),
            shared=np.zeros((0, 3, 3)),
        ),
        names=tuple(names(world)),
        treatment=np.array([arm for _, arm in arms], dtype=object),
        trusted=np.ones(k, dtype=bool) if trusted is None else np.array(trusted),
        significant=significant,
        level=np.full((k, 3), np.nan),
        units=np.full(k, 2.0 * world.units),
        days=np.full(len(world.lifts), 10.0),
        starts=tuple(f.start for f in facts_of(world)),
        tags=((),) * len(world.lifts),
        alpha=0.05,
        seed=1,
    )


def value(
    world: World,
    study: Study | None = None,
    *,
    data: PortfolioData | None = None,
    checks: Sequence[Check] = (),
    folds: bool = True,
    without: str | None = None,
) -> RuleValues:
    study, units = study or study_of(), drawn(world)
    folded = {key: values for key, values in units.items() if key[2] != without}
    return decision_rules(
        study,
        data or data_of(world),
        facts=facts_of(world),
        checks=checks,
        card=card_of(study, rows_of(units, by_fold=False)),
        folds=lambda: rows_of(folded, by_fold=True) if folds else None,
    )


def rules(found: RuleValues) -> dict[str, DecisionRule]:
    return {rule.name: rule for rule in found.rules}


def lift_of(units: Mapping[tuple[str, str, str], Values], name: str, arm: str) -> float:
    return float(units[name, arm, "revenue"].mean() / units[name, "A", "revenue"].mean() - 1.0)


CLEAR = World(
    lifts=[[0.2], [0.3, 0.1], [-0.2], [0.0]],
    clicks=[[0.2], [0.1, 0.3], [0.2], [-0.2]],
    gains=[[0.01], [0.02, 0.03], [0.05], [-0.01]],
)


def test_every_rule_launches_what_it_says_and_earns_what_those_units_brought() -> None:
    found, units, name = rules(value(CLEAR)), drawn(CLEAR), names(CLEAR)
    lifts = {(e, arm): lift_of(units, name[e], arm) for e, arm in arms_of(CLEAR)}
    launched = {
        "offline:ndcg@10": [(0, "T0"), (1, "T1"), (2, "T0")],
        "significant:clicks": [(0, "T0"), (1, "T1"), (2, "T0")],
        "significant:revenue": [(0, "T0"), (1, "T0")],
        "abgap": [(0, "T0"), (1, "T0")],
    }
    assert list(found) == ["never", *launched]
    for rule, arms in launched.items():
        lift = found[rule].lift
        assert isinstance(lift, Interval)
        assert found[rule].launches == len(arms)
        assert lift.estimate == pytest.approx(sum(lifts[arm] for arm in arms) / 4.0, rel=1e-9), rule
        assert lift.low < lift.estimate < lift.high
        assert (found[rule].experiments, found[rule].business_metric) == (4, "revenue")
    never = found["never"].lift
    assert isinstance(never, Interval)
    assert (never.low, never.estimate, never.high) == (0.0, 0.0, 0.0)


def test_money_is_the_lift_at_the_traffic_of_each_experiment_and_the_pace_of_all() -> None:
    units, name = drawn(CLEAR), names(CLEAR)
    money = rules(value(CLEAR))["abgap"].money_per_year
    assert isinstance(money, Interval)

    def worth(e: int, arm: str) -> float:
        difference = units[name[e], arm, "revenue"].mean() - units[name[e], "A", "revenue"].mean()
        return float(difference * (len(CLEAR.lifts[e]) + 1) * CLEAR.units / 10.0 * 365.25)

    per_year = 4.0 / 70.0 * 365.25
    total = worth(0, "T0") + worth(1, "T0")
    assert money.estimate == pytest.approx(total / 4.0 * per_year, rel=1e-9)
    declared = rules(value(CLEAR, study_of(experiments_per_year=8)))["abgap"].money_per_year
    assert isinstance(declared, Interval)
    assert declared.estimate == pytest.approx(total / 4.0 * 8.0, rel=1e-9)
    assert "EUR" in rules(value(CLEAR))["abgap"].sentence


def test_a_choice_at_the_border_is_paid_by_other_units_than_those_that_made_it() -> None:
    """Without a true lift what looks significant on nine folds earns nothing on the tenth, on average."""
    nothing = [[0.0, 0.0]] * 6
    earned, naive = [], []
    for seed in range(8):
        world = World(lifts=nothing, clicks=nothing, gains=nothing, units=100, seed=seed)
        rule = rules(value(world))["significant:revenue"]
        earned.append(rule.lift.estimate if isinstance(rule.lift, Interval) else 0.0)
        units, name = drawn(world), names(world)
        best = [max(lift_of(units, each, arm) for arm in ("T0", "T1")) for each in name]
        naive.append(np.mean([b for b in best if b > 0.0]))
    spread = np.std(earned, ddof=1) / np.sqrt(len(earned))
    assert abs(np.mean(earned)) < 3.0 * spread
    assert np.mean(naive) > 10.0 * abs(np.mean(earned))


def test_data_checks_and_guardrails_hold_back_what_abgap_ships(make_check: Make) -> None:
    flawed = make_check(experiment=names(CLEAR)[0], blocking=False)
    found = rules(value(CLEAR, checks=[flawed]))
    assert found["abgap"].launches == 1.0
    assert found["significant:revenue"].launches == 2.0


def test_arms_of_experiments_that_are_not_trusted_take_no_part() -> None:
    found = rules(value(CLEAR, data=data_of(CLEAR, trusted=[False, True, True, True, True])))
    assert {rule.experiments for rule in found.values()} == {3}


def test_a_guardrail_without_folds_is_read_on_all_units_and_said_so() -> None:
    found = rules(value(CLEAR, without="latency"))["abgap"]
    assert found.launches == 2.0
    assert found.sentence.endswith("Latency cannot be told by folds, so the decision reads it on all units.")


def test_without_offline_gains_there_is_no_such_rule_and_missing_ones_are_counted() -> None:
    gone = replace(CLEAR, gains=[[np.nan], [np.nan, np.nan], [np.nan], [np.nan]])
    assert "offline:ndcg@10" not in rules(value(gone))
    some = replace(CLEAR, gains=[[0.1], [np.nan, 0.2], [0.1], [np.nan]])
    sentence = rules(value(some))["offline:ndcg@10"].sentence
    assert "2 arms have no offline gain and are not launched by it." in sentence


def test_a_gain_that_is_not_established_is_not_launched() -> None:
    data = data_of(CLEAR)
    data.significant[:, 0] = [1.0, 0.0, 0.0, -1.0, np.nan]
    assert rules(value(CLEAR, data=data))["offline:ndcg@10"].launches == 1.0


def test_a_rule_that_launches_nothing_has_no_interval() -> None:
    flat = World(lifts=[[-0.2], [-0.1]], clicks=[[-0.2], [-0.1]], gains=[[-0.1], [-0.1]])
    for name in ("abgap", "significant:clicks", "offline:ndcg@10"):
        lift = rules(value(flat))[name].lift
        assert isinstance(lift, NotEstimable)
        assert lift.detail.startswith("it launched nothing in any fold")


def test_what_cannot_be_valued_is_said_in_one_sentence() -> None:
    begin = "What a rule for launching earned is not told: "
    assert value(CLEAR, folds=False).refusals == (
        f"{begin}there are no moments of folds of units to decide on and to value by.",
    )
    assert value(CLEAR, without="revenue").refusals == (f"{begin}revenue is not known by folds of units.",)
    one = World(lifts=[[0.1]], clicks=[[0.1]], gains=[[0.1]])
    assert value(one).refusals == (f"{begin}1 experiment can be valued, at least 2 are needed.",)
    assert value(one).rules == ()


def test_a_study_without_primary_metrics_has_no_decision_of_abgap() -> None:
    study = study_of()
    metrics = {
        name: metric.model_copy(update={"role": Role.SECONDARY}) for name, metric in study.metrics.items()
    }
    found = rules(value(CLEAR, study.model_copy(update={"metrics": metrics})))
    assert "abgap" not in found
    assert found["significant:revenue"].launches == 2.0


def test_ready_made_effects_alone_have_no_units_to_pay_by() -> None:
    found = decision_rules(
        study_of(), data_of(CLEAR), facts=(), checks=(), card=None, folds=lambda: pytest.fail("asked")
    )
    assert found.rules == ()
    assert "no moments of folds" in found.refusals[0]
