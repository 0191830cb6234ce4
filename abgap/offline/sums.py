"""What is kept of offline values once they are read: counts and sums, apart from statistics, which load slowly.

Levels, words and contracts of a study can change without anything being read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from abgap.engine.protocol import Relation
from abgap.records.moments import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What is compared: one metric of a model, and of its baseline if it has one."""

    model: str
    baseline: str | None
    metric: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """Examples that a model was evaluated on in one metric; known: those with a value. splits: examples by split."""

    examples: int
    known: int
    splits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSums:
    """Sums over the examples of a contest (of a slice of them), those that have all values. square: of the difference.

    evaluated: examples of both models, with or without values. Without a baseline the difference is the value itself.
    """

    slice_name: str | None
    slice_value: str | None
    evaluated: int
    shared: int
    candidate: float
    base: float
    difference: float
    square: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """Sums of differences by bucket, and over how many examples; arrays of one length."""

    difference: FloatArray
    shared: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinSums:
    """Two contests by their places, over the examples that have a difference in both.

    first_sum, second_sum, product: sums of the differences and of their products.
    """

    first: int
    second: int
    shared: int
    first_sum: float
    second_sum: float
    product: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Contests of values per example, added up.

    evaluated: by model and metric. sums: of each contest, the whole before its slices; none where the models share no
    example. buckets: by place of the contest, of those that have enough examples. twins: contests that differ by the
    labels that their metric counts. crossed: contests of the portfolio, over the examples they share.
    """

    contests: tuple[Against, ...] = ()
    evaluated: Mapping[tuple[str, str], Evaluated] = field(default_factory=dict)
    sums: tuple[tuple[ValueSums, ...], ...] = ()
    buckets: Mapping[int, Buckets] = field(default_factory=dict)
    twins: tuple[TwinSums, ...] = ()
    crossed: tuple[TwinSums, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One aggregated score; n, se and split None when not given."""

    value: float
    n: int | None
    se: float | None
    split: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A model that was evaluated in a metric on a day (ISO). previous: place of the evaluation it is held against.

    value: its score, None where it has none. change: sums of the paired difference, None where they share no queries.
    """

    model: str
    metric: str
    family: str
    day: str
    previous: int | None
    value: Aggregate | None = None
    change: Measured | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingSums:
    """Contests of ranking metrics. relations: opened sources by key that only the comparison reads."""

    relations: Mapping[str, Relation] = field(default_factory=dict)
    queries: Measured = field(default_factory=Measured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What ready-made scores hold. relations: opened sources by key. contests: all, in their order.

    known: (model, metric) with any score. queries: those contests whose models have values per query. aggregates: the
    newest by (model, metric). history: evaluations by metric, family, day and model.
    """

    relations: Mapping[str, Relation] = field(default_factory=dict)
    known: frozenset[tuple[str, str]] = frozenset()
    contests: tuple[Against, ...] = ()
    queries: Measured = field(default_factory=Measured)
    aggregates: Mapping[tuple[str, str], Aggregate] = field(default_factory=dict)
    history: tuple[Evaluation, ...] = ()
