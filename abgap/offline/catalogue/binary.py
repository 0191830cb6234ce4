"""Metrics of yes/no predictions: decisions at a threshold, scores without one, and probabilities."""

from __future__ import annotations

import math

from abgap.offline.catalogue.entry import LazyForm, MetricEntry, Task
from abgap.records.vocabulary import Direction

_DECIDED = (
    '[offline.predictions] task = "binary": model, example, y_true and y_score (with a threshold) or y_pred'
)
_SCORED = '[offline.predictions] task = "binary": model, example, y_true, y_score'
_PROBABILITY = _SCORED + " as a probability"
_TASKS = (Task.BINARY,)


def always_yes_f1(positives: float) -> float:
    """F1 of predicting the positive class every time."""
    return 2.0 * positives / (1.0 + positives)


def entropy(positives: float) -> float:
    """Log loss of always predicting the share of positives."""
    return -math.fsum(q * math.log(q) for q in (positives, 1.0 - positives) if q > 0.0)


def base_rate_brier(positives: float) -> float:
    """Brier score of always predicting the share of positives."""
    return positives * (1.0 - positives)


def cheapest_constant(positives: float, false_positive: float, false_negative: float) -> float:
    """Cost per example of always saying yes or always no, whichever is cheaper."""
    return min(positives * false_negative, (1.0 - positives) * false_positive)


