"""One metric with the labels of another kind: clicks against purchases, say. Does the gain live in the proxy alone?

Twins are offline metrics of one base (``ndcg@10``) that count different labels. Both gains come from the same queries,
as far as these have both labels, so that their difference is paired there: its variance is that of both means less
twice their covariance over the shared queries.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abgap.engine.exact import centred
from abgap.offline.directions import direction_of
from abgap.offline.moments import difference_moments
from abgap.offline.sums import Measured, TwinSums
from abgap.records import Estimable, Interval, NotEstimable, Reason
from abgap.records.offline import OfflineTwin
from abgap.stats.paired import overlapping_difference
from abgap.study.model import Study


def judge_twins(measured: Measured, study: Study) -> Iterator[OfflineTwin]:
    """How much of each gain is not there under the labels of its twin."""
    for twin in measured.twins:
        for first, second in ((twin.first, twin.second), (twin.second, twin.first)):
            yield _judged(measured, twin, first, second, study)


def _judged(measured: Measured, twin: TwinSums, first: int, second: int, study: Study) -> OfflineTwin:
    one, other = measured.contests[first], measured.contests[second]
    sums = [measured.sums[place][0] for place in (first, second)]
    moments = [difference_moments(part.shared, part.difference, part.square) for part in sums]
    n = np.array(float(twin.shared))
    product = centred(np.array(twin.product), np.array(twin.first_sum), np.array(twin.second_sum), n)
    found = overlapping_difference(
        moments[0], moments[1], n, product / np.maximum(n - 1.0, 1.0), study.study.alpha
    )
    reason: Reason | None = found.problem.item()
    difference: Estimable
    if reason is not None:
        detail = f"over {twin.shared} shared queries the two gains differ by the same everywhere, or there are too few"
        difference = NotEstimable(reason=reason, detail=detail)
    else:
        estimate, low, high = (float(x) for x in (found.difference, found.low, found.high))
        level = 1.0 - study.study.alpha
        difference = Interval(estimate=estimate, low=low, high=high, level=level, method="overlapping-t")
        if direction_of(study, one.metric).sign < 0:
            difference = difference.flipped()
    return OfflineTwin(
        model=one.model,
        baseline=one.baseline or "",
        metric=one.metric,
        twin=other.metric,
        n=sums[0].shared,
        n_twin=sums[1].shared,
        shared=twin.shared,
        difference=difference,
    )
