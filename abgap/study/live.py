"""The live side of the study file: what models said in production, and how it is told what came of it.

``[live]`` and its sources, and ``[gap] perturbed``. The same metrics are computed from them as offline.
"""

from __future__ import annotations

from abgap.study.base import SlicedSource, StudyModel
from abgap.study.fields import Days, Fraction, NonEmpty


class Outcome(StudyModel):
    """Which events tell what came of a live prediction, or of an item that was shown."""

    fact: NonEmpty
    where: NonEmpty | None = None
    within_days: Days = 1.0
    key: NonEmpty | None = None
    item: NonEmpty | None = None
    label: NonEmpty | None = None


class LivePredictions(SlicedSource):
    """``[live.predictions]``: what models predicted in production, one row per request."""

    outcome: Outcome


class LiveRankings(SlicedSource):
    """``[live.rankings]``: the lists that were shown in production, one row per request and item."""

    outcome: Outcome


class Live(StudyModel):
    """``[live]``: what models said in production."""

    predictions: LivePredictions | None = None
    rankings: LiveRankings | None = None


class Perturbed(StudyModel):
    """``[gap] perturbed``: the slice of test examples that tells clean inputs from perturbed ones."""

    slice: NonEmpty
    clean: NonEmpty
    live_share: Fraction | None = None
