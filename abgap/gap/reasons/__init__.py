"""The reasons why an offline gain may not reach the business, each a test; the registry is the whole list."""

from __future__ import annotations

from abgap.gap.reasons import (
    data_faults,
    definition,
    dilution,
    distribution_mismatch,
    heterogeneity,
    latency,
    lazy_metric,
    leakage,
    novelty,
    offline_noise,
    position_bias,
    proxy_label,
    robustness,
    saturation,
    trade_off,
    train_serve_skew,
    underpowered,
    winners_curse,
    wrong_baseline,
)
from abgap.gap.reasons.reason import Reason

REASONS: tuple[Reason, ...] = (
    underpowered.REASON,
    offline_noise.REASON,
    winners_curse.REASON,
    distribution_mismatch.REASON,
    lazy_metric.REASON,
    definition.REASON,
    trade_off.REASON,
    wrong_baseline.REASON,
    saturation.REASON,
    proxy_label.REASON,
    position_bias.REASON,
    robustness.REASON,
    leakage.REASON,
    train_serve_skew.REASON,
    latency.REASON,
    novelty.REASON,
    dilution.REASON,
    heterogeneity.REASON,
    data_faults.REASON,
)
