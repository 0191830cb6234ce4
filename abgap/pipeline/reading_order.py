"""The order in which findings are read: experiments, metrics and arms as the study has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from abgap.records.order import natural_order

if TYPE_CHECKING:
    from abgap.gap.inputs import ExperimentFacts
    from abgap.records import Estimate, Heterogeneity


class ReadingOrder:
    """Keys to sort findings by. facts: of the experiments. metrics: names, both in the order of the study."""

    def __init__(self, facts: Sequence[ExperimentFacts], metrics: Iterable[str]) -> None:
        self._experiments = {f.name: i for i, f in enumerate(facts)}
        self._arms = {(f.name, arm): i for f in facts for i, arm in enumerate(f.treatments)}
        self._metrics = {name: i for i, name in enumerate(metrics)}

    def of_estimate(self, found: Estimate) -> tuple[object, ...]:
        """By experiment, whole before slices before days, metric by metric."""
        return (
            self._experiments[found.experiment],
            found.period is not None,
            found.slice_name or "",
            found.slice_value is None,
            natural_order(found.slice_value or found.period or ""),
            *self._comparison(found),
        )

    def of_heterogeneity(self, found: Heterogeneity) -> tuple[object, ...]:
        """By experiment and slice, metric by metric."""
        return (self._experiments[found.experiment], found.slice_name, *self._comparison(found))

    def _comparison(self, found: Estimate | Heterogeneity) -> tuple[int, int]:
        return self._metrics[found.metric], self._arms.get((found.experiment, found.treatment), 0)
