"""The generated rows as Arrow tables: the column names that ``sample_data/abgap.toml`` maps.

Time stamps are UTC without a zone. Ids are text, as in most logs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from abgap.lab.sample.logs import EVENT_NAMES, LATENCY_SPREAD, Events, Exposures, Requests, first_day
from abgap.lab.sample.models import MODELS
from abgap.lab.sample.offline import Scores
from abgap.lab.sample.plant import PlantedExperiment
from abgap.lab.sample.population import COUNTRIES, DEVICES, Codes, Floats, Ints, Population, stream
from abgap.lab.sample.rare import RareEvents

UNDECLARED_VARIANT = "D"
SESSIONS_PER_EXPERIMENT = 10_000_000
"""Room for session numbers, so that no two experiments share one."""

SHADOW_MODELS = ("ranker-1", "ranker-2-shadow")
SHADOW_START = dt.datetime(2025, 2, 17)
SHADOW_DAYS = 7
SHADOW_REQUESTS = 5_000
SHADOW_SPREAD = 0.10


def events_table(experiment: PlantedExperiment, people: Population, rows: Events, *, number: int) -> pa.Table:
    """user_id, ts, event, session_id, amount (EUR; null but for purchases)."""
    return pa.table(
        {
            "user_id": _users(people, rows.user),
            "ts": _timestamps(experiment, rows.second),
            "event": _words(rows.kind, EVENT_NAMES),
            "session_id": pa.array(number * SESSIONS_PER_EXPERIMENT + rows.session),
            "amount": pa.array(rows.amount_eur, mask=np.isnan(rows.amount_eur)),
        }
    )


def exposures_table(experiment: PlantedExperiment, people: Population, rows: Exposures) -> pa.Table:
    """experiment_id, user_id, variation_id, ts, device, country, new_user."""
    variants = [*experiment.arms, UNDECLARED_VARIANT]
    return pa.table(
        {
            "experiment_id": pa.array([experiment.name]).take(pa.array(np.zeros(len(rows.user), np.int8))),
            "user_id": _users(people, rows.user),
            "variation_id": _words(rows.variant % len(variants), variants),
            "ts": _timestamps(experiment, rows.second),
            "device": _words(people.device[rows.user], DEVICES),
            "country": _words(people.country[rows.user], COUNTRIES),
            "new_user": pa.array(people.new_user[rows.user]),
        }
    )


def requests_table(experiment: PlantedExperiment, people: Population, rows: Requests) -> pa.Table:
    """user_id, ts, latency_ms, model."""
    return pa.table(
        {
            "user_id": _users(people, rows.user),
            "ts": _timestamps(experiment, rows.second),
            "latency_ms": pa.array(rows.latency_ms),
            "model": _words(rows.model, [arm.model for arm in experiment.arms.values()]),
        }
    )


def scores_table(parts: Iterable[Scores]) -> pa.Table:
    """model, metric, qid, value, device."""
    columns = [
        pa.table(
            {
                "model": pa.array([part.model] * len(part.query)),
                "metric": pa.array([part.metric] * len(part.query)),
                "qid": pa.array([f"q{query:04d}" for query in part.query]),
                "value": pa.array(part.value),
                "device": _words(part.device, DEVICES),
            }
        )
        for part in parts
    ]
    return pa.concat_tables(columns)


def shadow_table(*, seed: int) -> pa.Table:
    """request_id, ts, model, latency_ms: both models on the same requests, one of them unseen by users."""
    rng = stream(seed, "shadow")
    moment = np.sort(rng.integers(0, SHADOW_DAYS * 86_400, SHADOW_REQUESTS))
    slow_request = rng.normal(0.0, LATENCY_SPREAD, SHADOW_REQUESTS)
    latency = []
    for name in SHADOW_MODELS:
        own = rng.normal(0.0, SHADOW_SPREAD, SHADOW_REQUESTS)
        latency.append(_with_median(np.exp(slow_request + own), MODELS[name].latency_p50_ms))
    request = np.arange(1, SHADOW_REQUESTS + 1)
    return pa.table(
        {
            "request_id": pa.array(np.repeat(request, 2)),
            "ts": pa.array(np.repeat(np.datetime64(SHADOW_START, "s") + moment, 2).astype("datetime64[ms]")),
            "model": pa.array(list(SHADOW_MODELS) * SHADOW_REQUESTS),
            "latency_ms": pa.array(np.column_stack(latency).ravel()),
        }
    )


def _with_median(values: Floats, median: float) -> Ints:
    scaled: Ints = np.rint(values * median / np.median(values)).astype(np.int64)
    return scaled


def _users(people: Population, user: Ints) -> pa.Array:
    names = pa.array([f"u{number:07d}" for number in people.ids.tolist()])
    return names.take(pa.array(user, mask=user < 0))


def _words(codes: Codes, words: Sequence[str]) -> pa.Array:
    return pa.array(list(words)).take(pa.array(codes))


def _timestamps(experiment: PlantedExperiment, second: Ints) -> pa.Array:
    origin = np.datetime64(first_day(experiment), "s")
    return pa.array((origin + second.astype("timedelta64[s]")).astype("datetime64[ms]"))


def rare_table(cases: RareEvents) -> pa.Table:
    """The predictions of a rare event, one row per model and case."""
    n, models = len(cases.happened), list(cases.scores)
    return pa.table(
        {
            "model": pa.array([name for name in models for _ in range(n)]),
            "case_id": pa.array([f"c{i:05d}" for i in range(n)] * len(models)),
            "happened": pa.array(np.tile(cases.happened.astype(np.int8), len(models))),
            "score": pa.array(np.concatenate([cases.scores[name] for name in models])),
            "channel": pa.array(cases.channel * len(models)),
        }
    )
