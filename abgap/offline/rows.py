"""A contest as a row of results.json, before multiplicity."""

from __future__ import annotations

from abgap.offline.contest import Contest
from abgap.records import Direction, OfflineRow


def row_of(contest: Contest, direction: Direction) -> OfflineRow:
    """The row of a contest; what is decided over several contests together is left open."""
    return OfflineRow(
        model=contest.model,
        baseline=contest.baseline,
        metric=contest.metric,
        definition=contest.definition,
        direction=direction,
        slice_name=contest.slice_name,
        slice_value=contest.slice_value,
        n=contest.n,
        skipped=contest.skipped,
        value=contest.value,
        baseline_value=contest.baseline_value,
        gain=contest.gain,
        p_value=contest.p_value,
        p_adjusted=None,
        lazy=contest.lazy,
        bootstrap=contest.bootstrap,
        p_permutation=contest.p_permutation,
        effect_size=contest.effect_size,
        counts=contest.counts,
        notes=contest.notes,
    )
