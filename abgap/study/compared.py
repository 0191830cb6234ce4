"""Which online metrics of a study are held against each other; apart from the gap, for stages that load little."""

from __future__ import annotations

from abgap.records.vocabulary import Role
from abgap.study.model import Study


def business_metrics(study: Study) -> list[str]:
    """What everything else is held against: the metrics of the gap, else the primary ones."""
    return study.gap.business or [name for name, m in study.metrics.items() if m.role is Role.PRIMARY]


def online_metrics(study: Study) -> list[str]:
    """Proxies, then business metrics: what is measured on units."""
    return [*study.portfolio.proxies, *business_metrics(study)]
