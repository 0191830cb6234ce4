"""What one experiment of the world "scores" is planned to be: healthy as it stands, with one thing changed to plant it.

A search team claims that a model ranks better (NDCG@10 by clicks, one value per test query), at a declared exchange
rate. In a healthy experiment all of it reaches revenue. Every field but the sizes is one way to lose lift; the
amounts are exact in expectation, in lift of revenue per user.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from abgap.lab.scenarios.visits import LATENCY_MS, WINDOW_DAYS

RATE = 2.0
"""Lift of revenue that a unit of NDCG@10 is declared to bring."""
DIVERSITY_RATE = 0.5
ELASTICITY_PER_100_MS = -0.01
TABLET_SHARE = 0.3
HEALTHY_NEW_MARKET, HEALTHY_TYPOS, HEALTHY_CHANGED = 0.4, 0.1, 0.97
LAST_DAY = WINDOW_DAYS - 1


class Fault(StrEnum):
    """What the logging does wrong."""

    LOST_BUYERS = "lost buyers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One experiment.

    gain: claimed, of the new model, over the test queries. level: of the live model's NDCG. queries, spread: of the
    test set, and the standard deviation of one query's difference. candidates: how many other models were tried.
    candidates_alike: whether all models are nearly equally good in truth and the luckiest is launched; ``gain`` is then
    about what each of them has. lucky: whether the model is as good as the live one in truth, and only looked better.
    market_loss: gain in the old market minus that in the new one, whose share of the test queries is test_new_market,
    and of the users live_new_market. typo_loss: the same of clean and misspelt queries. twin_loss: what of the gain is
    gone when purchases are the labels. baseline_loss: what of the gain is gone against the model that was live.
    diversity_loss: in diversity@10. changed_share: of users whose lists differ; diluted: whether the gain holds for
    those alone. day_loss: lift that goes with every day of use; waiting: it comes instead of goes. tablet_loss: lift
    that is missing for users with a tablet. mixed: how much larger the share of gift buyers is in control. rate: what a
    unit of gain brings in truth. clicks_lift: None where clicks gain what revenue does in a healthy experiment.
    """

    users: int = 2000
    gain: float = 0.05
    rate: float = RATE
    level: float = 0.5
    queries: int = 300
    spread: float = 0.035
    candidates: int = 5
    candidates_alike: bool = False
    lucky: bool = False
    market_loss: float = 0.0
    test_new_market: float = HEALTHY_NEW_MARKET
    live_new_market: float = HEALTHY_NEW_MARKET
    typo_loss: float = 0.0
    test_typos: float = HEALTHY_TYPOS
    live_typos: float = HEALTHY_TYPOS
    twin_loss: float = 0.0
    baseline_loss: float = 0.0
    diversity_loss: float = 0.0
    latency_ms: float = LATENCY_MS
    changed_share: float = HEALTHY_CHANGED
    diluted: bool = False
    day_loss: float = 0.0
    waiting: bool = False
    tablet_loss: float = 0.0
    mixed: float = 0.0
    fault: Fault | None = None
    clicks_lift: float | None = None

    @property
    def old_market_gain(self) -> float:
        """The gain for clean queries of the old market, so that the whole test set has ``gain``."""
        return self.gain + self.market_loss * self.test_new_market + self.typo_loss * self.test_typos

    @property
    def lost(self) -> dict[str, float]:
        """The lift that each reason takes away, by name, but for reasons that depend on what is drawn."""
        amounts = {
            "distribution_mismatch": self.rate
            * self.market_loss
            * (self.live_new_market - self.test_new_market),
            "robustness": self.rate * self.typo_loss * (self.live_typos - self.test_typos),
            "proxy_label": self.rate * self.twin_loss,
            "wrong_baseline": self.rate * self.baseline_loss,
            "trade_off": DIVERSITY_RATE * self.diversity_loss,
            "latency": -ELASTICITY_PER_100_MS * (self.latency_ms - LATENCY_MS) / 100.0,
            "novelty": self.day_loss * LAST_DAY / 2.0,
            "heterogeneity": TABLET_SHARE * self.tablet_loss,
            "saturation": self.gain * (RATE - self.rate),
            "dilution": RATE * self.gain * (1.0 - self.changed_share) if self.diluted else 0.0,
        }
        return {name: amount for name, amount in amounts.items() if amount}

    @property
    def claimed_lift(self) -> float:
        """What the gain should bring at the declared rate."""
        return RATE * self.gain
