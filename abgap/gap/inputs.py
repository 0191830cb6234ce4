"""What the floor is given, found quickly: experiments, and estimates, offline rows and checks by key.

Only whole-experiment rows take part in a verdict; slices and days explain, they do not decide.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from abgap.gap.given_gains import GivenGains, no_gains
from abgap.online.codes import is_whole
from abgap.records import Check, Estimate, Moments, OfflineRow, Role, Status
from abgap.study.model import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentFacts:
    """One experiment as it was run.

    treatments: in the order they are to be shown. arms: analysed units per variant, control first.
    start, end: ISO dates or datetimes, end exclusive. models: variant to model. observed_until: ISO, the last
    exposure or event in the data, which comes before the end while an experiment still runs.
    """

    name: str
    control: str
    treatments: tuple[str, ...]
    arms: Mapping[str, int]
    start: str | None = None
    end: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    hypothesis: str | None = None
    observed_until: str | None = None

    @property
    def days(self) -> float | None:
        """How long it was observed, in days; None without both dates or when they are not in order."""
        if self.end is None or self.observed_until is None:
            return self._days_until(self.end)
        return self._days_until(min(self.end, self.observed_until, key=_utc))

    @property
    def planned_days(self) -> float | None:
        """From its start to its end, in days, whether or not the data reach that far."""
        return self._days_until(self.end)

    def _days_until(self, moment: str | None) -> float | None:
        if self.start is None or moment is None:
            return None
        days = (_utc(moment) - _utc(self.start)).total_seconds() / 86_400.0
        return days if days > 0.0 else None

    def same_model(self, treatment: str) -> bool:
        """Whether this arm is declared to have run the control's model."""
        model = self.models.get(treatment)
        return model is not None and model == self.models.get(self.control)


class EvidenceIndex:
    """Estimates, offline rows, ready-made gains and the checks that matter to a decision, by key."""

    def __init__(
        self,
        *,
        estimates: Iterable[Estimate],
        offline_rows: Iterable[OfflineRow],
        checks: Iterable[Check],
        gains: GivenGains | None = None,
    ) -> None:
        self.gains = no_gains() if gains is None else gains
        self._estimates = estimates
        self._offline: dict[tuple[str, str], dict[str, OfflineRow]] = defaultdict(dict)
        self._failed: dict[str | None, list[Check]] = defaultdict(list)
        for row in offline_rows:
            if row.slice_name is None and row.baseline is not None:
                self._offline[row.model, row.metric][row.baseline] = row
        self._early: dict[str | None, Check] = {}
        for check in checks:
            if check.status is Status.FAIL:
                self._failed[check.experiment].append(check)
            elif check.name == "read_early" and check.status is Status.WARN:
                self._early[check.experiment] = check

    @cached_property
    def _online(self) -> Mapping[tuple[str, str], Mapping[str, Estimate]]:
        """Whole-experiment estimates by arm and metric, looked through when the first is asked for."""
        found: dict[tuple[str, str], dict[str, Estimate]] = defaultdict(dict)
        for estimate in self._estimates:
            if estimate.slice_name is None and estimate.period is None:
                found[estimate.experiment, estimate.treatment][estimate.metric] = estimate
        return found

    def online(self, experiment: str, treatment: str) -> Mapping[str, Estimate]:
        """Whole-experiment estimates of one arm, by metric, in the order given."""
        return self._online.get((experiment, treatment), {})

    def offline(self, model: str, metric: str) -> Mapping[str, OfflineRow]:
        """Rows of one model and metric over all examples, by baseline."""
        return self._offline.get((model, metric), {})

    @property
    def has_offline_rows(self) -> bool:
        """Whether any two models were compared offline."""
        return bool(self._offline)

    def blocking(self, experiment: str) -> tuple[Check, ...]:
        """Failed blocking checks of the experiment, then those of whole sources."""
        return tuple(check for check in self._failures(experiment) if check.blocking)

    def flaws(self, experiment: str) -> tuple[Check, ...]:
        """Failed checks that leave the verdicts standing; of the experiment, then of whole sources."""
        return tuple(check for check in self._failures(experiment) if not check.blocking)

    def read_early(self, experiment: str) -> Check | None:
        """The check that warns of a test read before its planned end; None when it does not."""
        return self._early.get(experiment)

    def _failures(self, experiment: str) -> tuple[Check, ...]:
        return (*self._failed.get(experiment, ()), *self._failed.get(None, ()))


def metrics_that_decide(study: Study) -> frozenset[str]:
    """The metrics that verdicts, decisions and funnels read; all others are shown, and decide nothing."""
    deciding = {Role.PRIMARY, Role.GUARDRAIL}
    found = {name for name, metric in study.metrics.items() if metric.role in deciding}
    in_funnels = {name for funnel in study.funnels.values() for name in (funnel.total, *funnel.stages)}
    return frozenset(found | in_funnels | set(study.gap.business))


def whole_rows(moments: Moments, among: npt.NDArray[np.bool_]) -> list[int]:
    """Positions, among those marked, of the whole-experiment rows: no slice, no period, no fold."""
    found: list[int] = np.flatnonzero(among & is_whole(moments)).tolist()
    return found


def _utc(moment: str) -> dt.datetime:
    """A moment in UTC; one without a zone is taken to be in UTC already."""
    parsed = dt.datetime.fromisoformat(moment)
    return parsed.replace(tzinfo=dt.UTC) if parsed.tzinfo is None else parsed.astimezone(dt.UTC)
