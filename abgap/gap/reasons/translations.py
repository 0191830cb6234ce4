"""What became of the offline gains of all experiments, as columns: gain, lift, and how good the model before was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from abgap.gap.expected import critical
from abgap.gap.inputs import ExperimentFacts
from abgap.records import Gap, Interval, OfflineRow, VerdictName
from abgap.records.moments import FloatArray, ObjectArray

FindRow: TypeAlias = Callable[[str, str | None, str], OfflineRow | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translations:
    """One arm of each experiment; columns of one length. gain, lift: up is good, with their standard errors.

    level: the offline metric of the model in control, up is good as well.
    """

    experiment: ObjectArray
    gain: FloatArray
    gain_error: FloatArray
    lift: FloatArray
    lift_error: FloatArray
    level: FloatArray


def translations_of(
    gaps: Iterable[Gap], facts: Mapping[str, ExperimentFacts], find_row: FindRow
) -> Mapping[tuple[str, str], Translations]:
    """All gains and lifts with intervals, by offline and business metric.

    Of several arms the first counts, because they share a control. Experiments whose data cannot be trusted, and those
    in which both arms ran one model, are left out.
    """
    found: dict[tuple[str, str], dict[str, tuple[float, ...]]] = defaultdict(dict)
    for gap in gaps:
        row = _row_of(gap, facts, find_row)
        of_pair = found[gap.offline_metric, gap.business_metric]
        if row is not None and gap.experiment not in of_pair:
            of_pair[gap.experiment] = row
    return {pair: _columns(rows) for pair, rows in found.items()}


def _row_of(gap: Gap, facts: Mapping[str, ExperimentFacts], find_row: FindRow) -> tuple[float, ...] | None:
    gain, lift, of_experiment = gap.offline_gain, gap.online_lift, facts.get(gap.experiment)
    if not isinstance(gain, Interval) or not isinstance(lift, Interval) or of_experiment is None:
        return None
    if gap.verdict is VerdictName.UNTRUSTWORTHY or of_experiment.same_model(gap.treatment):
        return None
    model, live = of_experiment.models.get(gap.treatment), of_experiment.models.get(gap.control)
    row = None if model is None else find_row(model, live, gap.offline_metric)
    if row is None or row.baseline_value is None:
        return None
    return gain.estimate, _error(gain), lift.estimate, _error(lift), row.turned(row.baseline_value)


def _error(interval: Interval) -> float:
    """The standard error that an interval implies."""
    return (interval.high - interval.low) / 2.0 / critical(interval.level)


def _columns(rows: Mapping[str, tuple[float, ...]]) -> Translations:
    columns = np.array(list(rows.values()), dtype=np.float64).reshape(len(rows), 5).T
    return Translations(
        experiment=np.array(list(rows), dtype=object),
        gain=columns[0],
        gain_error=columns[1],
        lift=columns[2],
        lift_error=columns[3],
        level=columns[4],
    )
