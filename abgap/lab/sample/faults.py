"""Mistakes of the logging, planted where the truth says so: no real log is without them.

Duplicate deliveries, users seen in two variants, a stale client that reports a variant nobody declared,
events whose user is not known. An analysis has to count them and to come to the same verdicts.
"""

from __future__ import annotations

import numpy as np

from abgap.lab.sample.logs import DAY_SECONDS, Events, Exposures
from abgap.lab.sample.plant import PlantedExperiment
from abgap.lab.sample.population import Codes, Ints, stream
from abgap.lab.sample.truth import DUPLICATE_EXPOSURES_SHARE, PRE_PERIOD_DAYS

UNKNOWN = -1


def in_exposures(experiment: PlantedExperiment, rows: Exposures, *, seed: int) -> Exposures:
    """The exposure log with the experiment's faults, ordered by time."""
    rng = stream(seed, experiment.name, "exposure faults")
    variant = _with_unknown(rows.variant, experiment.faults.unknown_variant_rows, rng)
    again = _second_variant(experiment, rows, rng)
    user = np.concatenate((rows.user, again.user))
    second = np.concatenate((rows.second, again.second))
    variant = np.concatenate((variant, again.variant))
    twice = np.sort(rng.permutation(len(user))[: round(DUPLICATE_EXPOSURES_SHARE * len(user))])
    order = np.concatenate((np.arange(len(user)), twice))
    order = order[np.argsort(second[order], kind="stable")]
    return Exposures(user=user[order], second=second[order], variant=variant[order])


def in_events(experiment: PlantedExperiment, rows: Events, *, seed: int) -> Events:
    """The event log with some more events that nobody's id is on."""
    if not experiment.faults.events_without_user:
        return rows
    rng = stream(seed, experiment.name, "event faults")
    copied = np.sort(rng.permutation(len(rows.user))[: experiment.faults.events_without_user])
    nobody = np.full(len(copied), UNKNOWN, dtype=rows.user.dtype)
    return Events(
        user=np.concatenate((rows.user, nobody)),
        second=_appended(rows.second, copied),
        kind=np.concatenate((rows.kind, rows.kind[copied])),
        session=_appended(rows.session, copied),
        amount_eur=np.concatenate((rows.amount_eur, rows.amount_eur[copied])),
    )


def _appended(column: Ints, copied: Ints) -> Ints:
    return np.concatenate((column, column[copied]))


def _with_unknown(variant: Codes, count: int, rng: np.random.Generator) -> Codes:
    result = variant.copy()
    result[rng.permutation(len(result))[:count]] = UNKNOWN
    return result


def _second_variant(experiment: PlantedExperiment, rows: Exposures, rng: np.random.Generator) -> Exposures:
    """A later row with the next variant, for the planned share of the users."""
    count = round(experiment.faults.two_variants_share * len(rows.user))
    chosen = np.sort(rng.permutation(len(rows.user))[:count])
    end = (PRE_PERIOD_DAYS + experiment.duration_days) * DAY_SECONDS
    later = rows.second[chosen] + rng.integers(DAY_SECONDS, 5 * DAY_SECONDS, count)
    return Exposures(
        user=rows.user[chosen],
        second=np.minimum(later, end - 1),
        variant=((rows.variant[chosen] + 1) % len(experiment.arms)).astype(np.int8),
    )
