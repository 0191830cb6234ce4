"""The reasons why an offline gain may not reach the business, each a test; the registry is the whole list."""

from __future__ import annotations

from abgap.gap.reasons import dilution, distribution_mismatch, heterogeneity, latency, novelty
from abgap.gap.reasons.reason import Reason

REASONS: tuple[Reason, ...] = (
    distribution_mismatch.REASON,
    latency.REASON,
    novelty.REASON,
    dilution.REASON,
    heterogeneity.REASON,
)
