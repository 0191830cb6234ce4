"""What the seven steps ask, and which answers there are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from abgap.errors import UsageError
from abgap.offline.catalogue import Task

IMBALANCED_BELOW = 0.2
RARE_BELOW = 0.05
_EVEN_TIMES = 1.5


class Objective(StrEnum):
    """What the business wants of the model."""

    REVENUE = "revenue"
    RETENTION = "retention"
    PRODUCTIVITY = "productivity"
    SUPPORT = "support"
    RISK = "risk"


class Costly(StrEnum):
    """The failure that costs more: of decisions the first three, of amounts the others."""

    FALSE_POSITIVE = "false-positive"
    FALSE_NEGATIVE = "false-negative"
    EQUAL = "equal"
    LARGE_ERRORS = "large-errors"
    TOO_HIGH = "too-high"
    TOO_LOW = "too-low"


class Audience(StrEnum):
    """Who has to understand the number."""

    TECHNICAL = "technical"
    BUSINESS = "business"


class Goal(StrEnum):
    """What matters most in the project."""

    PRECISION = "precision"
    RECALL = "recall"
    BALANCE = "balance"
    RANKING = "ranking"
    CALIBRATION = "calibration"
    ROBUSTNESS = "robustness"
    FIRST_ANSWER = "first-answer"


# Tasks as people call them -> the task whose metrics they use, and whether positives are rare by their nature.
_ALSO_CALLED = {
    "imbalanced": (Task.BINARY, True),
    "anomaly": (Task.BINARY, True),
    "fraud": (Task.BINARY, True),
    "classification": (Task.BINARY, False),
    "text-classification": (Task.BINARY, False),
    "image-classification": (Task.BINARY, False),
    "search": (Task.RANKING, False),
    "recommendation": (Task.RANKING, False),
    "time-series": (Task.FORECAST, False),
    "text-generation": (Task.GENERATION, False),
    "object-detection": (Task.DETECTION, False),
}
_OF_MODELS = tuple(task for task in Task if task not in {Task.ONLINE, Task.SERVING})
TASK_NAMES = (*(task.value for task in _OF_MODELS), *_ALSO_CALLED)
AMOUNTS = frozenset((Task.REGRESSION, Task.FORECAST))
CLASSES = frozenset((Task.BINARY, Task.MULTICLASS))


def task_of(name: str, classes: int | None) -> tuple[Task, bool]:
    """The task that a name means, and whether its positives are rare; with more than two classes multi-class."""
    task, rare = _ALSO_CALLED[name] if name in _ALSO_CALLED else (Task(name), False)
    if task is Task.BINARY and name != Task.BINARY and classes is not None and classes > 2:
        return Task.MULTICLASS, rare
    return task, rare


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers of the seven steps; None where nobody knows.

    positives: share of positives; of several classes that of the largest, of pixels that of the foreground. rare:
    whether positives are rare by the nature of the task. outliers: whether single values far away are expected; zeros:
    whether the truth can be 0. threshold: whether decisions are made at a threshold. k: how many results are shown;
    candidates and relevant: items per query.
    """

    task: Task
    objective: Objective | None = None
    costly: Costly | None = None
    false_positive_cost: float | None = None
    false_negative_cost: float | None = None
    positives: float | None = None
    rare: bool = False
    classes: int | None = None
    outliers: bool | None = None
    zeros: bool | None = None
    audience: Audience = Audience.TECHNICAL
    threshold: bool | None = None
    goals: tuple[Goal, ...] = ()
    k: int = 10
    candidates: int | None = None
    relevant: int | None = None

    @property
    def has_costs(self) -> bool:
        """Whether both errors have an amount."""
        return self.false_positive_cost is not None and self.false_negative_cost is not None

    @property
    def imbalanced(self) -> bool:
        """Whether one class swamps the others: below 20 % positives, or a largest class of 1.5 times its even share."""
        if self.positives is None:
            return self.rare
        if self.task is Task.MULTICLASS:
            return self.positives > (_EVEN_TIMES / self.classes if self.classes else 0.5)
        return min(self.positives, 1.0 - self.positives) < IMBALANCED_BELOW

    @property
    def facts(self) -> dict[str, float]:
        """What lazy scores are computed from."""
        several = self.task is Task.MULTICLASS
        share = self.positives
        known = {
            "positives": None if several else share,
            "largest": share if several or share is None else max(share, 1.0 - share),
            "classes": self.classes if several else 2,
            "false_positive": self.false_positive_cost,
            "false_negative": self.false_negative_cost,
            "k": self.k,
            "candidates": self.candidates,
            "relevant": self.relevant,
        }
        return {name: float(value) for name, value in known.items() if value is not None}


def refuse_contradictions(answers: Answers) -> None:
    """Raise UsageError when answers do not belong to the task, or contradict each other."""
    of_amounts = {Costly.LARGE_ERRORS, Costly.TOO_HIGH, Costly.TOO_LOW}
    if answers.costly is not None:
        if answers.task in AMOUNTS and answers.costly in {Costly.FALSE_POSITIVE, Costly.FALSE_NEGATIVE}:
            raise UsageError(
                f"--costly-error {answers.costly} is of decisions; {answers.task} predicts amounts",
                hint="use large-errors, too-high, too-low or equal",
            )
        if answers.task not in AMOUNTS and answers.costly in of_amounts:
            raise UsageError(
                f"--costly-error {answers.costly} is of amounts; {answers.task} predicts none",
                hint="use false-positive, false-negative or equal",
            )
    if (answers.false_positive_cost is None) != (answers.false_negative_cost is None):
        raise UsageError(
            "the cost of one error is given, that of the other is not",
            hint="give both --false-positive-cost and --false-negative-cost; only their ratio matters",
        )
    if answers.has_costs and answers.task is not Task.BINARY:
        raise UsageError(
            f"costs of false positives and negatives are of binary decisions, not of {answers.task}"
        )
    if answers.task is Task.MULTICLASS and (answers.positives or 1.0) * (answers.classes or math.inf) < 1.0:
        raise UsageError(
            f"the largest of {answers.classes} classes cannot have a share of {answers.positives:g}",
            hint="--positives is the share of the largest class, where there are several",
        )
    if answers.relevant is not None and answers.candidates is None:
        raise UsageError("--relevant needs --candidates: both are items per query")
    if answers.candidates is not None and (answers.relevant or 0) > answers.candidates:
        raise UsageError(f"{answers.relevant} relevant of {answers.candidates} candidates cannot be")
