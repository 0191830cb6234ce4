"""Rules for [offline.predictions]: what a task needs, and which keys are for two labels only."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.study.flaws import Draft, Flaw

_LOC = ("offline", "predictions")
_OF_TWO_LABELS = ("positive", "threshold", "error_costs")


def something_is_predicted(draft: Draft) -> Iterator[Flaw]:
    """There is a column with what was predicted."""
    source = draft.study.offline.predictions
    if source is None or any(draft.declares(*_LOC, "columns", role) for role in ("y_score", "y_pred")):
        return
    hint = "map y_score (scores or probabilities) or y_pred (decisions, labels or numbers)"
    yield Flaw((*_LOC, "columns"), "does not say what was predicted", hint)


def decisions_are_binary(draft: Draft) -> Iterator[Flaw]:
    """A threshold, a positive label and costs of errors are for yes-or-no predictions."""
    source = draft.study.offline.predictions
    if source is None or source.task == "binary":
        return
    for key in _OF_TWO_LABELS:
        if draft.declares(*_LOC, key):
            yield Flaw((*_LOC, key), f'is for task = "binary", not for {source.task}', "remove it")
