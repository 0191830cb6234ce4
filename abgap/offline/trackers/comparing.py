"""Scores of a tracker held against each other: at face value, for a tracker keeps no values per query."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from abgap.offline.aggregates import compare_aggregates
from abgap.offline.contest import Contest, Findings
from abgap.offline.example_contests import terms_of
from abgap.offline.pairs import contests_of
from abgap.offline.sums import Aggregate
from abgap.offline.trackers.choosing import Tracked
from abgap.records.words import plural
from abgap.study.model import Study


def compare_tracked(
    tracked: Tracked, study: Study, ran: Sequence[tuple[str, str]], elsewhere: Collection[tuple[str, str]]
) -> Findings:
    """Every model of the tracker against its baseline, if that is in the tracker too, or alone.

    ran: (model, baseline) of experiments. elsewhere: (model, metric) that [offline.scores] has, which counts.
    """
    values = {
        key: Aggregate(value=value, n=None, se=None)
        for key, value in tracked.values.items()
        if key not in elsewhere
    }
    terms = terms_of(study)
    contests = [
        compare_aggregates(against, values, {}, terms)
        for against in contests_of(values, ran, study.offline.production)
    ]
    return Findings(
        known=frozenset(values),
        contests=tuple(
            replace(contest, notes=(*contest.notes, *_notes(contest, tracked))) for contest in contests
        ),
    )


def _notes(contest: Contest, tracked: Tracked) -> list[str]:
    """Which of several runs was read."""
    return [
        f"{model} is read from the latest of its {plural(tracked.older[model] + 1, 'finished run')} in the tracker."
        for model in (contest.model, contest.baseline)
        if model is not None and tracked.older.get(model)
    ]
