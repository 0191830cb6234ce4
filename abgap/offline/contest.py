"""What every way of measuring hands to the comparison: one metric of one model beside its baseline.

Ready-made scores, rankings and predictions are read and added up in ways of their own; what comes out is the same,
so that multiplicity, slices, lazy baselines and the winner's curse are decided in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from abgap.engine.protocol import Relation
from abgap.records import ConfusionMatrix, Estimable, OfflineHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """One metric of a model, before multiplicity: over all examples, or in a slice.

    baseline: None for a model that is held against none. definition: the metric in full words. gain, p_value: the main
    interval and its test. bootstrap, p_permutation: by resampling, None where they were not made. sd: of the paired
    difference of one example, None where the metric is no mean over examples. correlation: of the errors of gains over
    the same baseline, where there are three or more. lazy: the metric of predictors that
    learnt nothing, over the same examples. counts: of special examples, by what is special.
    """

    model: str
    baseline: str | None
    metric: str
    definition: str
    slice_name: str | None = None
    slice_value: str | None = None
    n: int | None
    skipped: int = 0
    value: float | None
    baseline_value: float | None
    gain: Estimable
    p_value: float | None = None
    bootstrap: Estimable | None = None
    p_permutation: float | None = None
    effect_size: Estimable | None = None
    sd: float | None = None
    correlation: float | None = None
    lazy: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What one way of measuring came to.

    known: (model, metric) that were evaluated. relations: sources that were opened for it, by their keys.
    """

    relations: Mapping[str, Relation] = field(default_factory=dict)
    known: frozenset[tuple[str, str]] = frozenset()
    contests: tuple[Contest, ...] = ()
    history: tuple[OfflineHistory, ...] = ()
    confusions: tuple[ConfusionMatrix, ...] = ()
