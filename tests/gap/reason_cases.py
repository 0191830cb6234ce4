"""Cases for tests of reasons: a claimed gain of a model, and the records that it comes from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from abgap.gap.inputs import ExperimentFacts
from abgap.gap.power import Power
from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.evidence import Evidence
from abgap.offline.example_contests import Terms, compare_examples
from abgap.offline.sums import Against, Evaluated, Measured, ValueSums
from abgap.records import Direction, Interval, NotEstimable, OfflineRow, VerdictName
from abgap.study.load import check_study
from abgap.study.model import Study

RATE = 2.0
METRIC = "ndcg@10"


def interval(estimate: float, half: float) -> Interval:
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=0.95, method="test")


def study_of(**parts: Any) -> Study:
    """A study of one experiment with ready-made scores, in whatever else it says."""
    return check_study(STUDY | parts)


STUDY: dict[str, Any] = {
    "exposures": {"path": "e.csv", "columns": {"experiment": "e", "unit": "u", "variant": "v"}},
    "facts": {"events": {"path": "f.csv", "columns": {"unit": "u"}}},
    "experiments": {"x": {"control": "A"}},
    "offline": {
        "scores": {
            "path": "x.csv",
            "columns": {"model": "model", "metric": "metric", "value": "value", "query": "query"},
            "slices": ["segment", "device", "spelling"],
        }
    },
}


def sliced_offline(frame: pd.DataFrame, *slices: str, down: bool = False) -> tuple[OfflineRow, ...]:
    """The rows of new against old: over all examples, and by slice. frame: the difference of every example."""
    parts = [_sums(None, None, frame["difference"])]
    for name in slices:
        parts += [_sums(name, str(value), of["difference"]) for value, of in frame.groupby(name)]
    n = len(frame)
    evaluated = {(model, METRIC): Evaluated(examples=n, known=n) for model in ("new", "old")}
    against = Against(model="new", baseline="old", metric=METRIC)
    measured = Measured(contests=(against,), evaluated=evaluated, sums=(tuple(parts),))
    return tuple(
        OfflineRow(
            model="new",
            baseline="old",
            metric=METRIC,
            definition=contest.definition,
            direction=Direction.DOWN if down else Direction.UP,
            slice_name=contest.slice_name,
            slice_value=contest.slice_value,
            n=contest.n,
            skipped=contest.skipped,
            value=contest.value,
            baseline_value=contest.baseline_value,
            gain=contest.gain,
            p_value=contest.p_value,
            p_adjusted=None,
        )
        for contest in compare_examples(measured, Terms(alpha=0.05, seed=1))
    )


def _sums(name: str | None, value: str | None, difference: pd.Series[float]) -> ValueSums:
    n, total = len(difference), float(difference.sum())
    return ValueSums(
        slice_name=name,
        slice_value=value,
        evaluated=n,
        shared=n,
        candidate=0.6 * n + total,
        base=0.6 * n,
        difference=total,
        square=float(np.sum(difference**2)),
    )


def case_of(
    offline: tuple[OfflineRow, ...],
    *,
    study: Study | None = None,
    observed: Interval | None = None,
    **evidence: Any,
) -> Case:
    """New against old: two percent of lift for each 0.01 of gain, of which nothing came."""
    gain = offline[0].improvement
    if isinstance(gain, NotEstimable):
        gain = Interval(estimate=0.05, low=0.04, high=0.06, level=0.95, method="test")
    lift = gain.scaled(RATE)
    return Case(
        study=study or study_of(),
        facts=ExperimentFacts(
            name="x",
            control="A",
            treatments=("B",),
            arms={"A": 1000, "B": 1000},
            models={"A": "old", "B": "new"},
        ),
        treatment="B",
        offline_metric=METRIC,
        business_metric="revenue",
        verdict=VerdictName.DID_NOT_MOVE,
        observed=interval(0.0, 0.01) if observed is None else observed,
        delta=0.01,
        target=Target(gain=gain, rate=RATE, lift=lift, baseline="old", source="declared", declared=True),
        estimate=None,
        power=Power(),
        evidence=Evidence(offline=offline, **evidence),
    )
