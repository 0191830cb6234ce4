"""How far the luck of candidates goes together that are held against one baseline over the same examples.

The baseline is in every gain, and an example that is easy for one candidate is easy for the next. The correlation is
that of what each bucket of examples adds to the gains, by the jackknife, so that it holds for every metric of sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from abgap.offline.contest import Contest
from abgap.records.moments import FloatArray
from abgap.stats.candidates import shared_correlation
from abgap.stats.paired_resampling import PairedSums
from abgap.stats.shrinkage import MIN_PARTS


def with_correlations(contests: Sequence[Contest], sums: Mapping[int, PairedSums]) -> list[Contest]:
    """The contests, and where three candidates or more have one baseline the correlation of their gains.

    sums: by bucket, of contests over all examples by their place.
    """
    found = list(contests)
    groups: dict[tuple[str, str | None], list[int]] = {}
    for place in sums:
        contest = contests[place]
        groups.setdefault((contest.metric, contest.baseline), []).append(place)
    for places in groups.values():
        if len(places) >= MIN_PARTS:
            correlation = _correlation([sums[place] for place in places])
            for place in places:
                found[place] = replace(found[place], correlation=correlation)
    return found


def _correlation(sums: Sequence[PairedSums]) -> float | None:
    """Over the candidates that have the same buckets; None where there are not two."""
    by_size: dict[int, list[FloatArray]] = {}
    for each in sums:
        deviations = each.deviations()
        if np.all(np.isfinite(deviations)):
            by_size.setdefault(deviations.size, []).append(deviations)
    most = max(by_size.values(), key=len, default=[])
    return shared_correlation(np.stack(most)) if len(most) > 1 else None
