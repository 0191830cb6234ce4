"""Logs of a few rows, and the study over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

EXPOSED = "2026-03-02 10:00:00"


def study(metrics: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    exposures = {
        "path": "exposures.parquet",
        "columns": {"experiment": "exp", "unit": "id", "variant": "arm", "at": "ts"},
    } | more.pop("exposures", {})
    events = {"path": "events.parquet", "columns": {"unit": "id", "at": "ts"}} | more.pop("events", {})
    return {"exposures": exposures, "facts": {"events": events}, "metrics": metrics or {}} | more


def exposures(bench: Any, *rows: tuple[str, str, str, str], **columns: Any) -> None:
    frame = pd.DataFrame(rows, columns=["exp", "id", "arm", "ts"]).assign(**columns)
    bench.parquet("exposures.parquet", frame.assign(ts=pd.to_datetime(frame["ts"], format="ISO8601")))


def events(bench: Any, *rows: tuple[str, str, float], name: str = "events") -> None:
    frame = pd.DataFrame(rows, columns=["id", "ts", "amount"])
    bench.parquet(f"{name}.parquet", frame.assign(ts=pd.to_datetime(frame["ts"], format="ISO8601")))


SUM: dict[str, Any] = {"spend": {"kind": "mean", "fact": "events", "value": "amount"}}
COUNT: dict[str, Any] = {"n": {"kind": "mean", "fact": "events"}}


def values(bench: Any, declared: Mapping[str, Any], column: str) -> dict[str, float]:
    """The wide table's column by unit."""
    with bench.run(declared) as run:
        frame = run.outcomes()
    return dict(zip(frame["unit"], frame[column].astype(float), strict=True))
