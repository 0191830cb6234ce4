"""The three things to do next: the most important of each kind in turn, so that wins do not hide a broken split."""

from __future__ import annotations

from collections.abc import Callable

from abgap.records import Decision, ExperimentResult, VerdictName, words
from abgap.report import numbers
from abgap.report.marks import decision_mark, is_same_model
from abgap.report.view.index import Index
from abgap.report.view.model import Action
from abgap.report.view.money import stake_of

_MOST = 3
_HARMFUL = frozenset({VerdictName.REVERSED, VerdictName.LOSS_CONFIRMED})


def actions_of(index: Index, sections: int) -> tuple[Action, ...]:
    """At most three actions; ``sections`` experiments can be linked to."""
    queues = [
        queue
        for kind in _KINDS
        if (queue := [e for e in index.ranked if e.next_action and kind(index, e) and not _settled(e)])
    ]
    chosen: list[list[ExperimentResult]] = [[] for _ in queues]
    for turn in range(_MOST):
        for queue, taken in zip(queues, chosen, strict=True):
            if turn < len(queue) and sum(map(len, chosen)) < _MOST:
                taken.append(queue[turn])
    return tuple(
        _action(index, experiment, sections, more=len(queue) - len(taken) if experiment is taken[-1] else 0)
        for queue, taken in zip(queues, chosen, strict=True)
        for experiment in taken
    )


def _settled(experiment: ExperimentResult) -> bool:
    """A model against itself asks for nothing, unless it shows that the experiments cannot be trusted."""
    return is_same_model(experiment) and experiment.decision is not Decision.CANNOT_BE_JUDGED


def _harmful(index: Index, experiment: ExperimentResult) -> bool:
    return any(gap.verdict in _HARMFUL for gap in index.headline_gaps(experiment.name))


_KINDS: tuple[Callable[[Index, ExperimentResult], bool], ...] = (
    lambda _, e: e.decision is Decision.SHIP,
    lambda index, e: e.decision is Decision.DO_NOT_SHIP and _harmful(index, e),
    lambda _, e: e.decision is Decision.CANNOT_BE_JUDGED,
    lambda index, e: e.decision is Decision.DO_NOT_SHIP and not _harmful(index, e),
    lambda _, e: e.decision is Decision.KEEP_RUNNING,
)


def _action(index: Index, experiment: ExperimentResult, sections: int, *, more: int) -> Action:
    stake = stake_of(index, experiment) if index.trusted(experiment.name) else None
    shown = numbers.money(stake, index.results.study.currency) if stake else None
    return Action(
        mark=decision_mark(experiment.decision),
        experiment=experiment.name,
        link=index.anchor(experiment.name, sections),
        text=experiment.next_action,
        stake=f"{shown.text} {shown.range} a year" if shown else "",
        more=f"{words.count(more)} more like it" if more else "",
    )
