"""Metrics of predictions of one of several classes; accuracy, balanced accuracy and log loss stand with ``binary``."""

from __future__ import annotations

from abgap.offline.catalogue.entry import LazyForm, MetricEntry, Task

_DECIDED = '[offline.predictions] task = "multiclass": model, example, y_true, y_pred'
_TASKS = (Task.MULTICLASS,)


def _macro_f1(largest: float, classes: float) -> float:
    return 2.0 * largest / (1.0 + largest) / classes


ENTRIES = (
    MetricEntry(
        name="macro_f1",
        title="Macro F1",
        aliases=("f1_macro",),
        tasks=_TASKS,
        formula="mean over classes of F1, each class counting the same",
        needs=_DECIDED,
        use_when="Classes are uneven and the rare ones matter as much as the frequent ones.",
        misleads="A class with ten examples moves it as much as one with ten thousand: it is noisy.",
        lazy="Always the largest class gets F1 for one class and 0 for the others.",
        lazy_form=LazyForm(text="2p / (1 + p) / classes for a share p of the largest class", value=_macro_f1),
        watch=("weighted_f1", "confusion_matrix"),
        disagreement="Weighted F1 rises while macro F1 falls when the frequent classes gain at the cost of the rare.",
        business="How well each kind of case is served, rare ones included.",
    ),
    MetricEntry(
        name="weighted_f1",
        title="Weighted F1",
        aliases=("f1_weighted",),
        tasks=_TASKS,
        formula="mean over classes of F1, weighted by how many examples the class has",
        needs=_DECIDED,
        use_when="Classes are uneven and the mix of the test set is the mix of live traffic.",
        misleads="Rare classes can fail altogether without being seen; it is not between precision and recall.",
        lazy="Always the largest class.",
        lazy_form=LazyForm(
            text="2p^2 / (1 + p) for a share p of the largest class",
            value=lambda largest: 2.0 * largest**2 / (1.0 + largest),
        ),
        watch=("macro_f1", "confusion_matrix"),
        disagreement="Macro F1 falls where the gain is in the largest classes only.",
        business="How well a typical case is served.",
    ),
    MetricEntry(
        name="micro_f1",
        title="Micro F1",
        aliases=("f1_micro",),
        tasks=_TASKS,
        formula="F1 of all decisions counted together; with one label per example it equals accuracy",
        needs=_DECIDED,
        use_when="Examples have several labels; with one label it says what accuracy says.",
        misleads="As accuracy: the largest class decides it.",
        lazy="Always the largest class.",
        lazy_form=LazyForm(text="p for a share p of the largest class", value=lambda largest: largest),
        watch=("macro_f1",),
        disagreement="Macro F1 stays low where only the largest class is learned.",
        business="The share of decisions that were right.",
    ),
    MetricEntry(
        name="weighted_precision",
        title="Weighted precision",
        aliases=("precision_weighted",),
        tasks=_TASKS,
        formula="mean over classes of precision, weighted by how many examples the class has",
        needs=_DECIDED,
        use_when="Beside weighted recall, where acting on a wrong class costs.",
        misleads="A class that is never predicted has no precision; tools count it as 0 or leave it out.",
        lazy="Always the largest class.",
        lazy_form=LazyForm(text="p^2 for a share p of the largest class", value=lambda largest: largest**2),
        watch=("weighted_recall", "macro_f1"),
        disagreement="Weighted recall (which is accuracy) shows what was missed.",
        business="How far one can rely on the class that is stated.",
    ),
    MetricEntry(
        name="weighted_recall",
        title="Weighted recall",
        aliases=("recall_weighted",),
        tasks=_TASKS,
        formula="mean over classes of recall, weighted by how many examples the class has; it equals accuracy",
        needs=_DECIDED,
        use_when="Reports that others made have it; read it as accuracy.",
        misleads="As accuracy: the largest class decides it.",
        lazy="Always the largest class.",
        lazy_form=LazyForm(text="p for a share p of the largest class", value=lambda largest: largest),
        watch=("macro_f1", "confusion_matrix"),
        disagreement="Macro F1 stays low where only the largest class is learned.",
        business="The share of cases that got their class.",
    ),
    MetricEntry(
        name="weighted_roc_auc",
        title="Weighted one-against-rest ROC-AUC",
        aliases=("roc_auc_ovr_weighted", "auc_ovr_weighted"),
        tasks=_TASKS,
        formula="mean over classes of the ROC-AUC of the class against all others, weighted by class size",
        needs="ready-made values in [offline.scores]",
        use_when="Several classes are scored and only the order within each class matters.",
        misleads="Easy pairs of classes hide the two that are always confused; it knows no threshold.",
        lazy="Constant or random scores get .5.",
        lazy_form=LazyForm(text="1/2", value=lambda: 0.5),
        watch=("macro_f1", "confusion_matrix"),
        disagreement="The confusion matrix shows the pair of classes that the mean hides.",
        business="How well cases of each kind are put before all others.",
    ),
    MetricEntry(
        name="confusion_matrix",
        title="Confusion matrix",
        tasks=(Task.BINARY, Task.MULTICLASS),
        formula="how many examples of each true class were given each predicted class",
        high=None,
        best=None,
        needs="[offline.predictions]: model, example, y_true and y_pred (or y_score with a threshold)",
        use_when="Always, beside the number that decides: it shows which classes are confused.",
        misleads="Counts follow the class sizes: read it by row (recall) and by column (precision).",
        lazy="Always the largest class fills one column.",
        watch=("macro_f1",),
        disagreement="One number can stay the same while the errors move to another pair of classes.",
        business="Which mistakes are made, and how often.",
    ),
)
