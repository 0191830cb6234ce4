"""What can be planted in the sample data: the words in which the truth is written down.

An effect is a multiplier on one stage of the funnel, because that is where a ranking model acts: how often
people come, how much of what they see they click, how many clicks end in an order, how large the order is.
The lift of revenue follows from them and is never planted by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from abgap.records import VerdictName


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Multipliers of the treatment on each stage of the funnel; 1 is no effect."""

    sessions_per_user: float = 1.0
    clicks_per_session: float = 1.0
    orders_per_click: float = 1.0
    revenue_per_order: float = 1.0

    @property
    def revenue_per_session(self) -> float:
        """The product of the stages after the visit."""
        return self.clicks_per_session * self.orders_per_click * self.revenue_per_order

    @property
    def revenue_per_user(self) -> float:
        """The product of all stages."""
        return self.sessions_per_user * self.revenue_per_session


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One variant: the model it serves, its planned share of the users, and what the model does to them.

    in_slices: (slice, value) -> effects that hold there instead of ``effects``.
    lost_share: share of the arm's users whose exposure is never logged (they are the less active ones).
    verdict: what an honest analysis must say of the arm; None for the control. reason: by name, what took the missing
    lift; None where nothing is missing.
    """

    model: str
    share: float
    effects: Effects = field(default_factory=Effects)
    in_slices: Mapping[tuple[str, str], Effects] = field(default_factory=dict)
    lost_share: float = 0.0
    verdict: VerdictName | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Mistakes of the logging, as shares of an experiment's users or as counts of rows."""

    two_variants_share: float = 0.0
    unknown_variant_rows: int = 0
    events_without_user: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedExperiment:
    """One experiment and its truth; the control is variant ``A``.

    end: exclusive. users: randomised to the arms, not all of them come.
    shipped: the variant that went live afterwards, None when the control stayed.
    """

    name: str
    story: str
    start: dt.date
    end: dt.date
    users: int
    arms: Mapping[str, Arm]
    tags: tuple[str, ...]
    hypothesis: str
    shipped: str | None = None
    new_user_share: float = 0.12
    faults: Faults = field(default_factory=Faults)

    @property
    def duration_days(self) -> int:
        """Whole days from start to end."""
        return (self.end - self.start).days

    @property
    def control(self) -> Arm:
        """The arm that runs the live model."""
        return self.arms[CONTROL]

    @property
    def treatments(self) -> dict[str, Arm]:
        """All arms but the control."""
        return {variant: arm for variant, arm in self.arms.items() if variant != CONTROL}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedModel:
    """One model: the facts a study file states, and the mean of each offline metric over the test queries.

    latency_p50_ms is the median of its requests in the logs too. A model without ``scores`` was never
    evaluated. desktop_tilt: how much better it is on desktop queries than on others, on the logit scale.
    """

    version: str
    trained_until: dt.date
    latency_p50_ms: int
    cost_per_1000_requests: float
    scores: Mapping[str, float] = field(default_factory=dict)
    desktop_tilt: float = 0.0


CONTROL = "A"
