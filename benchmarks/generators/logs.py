"""The logs workload: raw exposures and events, as a shop writes them.

At scale 1 there are 5 million exposures and 50 million events over 14 days. Of the exposures, 2 % are repeated and
0.2 % put a unit into both variants. Each day's events lie in a file of their own, in the order of time. Units are
unequally busy; one in ten is never exposed; events before the first exposure, which must not count, are as many as
those after it. In variant B clicks are a little more frequent.

Ids are integers spread over 2^40, or the same as text. Everything follows from ``SEED`` and the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.generators.files import made_once, write_parquet

SEED = 11
DAYS = 14
START = np.datetime64("2026-03-02T00:00:00", "us")
DAY = 86_400_000_000  # microseconds
EXPOSURES, EVENTS = 5_000_000, 50_000_000
REPEATED, MIXED = 0.02, 0.002
EVENTS_PER_SESSION = 5.0
DEVICES = np.array(["desktop", "phone", "tablet", "television"])
COUNTRIES = np.array(["at", "be", "ch", "de", "dk", "es", "fr", "it", "nl", "pl"])

Ids = Literal["integer", "text"]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """Where the files are. exposures: one experiment with all traffic; shared: twenty, a tenth of the traffic each."""

    folder: Path
    exposures: Path
    shared: Path
    events: Path


def make_logs(folder: Path, scale: float, *, ids: Ids = "integer") -> Logs:
    """Exposures of one experiment, exposures of twenty, and the events that both share."""
    home = folder / f"logs_{scale:g}_{ids}"
    users = _Users(scale, ids)
    return Logs(
        folder=home,
        exposures=made_once(home / "exposures.parquet", lambda p: write_parquet(p, [users.exposures()])),
        shared=made_once(
            home / "exposures_of_20.parquet", lambda p: write_parquet(p, [users.shared(20, 0.1)])
        ),
        events=made_once(home / "events", users.write_events),
    )


class _Users:
    """All units of a shop: the first ``exposed`` of them are in the experiment."""

    def __init__(self, scale: float, ids: Ids) -> None:
        self.ids: Ids = ids
        self.rows = round(EXPOSURES * scale)
        self.events = round(EVENTS * scale)
        self.exposed = round(self.rows * (1 - REPEATED - MIXED))
        self.all = round(self.exposed / 0.9)
        self.variant = np.random.default_rng([SEED, 0]).integers(0, 2, self.all)

    def exposures(self) -> pa.Table:
        """First exposures, then those that repeat, then those in the other variant; shuffled by time."""
        rng = np.random.default_rng([SEED, 1])
        again = rng.integers(0, self.exposed, self.rows - self.exposed)
        unit = np.concatenate([np.arange(self.exposed), again])
        at = rng.integers(0, DAYS * DAY, self.exposed)
        at = np.concatenate([at, np.minimum(at[again] + rng.integers(1, DAY, len(again)), DAYS * DAY - 1)])
        variant = self.variant[unit]
        mixed = round(self.rows * MIXED)
        if mixed:
            variant[-mixed:] = 1 - variant[-mixed:]
        return self._exposure_table(rng, np.full(self.rows, "search_v2"), unit, variant, at)

    def shared(self, experiments: int, share: float) -> pa.Table:
        """Exposures of many experiments, each with its own random share of the units and its own split."""
        rng = np.random.default_rng([SEED, 2])
        parts = [np.flatnonzero(rng.random(self.exposed) < share) for _ in range(experiments)]
        unit = np.concatenate(parts)
        names = np.repeat([f"e{i + 1:02}" for i in range(experiments)], [len(part) for part in parts])
        at = rng.integers(0, DAYS * DAY, len(unit))
        return self._exposure_table(rng, names, unit, rng.integers(0, 2, len(unit)), at)

    def _exposure_table(
        self,
        rng: np.random.Generator,
        experiment: npt.NDArray[np.str_],
        unit: Integers,
        variant: Integers,
        at: Integers,
    ) -> pa.Table:
        n = len(unit)
        order = np.argsort(at, kind="stable")
        columns: dict[str, Any] = {
            "experiment_id": experiment,
            "user_id": self._id(unit),
            "variation": np.array(["A", "B"])[variant],
            "ts": START + at,
            "device": rng.choice(DEVICES, n, p=[0.45, 0.45, 0.07, 0.03]),
            "country": rng.choice(COUNTRIES, n),
            "new_user": rng.random(n) < 0.3,
        }
        return pa.table(columns).take(order)

    def write_events(self, folder: Path) -> None:
        """One file per day, under ``day=...``, so that readers may take the day from the path."""
        per_day = np.full(DAYS, self.events // DAYS)
        per_day[: self.events % DAYS] += 1
        for day, rows in enumerate(per_day):
            inside = folder / f"day={START.astype('datetime64[D]') + day}"
            inside.mkdir(parents=True)
            write_parquet(inside / "events.parquet", [self._events(day, int(rows))])

    def _events(self, day: int, rows: int) -> pa.Table:
        rng = np.random.default_rng([SEED, 3, day])
        session = np.sort(rng.integers(0, max(round(rows / EVENTS_PER_SESSION), 1), rows))
        sessions = int(session[-1]) + 1 if rows else 0
        # The square makes a tenth of the units take a third of the sessions; the stride spreads the busy ones.
        user = (self.all * rng.random(sessions) ** 2).astype(np.int64) * 7_368_787 % self.all
        begins = rng.integers(0, DAY - DAY // 24, sessions)
        at = day * DAY + begins[session] + rng.integers(0, DAY // 24, rows)
        kind, amount = _behaviour(rng, self.variant[user[session]])
        order = np.argsort(at, kind="stable")
        columns: dict[str, Any] = {
            "user_id": self._id(user[session]),
            "session_id": day * 10_000_000 + session,
            "ts": START + at,
            "event": np.array(["impression", "click", "purchase"])[kind],
            "amount": pa.array(amount, from_pandas=True),
        }
        return pa.table(columns).take(order)

    def _id(self, unit: Integers) -> pa.Array:
        # An odd factor modulo a power of two names every unit once, without the order that dense ids would have.
        number = pa.array(unit * 2_654_435_761 % 2**40)
        if self.ids == "integer":
            return number
        return pc.binary_join_element_wise("u", pc.cast(number, pa.string()), "")


def _behaviour(rng: np.random.Generator, variant: Integers) -> tuple[Integers, npt.NDArray[np.float64]]:
    """What each event is (impression, click, purchase), and the amount of purchases, NaN elsewhere."""
    draw = rng.random(len(variant))
    kind = (draw < 0.27 + 0.005 * variant).astype(np.int64) + (draw < 0.02)
    amount = np.where(kind == 2, np.round(rng.lognormal(3.0, 1.0, len(variant)), 2), np.nan)
    return kind, amount
