"""What the catalogue says of a metric: the same fields for each, so that metrics can be held against one another."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from abgap.records.vocabulary import Direction


class Task(StrEnum):
    """What a model does; the last two are not tasks of models: what users do with them, and what serving them takes."""

    RANKING = "ranking"
    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    FORECAST = "forecast"
    CLUSTERING = "clustering"
    GENERATION = "generation"
    DETECTION = "detection"
    SEGMENTATION = "segmentation"
    ONLINE = "online"
    SERVING = "serving"


class Cutoff(StrEnum):
    """Whether a metric looks at the first k results only: never, if a k is given, or always."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class LazyForm:
    """What a lazy solution scores, as a formula.

    text: the formula for people. value: the same as a function; its parameters are the facts it has to be given:
    ``positives`` (their share), ``largest`` (share of the largest class), ``classes``, ``false_positive`` and
    ``false_negative`` (costs), ``k``, ``candidates`` and ``relevant`` (per query).
    """

    text: str
    value: Callable[..., float]

    @property
    def given(self) -> tuple[str, ...]:
        """The facts that the formula needs."""
        return tuple(inspect.signature(self.value).parameters)

    def of(self, facts: Mapping[str, float]) -> float | None:
        """The lazy score under these facts; None when one is missing."""
        if any(name not in facts for name in self.given):
            return None
        return self.value(**{name: facts[name] for name in self.given})


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricEntry:
    """One metric.

    name: what it is called in a study and in results; ``@k`` at its end where it may have a cut-off. aliases: other
    names it is known by, of other tools too. low, high: its range; None where it has no end. best: the best value it
    can have, None where there is none. two_sided: whether nearer to ``best`` is better, from either side. needs: the
    sources and columns it is made of. lazy: what a solution gets that has learned nothing. watch: the metrics to
    show beside it, which ``disagreement`` gives the reason for. business: what it means to those who pay.
    """

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    tasks: tuple[Task, ...]
    cutoff: Cutoff = Cutoff.NONE
    formula: str
    low: float | None = 0.0
    high: float | None = 1.0
    direction: Direction = Direction.UP
    best: float | None = 1.0
    two_sided: bool = False
    needs: str
    use_when: str
    misleads: str
    lazy: str
    lazy_form: LazyForm | None = None
    watch: tuple[str, ...]
    disagreement: str
    business: str

    @property
    def base(self) -> str:
        """The name without its cut-off."""
        return self.name.removesuffix("@k")
