"""When to look again at how far a metric is to be trusted: at once after a warning, else after enough new experiments.

Enough are a quarter of those that trust rests on, five at least, at the pace of the starts so far; no sooner than a
month and no later than a year after the last start. No clock is asked: dates follow from the data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from abgap.gap.portfolio.data import PortfolioData
from abgap.records.portfolio import PairFit, Trust
from abgap.records.words import plural

FEWEST_NEW = 5
_SHARE_NEW = 0.25
_SOONEST, _LATEST = 30.0, 365.0


def with_review_dates(
    rows: Sequence[Trust], pairs: Sequence[PairFit], data: PortfolioData
) -> tuple[Trust, ...]:
    """The rows with the date by which each is due; without one where no two experiments have a start."""
    days = sorted(dt.date.fromisoformat(start[:10]) for start in data.starts if start is not None)
    if len(days) < 2:
        return tuple(rows)
    drifted = {
        (pair.predictor, pair.business_metric) for pair in pairs if any(row.warning for row in pair.over_time)
    }
    return tuple(_dated(row, days, drifted=(row.predictor, row.business_metric) in drifted) for row in rows)


def _dated(row: Trust, days: Sequence[dt.date], *, drifted: bool) -> Trust:
    last = days[-1]
    if drifted:
        return replace(row, review_by=last.isoformat(), review_reason="what it brings has drifted")
    new = max(FEWEST_NEW, round(_SHARE_NEW * row.experiments))
    apart = (last - days[0]).days / (len(days) - 1)
    wait = min(max(new * apart, _SOONEST), _LATEST)
    reason = f"by then {plural(new, 'more experiment')} are due at the pace so far"
    if new * apart > _LATEST:
        reason = "a year after the last experiment"
    return replace(row, review_by=(last + dt.timedelta(days=round(wait))).isoformat(), review_reason=reason)
