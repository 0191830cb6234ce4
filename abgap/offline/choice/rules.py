"""The rules: which metric is the target, which stand beside it and which are to be avoided, task by task.

Each rule is a condition and a metric with its reason; the first that holds gives the target. Numbers in reasons come
from the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from abgap.offline.catalogue import Task
from abgap.offline.choice.answers import RARE_BELOW, Answers, Audience, Costly, Goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A metric as it is written in a study, and why it is picked, or why not."""

    metric: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What the rules of a task say; ``beside`` in order of importance, more than are shown."""

    target: Pick
    beside: tuple[Pick, ...]
    guardrails: tuple[Pick, ...] = ()
    avoid: tuple[Pick, ...] = ()


def _pick(metric: str, reason: str) -> Pick:
    return Pick(metric=metric, reason=reason)


def binary(a: Answers) -> Draft:
    """Yes or no: costs first, then what is done with the scores, then how rare positives are."""
    return Draft(
        target=_binary_target(a),
        beside=_binary_beside(a),
        guardrails=_binary_guardrails(a),
        avoid=_binary_avoid(a),
    )


def _binary_target(a: Answers) -> Pick:  # noqa: PLR0911 - a decision table, one line per rule
    business = a.audience is Audience.BUSINESS
    if a.has_costs:
        return _pick(
            "expected_cost", "both costs are known: the loss itself is made small, and it sets the threshold"
        )
    if Goal.CALIBRATION in a.goals:
        if business:
            return _pick("brier", "probabilities are used as such, and it is a mean of squared distances")
        return _pick("log_loss", "probabilities are used as such, and sure mistakes cost most")
    if Goal.RANKING in a.goals or a.threshold is False:
        if a.imbalanced:
            return _pick("average_precision", "only the order matters, and positives are rare")
        return _pick("roc_auc", "only the order matters, and classes are not far from even")
    if a.imbalanced:
        if business or Goal.BALANCE in a.goals:
            return _pick("f1", "positives are rare, and one number has to hold both errors")
        return _pick("average_precision", "positives are rare, and no costs say which threshold is right")
    if a.costly in {Costly.FALSE_POSITIVE, Costly.FALSE_NEGATIVE} or a.goals or a.positives is None:
        return _pick("f1", "both errors count; give their costs to make the cost itself the target")
    return _pick(
        "accuracy", "classes are not far from even and both errors cost the same; everybody understands it"
    )


def _binary_beside(a: Answers) -> tuple[Pick, ...]:
    recall = _pick("recall", "how many of the cases are found")
    precision = _pick("precision", "how many alarms are worth acting on")
    if a.costly is Costly.FALSE_NEGATIVE:
        recall = _pick("recall", "misses are the error that costs")
    if a.costly is Costly.FALSE_POSITIVE:
        precision = _pick("precision", "false alarms are the error that costs")
    first = a.costly is Costly.FALSE_POSITIVE or (a.costly is None and Goal.PRECISION in a.goals)
    pair = (precision, recall) if first else (recall, precision)
    whole = (
        _pick("average_precision", "over all thresholds, where positives are rare")
        if a.imbalanced
        else _pick("roc_auc", "over all thresholds")
    )
    calibration = _pick("calibration_error", "whether stated chances come true")
    if Goal.CALIBRATION in a.goals:
        return (calibration, whole, *pair)
    simple = _pick("f1", "both errors in one number that is easy to compare")
    return (*pair, whole, *((simple,) if a.audience is Audience.BUSINESS else (calibration,)))


def _binary_guardrails(a: Answers) -> tuple[Pick, ...]:
    if a.costly is Costly.FALSE_NEGATIVE:
        return (_pick("specificity", "ordinary cases must not pay for what is found"),)
    return ()


def _binary_avoid(a: Answers) -> tuple[Pick, ...]:
    found = []
    if a.imbalanced or a.positives is None:
        found.append(_pick("accuracy", "always saying the more frequent class satisfies it"))
    found += [
        _pick("recall", "alone as the target: saying yes to everything gets 1"),
        _pick("precision", "alone as the target: one safe prediction can get 1"),
    ]
    if a.rare or (a.positives is not None and a.positives < RARE_BELOW):
        found.append(_pick("roc_auc", "with positives this rare it hides false alarms behind easy negatives"))
    if Goal.CALIBRATION in a.goals:
        found.append(_pick("calibration_error", "alone as the target: a constant is perfectly calibrated"))
    if a.audience is Audience.BUSINESS:
        found.append(_pick("log_loss", "as the headline: nobody can say what .31 means"))
    return tuple(found)


def multiclass(a: Answers) -> Draft:
    """One of several classes: what matters is whether rare classes do."""
    if Goal.CALIBRATION in a.goals:
        target = _pick("log_loss", "probabilities are used as such")
    elif a.imbalanced or (a.positives is None and a.audience is Audience.TECHNICAL):
        target = _pick("macro_f1", "every class counts the same, the rare ones too")
    else:
        target = _pick("accuracy", "classes are not far from even, and everybody understands it")
    beside = (
        _pick("confusion_matrix", "which classes are taken for which"),
        _pick("weighted_f1", "how a typical case is served"),
        _pick("balanced_accuracy", "the mean recall of the classes, easy to explain"),
        _pick("macro_f1", "whether the rare classes are served"),
    )
    avoid = [_pick("micro_f1", "with one label per example it says what accuracy says")]
    if a.imbalanced:
        avoid.insert(0, _pick("accuracy", "always saying the largest class satisfies it"))
    return Draft(target=target, beside=beside, avoid=tuple(avoid))


def regression(a: Answers) -> Draft:
    """Amounts: what matters is what a large error costs."""
    if a.costly is Costly.LARGE_ERRORS:
        target = _pick("rmse", "large errors cost more than many small ones")
    elif a.outliers:
        target = _pick("mae", "single values far away should not decide")
    elif a.audience is Audience.BUSINESS:
        target = _pick("mae", "it is in the unit of the target, and everybody understands it")
    else:
        target = _pick("rmse", "no outliers decide it, and it asks for the mean, so that sums come out right")
    avoid = [_pick("r2", "alone: it grows with the spread of the target, and says nothing about size")]
    avoid += _relative_errors_to_avoid(a)
    if a.audience is Audience.BUSINESS or a.outliers:
        avoid.append(
            _pick("mse", "its unit is squared, and outliers decide it; RMSE and MAE say the same better")
        )
    beside = (
        *_bias_first(a),
        _pick("mae", "the typical error, which outliers do not move"),
        _pick("rmse", "whether the rare large errors grow"),
        _pick("bias", "whether sums come out too high or too low"),
        _pick("r2", "how much of the ups and downs is explained"),
    )
    return Draft(target=target, beside=beside, avoid=tuple(avoid))


def forecast(a: Answers) -> Draft:
    """Series: relative errors for people, scaled errors for comparing series, bias for what is added up."""
    if a.costly is Costly.LARGE_ERRORS:
        target = _pick("rmse", "large errors cost more than many small ones")
    elif a.audience is Audience.TECHNICAL:
        target = _pick("mase", "series of any size are compared with the naive forecast")
    elif a.zeros is False and a.costly is not Costly.TOO_LOW:
        target = _pick("mape", "percentages are understood, and the truth is never 0")
    else:
        target = _pick("wape", "the error against the volume, defined where single truths are 0")
    beside = (
        *_bias_first(a),
        _pick("bias", "whether plans come out too high or too low"),
        _pick("mae", "the typical error, in units"),
        _pick("mase", "whether it beats assuming that tomorrow is like today"),
        _pick("rmse", "whether the rare large errors grow"),
        _pick("smape", "a percentage with a ceiling"),
    )
    avoid = [
        *_relative_errors_to_avoid(a),
        _pick("mse", "playing safe is rewarded: the extremes are never forecast"),
    ]
    return Draft(target=target, beside=beside, avoid=tuple(avoid))


def _bias_first(a: Answers) -> tuple[Pick, ...]:
    if a.costly is Costly.TOO_HIGH:
        return (_pick("bias", "too high is the error that costs"),)
    return (_pick("bias", "too low is the error that costs"),) if a.costly is Costly.TOO_LOW else ()


def _relative_errors_to_avoid(a: Answers) -> tuple[Pick, ...]:
    if a.zeros:
        return (_pick("mape", "it is not defined where the truth is 0"),)
    if a.costly is Costly.TOO_LOW:
        return (_pick("mape", "it favours forecasting low, the error that costs here"),)
    return ()


def ranking(a: Answers) -> Draft:
    """Lists: what matters is how many good results are needed, and where."""
    k = a.k
    if Goal.FIRST_ANSWER in a.goals:
        target = _pick(f"mrr@{k}", "one good answer is enough, as early as possible")
    elif Goal.RECALL in a.goals:
        target = _pick(f"recall@{k}", "what is missed here cannot be shown by a later stage")
    elif Goal.PRECISION in a.goals or a.costly is Costly.FALSE_POSITIVE:
        target = _pick(f"precision@{k}", "what is shown has to be worth showing, in whatever order")
    else:
        target = _pick(f"ndcg@{k}", "relevance and position both count")
    beside = (
        _pick(f"recall@{k}", "whether everything that is wanted can be found"),
        _pick(f"mrr@{k}", "how soon the first good result comes"),
        _pick(f"ndcg@{k}", "whether the order within the page is right"),
        _pick(f"hit@{k}", "the share of searches with anything useful: easy to explain"),
    )
    if a.audience is Audience.BUSINESS:
        beside = (beside[3], *beside[:3])
    guardrails = (
        _pick(f"coverage@{k}", "popular items for everybody look good in relevance"),
        _pick(f"diversity@{k}", "ten times the same looks good in clicks"),
    )
    avoid = (
        _pick("click_through_rate", "as the only target: clicks are cheap, and purchases can stay flat"),
        _pick("dcg", "it has no best value, and a few rich queries decide it"),
        _pick("roc_auc", "it counts the bottom of the list as much as the top"),
    )
    return Draft(target=target, beside=beside, guardrails=guardrails, avoid=avoid)


def clustering(a: Answers) -> Draft:
    """Segments: no truth is known, so several views of the same geometry."""
    del a
    return Draft(
        target=_pick("silhouette", "it looks at every example, and random clusters get about 0"),
        beside=(
            _pick("davies_bouldin", "whether clusters overlap, by their centres"),
            _pick("calinski_harabasz", "whether more clusters only cut one in two"),
        ),
        avoid=(_pick("calinski_harabasz", "as the target: it has no best value, and grows with the data"),),
    )


def generation(a: Answers) -> Draft:
    """Text: no overlap of words is the meaning, so two that disagree, and people."""
    if Goal.PRECISION in a.goals:
        target = _pick("bleu", "what is said has to be in the reference: translation")
    else:
        target = _pick("rouge_l", "what should be said has to be there: summaries, answers")
    beside = (
        _pick("meteor", "whether other words are used for the same"),
        _pick("bleu", "whether length pays for the overlap"),
        _pick("rouge_2", "whether pairs of words are kept"),
        _pick("rouge_l", "whether what should be said is said"),
    )
    avoid = (_pick("rouge_1", "alone: a bag of the right words scores well, in any order"),)
    return Draft(target=target, beside=beside, avoid=avoid)


def detection(a: Answers) -> Draft:
    """Objects in images: found, named and outlined."""
    del a
    return Draft(
        target=_pick("detection_map", "objects have to be found and named, with few false alarms"),
        beside=(
            _pick("iou", "how exactly boxes fit"),
            _pick("recall", "how many objects are missed, at the threshold that will run"),
            _pick("precision", "how many boxes are invented, at the same threshold"),
        ),
        avoid=(_pick("accuracy", "there is no count of right negatives: nearly everything is background"),),
    )


def segmentation(a: Answers) -> Draft:
    """Regions in images: small ones by Dice, others by IoU."""
    small = a.imbalanced
    target = (
        _pick("dice", "regions are small against the background")
        if small
        else _pick("iou", "regions have to fit, and no small ones are swamped")
    )
    return Draft(
        target=target,
        beside=(
            _pick("iou", "stricter on the same errors"),
            _pick("dice", "milder on small regions"),
            _pick("recall", "whether whole regions are missed"),
        ),
        avoid=(_pick("accuracy", "per pixel the background decides it"),),
    )


RULES: Mapping[Task, Callable[[Answers], Draft]] = {
    Task.BINARY: binary,
    Task.MULTICLASS: multiclass,
    Task.REGRESSION: regression,
    Task.FORECAST: forecast,
    Task.RANKING: ranking,
    Task.CLUSTERING: clustering,
    Task.GENERATION: generation,
    Task.DETECTION: detection,
    Task.SEGMENTATION: segmentation,
}
