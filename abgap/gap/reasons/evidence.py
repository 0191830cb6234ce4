"""Everything that was found in the study, as reasons look it up; and what their own queries brought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from abgap.records import (
    Check,
    Counterfactual,
    Estimate,
    Gap,
    Heterogeneity,
    ModelFacts,
    OfflineRow,
    OfflineSweep,
    PositionRate,
    Status,
    Trend,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The records of the whole study. read: what each reason's own query brought, by the name of the reason."""

    estimates: tuple[Estimate, ...] = ()
    heterogeneity: tuple[Heterogeneity, ...] = ()
    trends: tuple[Trend, ...] = ()
    offline: tuple[OfflineRow, ...] = ()
    sweeps: tuple[OfflineSweep, ...] = ()
    checks: tuple[Check, ...] = ()
    gaps: tuple[Gap, ...] = ()
    positions: tuple[PositionRate, ...] = ()
    counterfactual: tuple[Counterfactual, ...] = ()
    models: Mapping[str, ModelFacts] = field(default_factory=dict)
    read: Mapping[str, object] = field(default_factory=dict)

    def whole(self, experiment: str, treatment: str, metric: str) -> Estimate | None:
        """The estimate over all units."""
        rows = self._estimates(experiment, treatment, metric)
        return next((e for e in rows if e.slice_name is None and e.period is None), None)

    def slices(self, experiment: str, treatment: str, metric: str) -> tuple[Estimate, ...]:
        """The estimates by slice, in the order given."""
        rows = self._estimates(experiment, treatment, metric)
        return tuple(e for e in rows if e.slice_name is not None and e.period is None)

    def _estimates(self, experiment: str, treatment: str, metric: str) -> Iterable[Estimate]:
        return (
            e
            for e in self.estimates
            if (e.experiment, e.treatment, e.metric) == (experiment, treatment, metric)
        )

    def trend(self, experiment: str, treatment: str, metric: str) -> Trend | None:
        """How the effect changes with the days since exposure."""
        key = (experiment, treatment, metric)
        return next((t for t in self.trends if (t.experiment, t.treatment, t.metric) == key), None)

    def differing(self, experiment: str, treatment: str, metric: str) -> tuple[Heterogeneity, ...]:
        """How lifts differ between slices, by name of the slice."""
        key = (experiment, treatment, metric)
        return tuple(h for h in self.heterogeneity if (h.experiment, h.treatment, h.metric) == key)

    def offline_row(self, model: str, baseline: str | None, metric: str) -> OfflineRow | None:
        """A comparison over all examples; without a baseline the model alone."""
        rows = self.offline_rows(model, metric)
        return next((r for r in rows if r.baseline == baseline and r.slice_name is None), None)

    def offline_rows(self, model: str, metric: str) -> tuple[OfflineRow, ...]:
        """All rows of a model in a metric, slices among them."""
        return tuple(r for r in self.offline if (r.model, r.metric) == (model, metric))

    def failed(self, experiment: str) -> tuple[Check, ...]:
        """Checks of the experiment that failed."""
        return tuple(c for c in self.checks if c.experiment == experiment and c.status is Status.FAIL)
