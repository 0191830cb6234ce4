"""Rules for [offline.predictions]: what a task needs, and which keys and sources are for some tasks only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from abgap.study.flaws import Draft, Flaw
from abgap.study.rules.sources import BOX

_LOC = ("offline", "predictions")
_OF_TWO_LABELS = ("positive", "threshold", "error_costs")
_ANYTHING = ("y_score", "y_pred")
# Of every tuple one column has to be mapped.
_NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "binary": (("y_true",), _ANYTHING),
    "multiclass": (("y_true",), ("y_pred",)),
    "regression": (("y_true",), _ANYTHING),
    "forecast": (("y_true",), _ANYTHING),
    "clustering": (("y_pred",),),
    "generation": (("y_true",), ("y_pred",)),
    "detection": (("y_score",), *((end,) for end in BOX)),
    "segmentation": (),
}
_MASKS, _COUNTS = ("y_true", "y_pred"), ("intersection", "union")
_COMPANIONS = {"training": "forecast", "annotations": "detection"}


def something_is_predicted(draft: Draft) -> Iterator[Flaw]:
    """The columns that the task needs are mapped."""
    source = draft.study.offline.predictions
    if source is None:
        return
    for roles in _NEEDED[source.task]:
        if any(_maps(draft, role) for role in roles):
            continue
        if roles == _ANYTHING:
            hint = "map y_score (scores or probabilities) or y_pred (decisions, labels or numbers)"
            yield Flaw((*_LOC, "columns"), "does not say what was predicted", hint)
        else:
            hint = f'map it: columns = {{ {roles[0]} = "name of your column", ... }}'
            yield Flaw((*_LOC, "columns", roles[0]), f'is required for task = "{source.task}"', hint)
    if source.task == "segmentation" and not _masks_or_counts(draft):
        hint = "map y_true and y_pred (masks as run lengths), or intersection and union (counted pixels)"
        yield Flaw((*_LOC, "columns"), "does not say how masks fit", hint)


def _maps(draft: Draft, role: str) -> bool:
    return draft.declares(*_LOC, "columns", role)


def _masks_or_counts(draft: Draft) -> bool:
    return any(all(_maps(draft, role) for role in roles) for roles in (_MASKS, _COUNTS))


def decisions_are_binary(draft: Draft) -> Iterator[Flaw]:
    """A threshold, a positive label and costs of errors are for yes-or-no predictions."""
    source = draft.study.offline.predictions
    if source is None or source.task == "binary":
        return
    for key in _OF_TWO_LABELS:
        if draft.declares(*_LOC, key):
            yield Flaw((*_LOC, key), f'is for task = "binary", not for {source.task}', "remove it")


def clusters_have_features(draft: Draft) -> Iterator[Flaw]:
    """Clusterings are judged by the features of examples; of yes-or-no predictions features are tested for leaks."""
    source = draft.study.offline.predictions
    if source is None:
        return
    if source.task == "clustering" and not draft.declares(*_LOC, "features"):
        hint = 'list the columns that examples were clustered by: features = ["x", "y"]'
        yield Flaw((*_LOC, "features"), 'is required for task = "clustering"', hint)
    if source.task not in {"clustering", "binary"} and draft.declares(*_LOC, "features"):
        message = f'is for task = "clustering" or "binary", not for {source.task}'
        yield Flaw((*_LOC, "features"), message, "remove it")


def companions_fit_the_task(draft: Draft) -> Iterator[Flaw]:
    """The training series goes with forecasts, true boxes with detections, which cannot do without."""
    source = draft.study.offline.predictions
    task = None if source is None else source.task
    for name, of in _COMPANIONS.items():
        if draft.declares("offline", name) and task != of:
            hint = f'set [offline.predictions] task = "{of}", or remove it'
            yield Flaw(("offline", name), f'is for predictions of task = "{of}"', hint)
    if task == "detection" and not draft.declares("offline", "annotations"):
        yield Flaw(("offline", "annotations"), 'is required for task = "detection"', "add the true boxes")
