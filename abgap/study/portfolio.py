"""``[portfolio]``: what is to be known of all experiments together, beyond what each one says by itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from abgap.study.base import Source, StudyModel
from abgap.study.fields import NonEmpty, PositiveFloat, nothing


class PortfolioEffects(Source):
    """``[portfolio.effects]``: effects computed elsewhere, one row per experiment, treatment and metric.

    Of offline metrics the gain in their own units, of all others the relative lift, as a fraction.
    """


class PortfolioSettings(StudyModel):
    """``[portfolio]``: quick metrics to judge, how errors hang together, the team's pace, and ready-made effects."""

    proxies: list[NonEmpty] = Field(default_factory=nothing)
    noise_correlation: Annotated[float, Field(gt=-1, lt=1)] | None = None
    offline_noise_correlation: Annotated[float, Field(gt=-1, lt=1)] | None = None
    experiments_per_year: PositiveFloat | None = None
    effects: PortfolioEffects | None = None
