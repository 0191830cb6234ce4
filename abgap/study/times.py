"""Dates and timestamps of the study file as moments in UTC."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo


def as_utc(moment: dt.date, timezone: str) -> dt.datetime:
    """``moment`` as an aware timestamp in UTC; a date is its midnight, what has no zone is in ``timezone``.

    Raises OverflowError when it falls out of the years 1 to 9999, ZoneInfoNotFoundError for an unknown zone.
    """
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(timezone))
    return moment.astimezone(dt.UTC)