ENTRIES = (
    MetricEntry(
        name="accuracy",
        title="Accuracy",
        aliases=("acc", "accuracy_score"),
        tasks=(Task.BINARY, Task.MULTICLASS),
        formula="(TP + TN) / n; with several classes: right predictions / n",
        needs="[offline.predictions]: model, example, y_true and y_pred (or y_score with a threshold)",
        use_when="Classes are about equally frequent and all errors cost the same.",
        misleads=(
            "Where positives are rare, the many easy negatives decide it: with 0.5 % positives a model that never "
            "finds anything scores 99.5 %, and one that finds 5 of 200 with 10 false alarms scores 99.49 %."
        ),
        lazy="Always the most frequent class.",
        lazy_form=LazyForm(
            text="the share of the largest class; max(p, 1 - p) for a share p of positives",
            value=lambda largest: largest,
        ),
        watch=("recall", "precision", "balanced_accuracy"),
        disagreement="Recall tells how much of the rare class is found while accuracy hardly moves.",
        business="The share of decisions that were right, whatever they were about.",
    ),
    MetricEntry(
        name="balanced_accuracy",
        title="Balanced accuracy",
        aliases=("balanced_accuracy_score", "macro_recall"),
        tasks=(Task.BINARY, Task.MULTICLASS),
        formula="(recall + specificity) / 2; with several classes: mean of the recalls of the classes",
        needs="[offline.predictions]: model, example, y_true and y_pred (or y_score with a threshold)",
        use_when="Classes are uneven, each matters as much as the others, and stakeholders want one simple number.",
        misleads="With 0.5 % positives, all of them found, a specificity of 95 % means that 10 of 11 alarms are false.",
        lazy="Any constant prediction gets one over the number of classes.",
        lazy_form=LazyForm(text="1/2 (1 / classes)", value=lambda classes: 1.0 / classes),
        watch=("precision", "mcc"),
        disagreement="Precision shows the false alarms that specificity makes look few.",
        business="How often the model is right on a typical case of each kind.",
    ),
    MetricEntry(
        name="precision",
        title="Precision",
        aliases=("precision_score", "ppv", "positive_predictive_value"),
        tasks=_TASKS,
        formula="TP / (TP + FP)",
        needs=_DECIDED,
        use_when=(
            "False positives cost: a spam filter that loses real mail, offers to customers who would have stayed."
        ),
        misleads="One safe prediction gets 1: it says nothing about what was missed. It moves with the base rate.",
        lazy="Saying yes to everything gets the share of positives; saying yes once, to the surest case, can get 1.",
        lazy_form=LazyForm(text="p for a share p of positives", value=lambda positives: positives),
        watch=("recall",),
        disagreement="Recall falls when precision is bought by staying silent.",
        business="Of the alarms that people act on, the share that was worth acting on.",
    ),
    MetricEntry(
        name="recall",
        title="Recall (sensitivity)",
        aliases=("recall_score", "sensitivity", "tpr", "true_positive_rate"),
        tasks=_TASKS,
        formula="TP / (TP + FN)",
        needs=_DECIDED,
        use_when="False negatives cost: fraud, security incidents, illness.",
        misleads="Saying yes to everything gets 1.",
        lazy="Always yes.",
        lazy_form=LazyForm(text="1", value=lambda: 1.0),
        watch=("precision", "specificity"),
        disagreement="Precision falls when recall is bought with false alarms.",
        business="The share of what should be found that is found.",
    ),
    MetricEntry(
        name="f1",
        title="F1",
        aliases=("f1_score", "f_measure", "f_score"),
        tasks=_TASKS,
        formula="2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall",
        needs=_DECIDED,
        use_when="Precision and recall are both wanted and no cost of errors is known.",
        misleads=(
            "It takes both errors to cost the same and ignores true negatives; it moves with the threshold and with "
            "the base rate, so values of two data sets cannot be compared."
        ),
        lazy="Always yes gets 2p / (1 + p): .67 at half positives.",
        lazy_form=LazyForm(text="2p / (1 + p) for a share p of positives", value=always_yes_f1),
        watch=("precision", "recall", "expected_cost"),
        disagreement="The same F1 can be many false alarms or many misses; the costs tell which is meant.",
        business="A compromise between missed cases and false alarms; give both beside it.",
    ),
    MetricEntry(
        name="specificity",
        title="Specificity",
        aliases=("tnr", "true_negative_rate", "selectivity"),
        tasks=_TASKS,
        formula="TN / (TN + FP)",
        needs=_DECIDED,
        use_when="Many healthy cases must not be troubled: screening, blocking of payments.",
        misleads="Never saying yes gets 1; with rare positives 99 % can still mean mostly false alarms.",
        lazy="Always no.",
        lazy_form=LazyForm(text="1", value=lambda: 1.0),
        watch=("recall", "precision"),
        disagreement="Recall is 0 for the model that leaves everybody alone.",
        business="The share of ordinary cases that are left alone.",
    ),
    MetricEntry(
        name="mcc",
        title="Matthews correlation coefficient",
        aliases=("matthews_corrcoef", "matthews", "phi"),
        tasks=_TASKS,
        formula="(TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN))",
        low=-1.0,
        needs=_DECIDED,
        use_when="One number for uneven classes that no constant prediction can satisfy.",
        misleads="Hard to explain, takes both errors to cost alike, and moves with the base rate.",
        lazy="Constant and random predictions get 0 (a constant is not defined, and counts as 0).",
        lazy_form=LazyForm(text="0", value=lambda: 0.0),
        watch=("precision", "recall"),
        disagreement="Precision and recall say which error a change of MCC is about.",
        business="How far decisions and truth go together, from 0 (not at all) to 1.",
    ),
    MetricEntry(
        name="roc_auc",
        title="Area under the ROC curve",
        aliases=("auc", "auc_roc", "auroc", "roc_auc_score", "rocauc"),
        tasks=_TASKS,
        formula="chance that a random positive scores above a random negative; ties count one half",
        needs=_SCORED,
        use_when="Scores are compared before a threshold is chosen, or only the order matters.",
        misleads=(
            "With rare positives .95 can go with a precision of a few per cent. It says nothing about probabilities "
            "and looks at thresholds that nobody would use. A value near 1 is a reason to look for leakage: .98 on "
            "the test set, .72 live."
        ),
        lazy="Constant or random scores get .5.",
        lazy_form=LazyForm(text="1/2", value=lambda: 0.5),
        watch=("average_precision", "calibration_error", "precision"),
        disagreement="Average precision falls where the gain is among easy negatives far from any threshold.",
        business="How well cases are put in order of urgency.",
    ),
    MetricEntry(
        name="average_precision",
        title="Average precision (area under the precision-recall curve)",
        aliases=("pr_auc", "auprc", "prauc", "ap", "average_precision_score", "auc_pr"),
        tasks=_TASKS,
        formula="sum over thresholds of (recall_n - recall_{n-1}) * precision_n, in steps",
        needs=_SCORED,
        use_when="Positives are rare and the costs of the two errors differ.",
        misleads="It moves with the base rate: values of two data sets or slices cannot be compared.",
        lazy="Constant or random scores get the share of positives.",
        lazy_form=LazyForm(text="p for a share p of positives", value=lambda positives: positives),
        watch=("roc_auc", "recall"),
        disagreement="ROC-AUC is high where average precision is low when positives are rare.",
        business="How clean the top of the list is from which people work.",
    ),
    MetricEntry(
        name="log_loss",
        title="Log loss",
        aliases=("logloss", "cross_entropy", "binary_logloss", "neg_log_likelihood", "multi_logloss"),
        tasks=(Task.BINARY, Task.MULTICLASS),
        formula="mean of -ln of the probability given to what happened",
        high=None,
        direction=Direction.DOWN,
        best=0.0,
        needs=_PROBABILITY,
        use_when="Probabilities are used as such: bids, expected values, risk.",
        misleads="One sure and wrong prediction can decide the mean; no stakeholder knows what .31 means.",
        lazy="Always the share of positives; with rare positives that is already close to 0.",
        lazy_form=LazyForm(text="-p ln p - (1 - p) ln(1 - p) for a share p of positives", value=entropy),
        watch=("brier", "calibration_error", "roc_auc"),
        disagreement="ROC-AUC stays as it is when only the probabilities, and not their order, get worse.",
        business="How surprised one is by what happens when trusting the probabilities.",
    ),
    MetricEntry(
        name="brier",
        title="Brier score",
        aliases=("brier_score", "brier_score_loss", "brier_loss"),
        tasks=_TASKS,
        formula="mean of (probability - outcome)^2",
        direction=Direction.DOWN,
        best=0.0,
        needs=_PROBABILITY,
        use_when="As log loss, where single sure mistakes should not decide.",
        misleads="With rare positives it is close to 0 for everybody: .005 can be no skill at all.",
        lazy="Always the share of positives.",
        lazy_form=LazyForm(text="p (1 - p) for a share p of positives", value=base_rate_brier),
        watch=("average_precision", "calibration_error"),
        disagreement="Average precision shows whether the rare cases stand out while the Brier score hardly moves.",
        business="Mean squared distance between the stated chance and what happened.",
    ),
    MetricEntry(
        name="calibration_error",
        title="Expected calibration error",
        aliases=("ece", "expected_calibration_error"),
        tasks=_TASKS,
        formula="sum over bins of (n_bin / n) * |mean probability - share of positives|",
        direction=Direction.DOWN,
        best=0.0,
        needs=_PROBABILITY,
        use_when="Somebody computes with the probabilities: prices, bids, thresholds by cost.",
        misleads="It says nothing about telling cases apart, and its value depends on the bins.",
        lazy="Always the share of positives gets 0: perfect, and useless.",
        lazy_form=LazyForm(text="0", value=lambda: 0.0),
        watch=("roc_auc", "brier"),
        disagreement="ROC-AUC is .5 for the constant that is perfectly calibrated.",
        business="When the model says 30 %, does it happen in 30 of 100 cases?",
    ),
    MetricEntry(
        name="expected_cost",
        title="Cost of errors per example",
        aliases=("error_cost", "cost_per_example"),
        tasks=_TASKS,
        formula="(FP * cost of a false positive + FN * cost of a false negative) / n",
        high=None,
        direction=Direction.DOWN,
        best=0.0,
        needs=_DECIDED + ", and error_costs = { false_positive = ..., false_negative = ... }",
        use_when="The costs of both errors are known, even roughly: it is then the target, and sets the threshold.",
        misleads="It is as good as the declared costs, and holds for the base rate of the test set only.",
        lazy="The cheaper of always yes and always no.",
        lazy_form=LazyForm(
            text="min(p * cost of a false negative, (1 - p) * cost of a false positive)",
            value=cheapest_constant,
        ),
        watch=("recall", "precision", "calibration_error"),
        disagreement="Recall and precision show which error the saving comes from.",
        business="Money lost to wrong decisions per case.",
    ),
)
