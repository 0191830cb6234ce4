"""How gains over the same queries go together: models of many experiments are often judged by one test set.

A query that is easy for one candidate is easy for the next, metrics of one list agree, and the baseline is in every
gain: errors of gains are correlated, within an arm and between experiments. Sums over the queries that two contests
share tell how far, exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from abgap.engine.exact import centred
from abgap.offline.moments import difference_moments
from abgap.offline.sums import Against, Measured, TwinSums, ValueSums

# Rows that pairing contests may make. Beyond them only gains of one metric or model are paired, then of one model.
MOST_ROWS = 30_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GainErrors:
    """The correlations of the errors of gains.

    contests: the place of every contest by model, baseline and metric; gains: candidate minus baseline, as the metric
    stands. shared: queries of each. sources: where the contests of each source begin. correlations: of two places, the
    smaller first; others share no query, or it is not known.
    """

    places: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    gains: Sequence[float] = ()
    shared: Sequence[int] = ()
    sources: Sequence[int] = ()
    correlations: Mapping[tuple[int, int], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """Whose gains are paired: of these (model, baseline), in these metrics."""

    ran: Collection[tuple[str, str]]
    metrics: Collection[str]


def crossed_contests(
    contests: Sequence[Against], sums: Sequence[Sequence[ValueSums]], wanted: Crossed
) -> list[tuple[int, int]]:
    """Places of all contests that are paired."""
    pairs = set(wanted.ran)
    chosen = [
        i
        for i, contest in enumerate(contests)
        if sums[i] and contest.metric in wanted.metrics and (contest.model, contest.baseline) in pairs
    ]
    most = MOST_ROWS / max((sums[i][0].shared for i in chosen), default=1)
    of_all = list(combinations(chosen, 2))
    if len(of_all) <= most:
        return of_all
    for related in (_alike, _same_models):
        found = [pair for pair in of_all if related(*(contests[place] for place in pair))]
        if len(found) <= most:
            return found
    return []


def _alike(one: Against, other: Against) -> bool:
    return one.metric == other.metric or _same_models(one, other)


def _same_models(one: Against, other: Against) -> bool:
    return (one.model, one.baseline) == (other.model, other.baseline)


def gain_errors(measured: Iterable[Measured]) -> GainErrors:
    """What the sums of several sources say; contests of different sources count as unrelated."""
    places: dict[tuple[str, str, str], int] = {}
    gains: list[float] = []
    shared: list[int] = []
    sources: list[int] = []
    correlations: dict[tuple[int, int], float] = {}
    for each in measured:
        first = len(gains)
        sources.append(first)
        for i, contest in enumerate(each.contests):
            parts = each.sums[i]
            gains.append(parts[0].difference / parts[0].shared if parts and parts[0].shared else float("nan"))
            shared.append(parts[0].shared if parts else 0)
            if contest.baseline is not None:
                places.setdefault((contest.model, contest.baseline, contest.metric), first + i)
        for pair in each.crossed:
            found = _correlation(each, pair)
            if found is not None:
                correlations[first + pair.first, first + pair.second] = found
    return GainErrors(places=places, gains=gains, shared=shared, sources=sources, correlations=correlations)


def _correlation(measured: Measured, pair: TwinSums) -> float | None:
    """Of the errors of two mean gains, whose examples overlap; None where one of them has none."""
    parts = [measured.sums[place][0] for place in (pair.first, pair.second)]
    own = [difference_moments(part.shared, part.difference, part.square) for part in parts]
    errors = [float(each.variance / each.n) for each in own]
    if pair.shared < 2 or not all(error > 0.0 for error in errors):
        return None
    n = np.array(float(pair.shared))
    product = float(centred(np.array(pair.product), np.array(pair.first_sum), np.array(pair.second_sum), n))
    share = pair.shared / (float(own[0].n) * float(own[1].n))
    found = product / (pair.shared - 1.0) * share / float(np.sqrt(errors[0] * errors[1]))
    return float(np.clip(found, -1.0, 1.0))
