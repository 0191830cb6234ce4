"""Every experiment as it was run: its declaration, and what the data say of its arms and of how far they reach."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from abgap.gap.inputs import ExperimentFacts
from abgap.online.counts import ArmCounts
from abgap.online.experiments import DeclaredExperiment
from abgap.online.reach import observed_until, reach_of
from abgap.records.order import natural_order
from abgap.study.model import Study


def experiment_facts(
    study: Study, declared: DeclaredExperiment, counts: ArmCounts | None, data_until: dt.datetime | None
) -> ExperimentFacts:
    """One experiment. counts: of its units, None without any. data_until: how far the data as a whole reach (UTC)."""
    seen = counts.whole if counts else {}
    allowed = declared.variants
    order = (
        allowed
        if allowed is not None
        else sorted((v for v in seen if v != declared.control), key=natural_order)
    )
    treatments = tuple(v for v in order if v != declared.control)
    described = study.experiments.get(declared.name) if isinstance(study.experiments, dict) else None
    until = reach_of(counts, data_until, ZoneInfo(study.study.timezone))
    return ExperimentFacts(
        name=declared.name,
        control=declared.control,
        treatments=treatments,
        arms={v: seen.get(v, 0) for v in (declared.control, *treatments)},
        start=_iso(declared.starts_at),
        end=_iso(declared.ends_at),
        observed_until=_iso(observed_until(declared, until)),
        models=described.models if described else {},
        tags=tuple(described.tags) if described else (),
        hypothesis=described.hypothesis if described else None,
    )


def _iso(moment: object) -> str | None:
    """A date when the time is midnight, else date and time."""
    if moment is None:
        return None
    text = str(moment)
    return text.removesuffix(" 00:00:00").replace(" ", "T")
