"""The metrics of binary predictions: their names, their definitions in full words, and when they have no value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from abgap.offline.catalogue import parse_metric
from abgap.offline.predictions.cells import BINS, CLIP
from abgap.offline.predictions.intake import Predictions
from abgap.stats.classification import OF_COUNTS, MetricOfCounts, error_cost
from abgap.study.model import Study

COST_OPTIMAL = "@cost-optimal"
"""What follows a metric's name when it is taken at the threshold at which errors cost least."""


class Needs(Enum):
    """What of a prediction a metric is made of."""

    DECISION = "decision"
    ORDER = "order"
    PROBABILITY = "probability"


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryMetric:
    """One metric. base: its name in the catalogue. words: its formula. of_counts: of a metric of decisions."""

    name: str
    base: str
    words: str
    needs: Needs
    undefined: str
    of_counts: MetricOfCounts | None = None


_ONE_LABEL = "only one of the two labels occurs"
_DECISIONS: Mapping[str, tuple[str, str]] = {
    "accuracy": ("(TP + TN) / n", "there is no example"),
    "balanced_accuracy": ("(TP / (TP + FN) + TN / (TN + FP)) / 2", _ONE_LABEL),
    "precision": ("TP / (TP + FP)", "no example is called positive"),
    "recall": ("TP / (TP + FN)", "no example is positive"),
    "specificity": ("TN / (TN + FP)", "no example is negative"),
    "f1": ("2 TP / (2 TP + FP + FN)", "no example is positive, and none is called so"),
    "mcc": ("correlation of decision and label (Matthews)", "all labels or all decisions are the same"),
}
_ORDERED: Mapping[str, str] = {
    "roc_auc": "share of pairs of a positive and a negative example with scores in order, ties half",
    "average_precision": "precision at each distinct score, weighted by the recall it adds; no interpolation",
}
_PROBABILITIES: Mapping[str, str] = {
    "log_loss": f"mean of -ln(probability of the label), kept {CLIP:.1e} away from 0 and 1",
    "brier": "mean squared difference of probability and label",
    "calibration_error": f"sum over {BINS} bins of equal width of the share of examples times the distance between "
    "mean probability and share of positives",
}
_NO_PROBABILITY = "there is no example"


def all_metrics(predictions: Predictions) -> list[BinaryMetric]:
    """Every metric that these predictions can have; those at the cost-optimal threshold last."""
    decided = _of_decisions(predictions)
    ordered = [
        BinaryMetric(name=name, base=name, words=words, needs=Needs.ORDER, undefined=_ONE_LABEL)
        for name, words in _ORDERED.items()
    ]
    probable = [
        BinaryMetric(name=name, base=name, words=words, needs=Needs.PROBABILITY, undefined=_NO_PROBABILITY)
        for name, words in _PROBABILITIES.items()
    ]
    found = [*decided, *ordered, *probable]
    if predictions.source.error_costs is not None and predictions.scored:
        found += [
            BinaryMetric(
                name=metric.name + COST_OPTIMAL,
                base=metric.base,
                words=metric.words,
                needs=metric.needs,
                undefined=metric.undefined,
                of_counts=metric.of_counts,
            )
            for metric in decided
        ]
    return found


def _of_decisions(predictions: Predictions) -> list[BinaryMetric]:
    found = [
        BinaryMetric(
            name=name,
            base=name,
            words=_DECISIONS[name][0],
            needs=Needs.DECISION,
            undefined=_DECISIONS[name][1],
            of_counts=formula,
        )
        for name, formula in OF_COUNTS.items()
    ]
    costs = predictions.source.error_costs
    if costs is not None:
        words = f"({costs.false_positive:g} FP + {costs.false_negative:g} FN) / n"
        found.append(
            BinaryMetric(
                name="expected_cost",
                base="expected_cost",
                words=words,
                needs=Needs.DECISION,
                undefined="there is no example",
                of_counts=error_cost(costs.false_positive, costs.false_negative),
            )
        )
    return found


def wanted_metrics(study: Study, predictions: Predictions) -> list[BinaryMetric]:
    """The metrics that the study declares, under the names it gives them; all when it declares none of them."""
    known = {metric.name: metric for metric in all_metrics(predictions)}
    declared: list[BinaryMetric] = []
    for name, contract in study.offline_metrics.items():
        written = contract.metric or name
        stem, at, rest = written.partition("@")
        meant = known.get(parse_metric(stem).base + at + rest)
        if meant is not None:
            declared.append(_renamed(meant, name))
    return declared or list(known.values())


def _renamed(metric: BinaryMetric, name: str) -> BinaryMetric:
    return BinaryMetric(
        name=name,
        base=metric.base,
        words=metric.words,
        needs=metric.needs,
        undefined=metric.undefined,
        of_counts=metric.of_counts,
    )


def definition_of(metric: BinaryMetric, where: str | None) -> str:
    """The definition in full words. where: at which threshold decisions are made, for a metric of decisions."""
    return metric.words if where is None else f"{metric.words}; {where}"


def decisions_at(predictions: Predictions) -> str:
    """How scores became decisions."""
    if not predictions.scored:
        return "decisions as given"
    return f"positive from a score of {predictions.source.threshold:.12g} on"


def decisions_at_best(thresholds: Sequence[float | None]) -> str:
    """How scores became decisions where each model has the threshold at which its errors cost least."""
    shown = " and ".join("none" if t is None else f"{t:.6g}" for t in dict.fromkeys(thresholds))
    return f"positive from the score on at which errors on these examples cost least ({shown}), which flatters a little"
