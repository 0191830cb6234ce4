"""Everything that was found in the study, as reasons look it up; and what their own queries brought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias, TypeVar

from abgap.gap.inputs import ExperimentFacts
from abgap.gap.reasons.translations import Translations, translations_of
from abgap.records import (
    Check,
    Estimable,
    Estimate,
    Gap,
    Heterogeneity,
    LiveMix,
    ModelFacts,
    OfflineRow,
    OfflineSweep,
    OfflineTwin,
    Trend,
)
from abgap.records.live import LiveQuality

Record = TypeVar("Record")
Pair: TypeAlias = tuple[str, str, str]
"""Experiment, treatment, business metric."""
Part: TypeAlias = tuple[str, str, str | None, str | None]
"""Experiment, metric, name and value of a slice."""


# No slots: the indexes are made when they are first asked for.
@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The records of the whole study.

    facts: of each experiment, by name. before: lifts of business metrics before exposure, by their covariates.
    denominators: of ratios, what a unit of control adds to it in a slice. read: what each reason's query brought, by
    the name of the reason.
    """

    estimates: tuple[Estimate, ...] = ()
    heterogeneity: tuple[Heterogeneity, ...] = ()
    trends: tuple[Trend, ...] = ()
    offline: tuple[OfflineRow, ...] = ()
    sweeps: tuple[OfflineSweep, ...] = ()
    twins: tuple[OfflineTwin, ...] = ()
    mixes: tuple[LiveMix, ...] = ()
    checks: tuple[Check, ...] = ()
    gaps: tuple[Gap, ...] = ()
    models: Mapping[str, ModelFacts] = field(default_factory=dict)
    live: LiveQuality = field(default_factory=LiveQuality)
    facts: Mapping[str, ExperimentFacts] = field(default_factory=dict)
    before: Mapping[Pair, Estimable] = field(default_factory=dict)
    denominators: Mapping[Part, float] = field(default_factory=dict)
    read: Mapping[str, object] = field(default_factory=dict)

    def whole(self, experiment: str, treatment: str, metric: str) -> Estimate | None:
        """The estimate over all units."""
        rows = self._estimates.get((experiment, treatment, metric), ())
        return next((e for e in rows if e.slice_name is None and e.period is None), None)

    def slices(self, experiment: str, treatment: str, metric: str) -> tuple[Estimate, ...]:
        """The estimates by slice, in the order given."""
        rows = self._estimates.get((experiment, treatment, metric), ())
        return tuple(e for e in rows if e.slice_name is not None and e.period is None)

    def trend(self, experiment: str, treatment: str, metric: str) -> Trend | None:
        """How the effect changes with the days since exposure."""
        return next(iter(self._trends.get((experiment, treatment, metric), ())), None)

    def differing(self, experiment: str, treatment: str, metric: str) -> tuple[Heterogeneity, ...]:
        """How lifts differ between slices, by name of the slice."""
        return tuple(self._differing.get((experiment, treatment, metric), ()))

    def offline_row(self, model: str, baseline: str | None, metric: str) -> OfflineRow | None:
        """A comparison over all examples; without a baseline the model alone."""
        rows = self._offline.get((model, metric), ())
        return next((r for r in rows if r.baseline == baseline and r.slice_name is None), None)

    def offline_rows(self, model: str, metric: str) -> tuple[OfflineRow, ...]:
        """All rows of a model in a metric, slices among them."""
        return tuple(self._offline.get((model, metric), ()))

    def candidates_of(self, row: OfflineRow) -> tuple[OfflineRow, ...]:
        """All models that are held against the same baseline in the same metric, over all examples."""
        return tuple(self._candidates.get((row.metric, row.baseline), ()))

    def sweep(self, model: str, baseline: str, metric: str) -> OfflineSweep | None:
        """A comparison under other definitions of its metric."""
        return next(iter(self._sweeps.get((model, baseline, metric), ())), None)

    def metrics_of(self, model: str) -> tuple[str, ...]:
        """The offline metrics that a model was measured in, in the order of the rows."""
        return tuple(self._metrics.get(model, ()))

    def checked(self, experiment: str) -> tuple[Check, ...]:
        """The data checks of the experiment."""
        return tuple(self._checks.get(experiment, ()))

    def twin(self, model: str, baseline: str, metric: str, twin: str) -> OfflineTwin | None:
        """A gain beside that under the labels of a twin."""
        return next(iter(self._twins.get((model, baseline, metric, twin), ())), None)

    def live_mixes(self, experiment: str, treatment: str, metric: str) -> dict[str, LiveMix]:
        """The live traffic of an experiment by slice: as live sources have it, else the units that were analysed."""
        found: dict[str, LiveMix] = {}
        for each in self.slices(experiment, treatment, metric):
            before = found.get(each.slice_name or "")
            counts = {
                **(before.counts if before else {}),
                each.slice_value: each.n_control + each.n_treatment,
            }
            name = each.slice_name or ""
            found[name] = LiveMix(experiment=experiment, slice_name=name, counts=counts, noun="units")
        live = [mix for mix in self.mixes if mix.experiment in {None, experiment}]
        # Those of the experiment itself come last, so that they count.
        return found | {
            mix.slice_name: mix for mix in sorted(live, key=lambda mix: mix.experiment is not None)
        }

    @cached_property
    def _estimates(self) -> Mapping[Pair, list[Estimate]]:
        return _by(self.estimates, lambda e: (e.experiment, e.treatment, e.metric))

    @cached_property
    def _trends(self) -> Mapping[Pair, list[Trend]]:
        return _by(self.trends, lambda t: (t.experiment, t.treatment, t.metric))

    @cached_property
    def _differing(self) -> Mapping[Pair, list[Heterogeneity]]:
        return _by(self.heterogeneity, lambda h: (h.experiment, h.treatment, h.metric))

    @cached_property
    def _offline(self) -> Mapping[tuple[str, str], list[OfflineRow]]:
        return _by(self.offline, lambda r: (r.model, r.metric))

    @cached_property
    def _candidates(self) -> Mapping[tuple[str, str | None], list[OfflineRow]]:
        whole = (row for row in self.offline if row.slice_name is None)
        return _by(whole, lambda r: (r.metric, r.baseline))

    @cached_property
    def _sweeps(self) -> Mapping[Pair, list[OfflineSweep]]:
        return _by(self.sweeps, lambda s: (s.model, s.baseline, s.metric))

    @cached_property
    def _twins(self) -> Mapping[tuple[str, str, str, str], list[OfflineTwin]]:
        return _by(self.twins, lambda t: (t.model, t.baseline, t.metric, t.twin))

    @cached_property
    def _metrics(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for model, metric in self._offline:
            found[model].append(metric)
        return found

    @cached_property
    def translations(self) -> Mapping[tuple[str, str], Translations]:
        """What became of the gains of all experiments, by offline and business metric."""
        return translations_of(self.gaps, self.facts, self.offline_row)

    @cached_property
    def _checks(self) -> Mapping[str | None, list[Check]]:
        return _by(self.checks, lambda c: c.experiment)


Key = TypeVar("Key", bound=Hashable)


def _by(records: Iterable[Record], key: Callable[[Record], Key]) -> Mapping[Key, list[Record]]:
    found: dict[Key, list[Record]] = defaultdict(list)
    for record in records:
        found[key(record)].append(record)
    return found
