"""What has to be said of live sources beside their numbers: rows that say nothing, and models that nobody declared."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.records import Check, Status
from abgap.records.checks import make_check, quoted_names
from abgap.records.live import LiveIntake, LiveQuality
from abgap.records.words import count, listed, percent, plural

_MOST_LOST = 0.01


def intake_checks(quality: LiveQuality) -> list[Check]:
    """Checks of the live sources, then of the arms."""
    return [
        *(_rows_check(intake) for intake in quality.intakes),
        *_model_checks(quality),
    ]


def _rows_check(intake: LiveIntake) -> Check:
    lost = sum(intake.left_out.values())
    share = lost / intake.rows
    said = listed([f"{count(n)} {why}" for why, n in intake.left_out.items()])
    sentence = (
        f"[{intake.source}]: every row has a unit, a time, a model, a request and a score."
        if not lost
        else f"[{intake.source}]: {plural(lost, 'row')} of {count(intake.rows)} left out: {said}."
    )
    if intake.outside:
        sentence += (
            f" {count(intake.outside)} of {plural(intake.requests, 'request')} are of units in no experiment."
        )
    return make_check(
        "live_rows",
        None,
        Status.WARN if share > _MOST_LOST else Status.PASS,
        sentence,
        value=share,
        threshold=_MOST_LOST,
        sql="live_intake",
    )


def _model_checks(quality: LiveQuality) -> Iterator[Check]:
    """Requests of an arm that name another model than the one it is declared to have run."""
    for model in quality.models:
        others = {name: n for name, n in model.other_models.items() if n}
        n = sum(others.values())
        if n:
            share = n / (n + model.n + model.young)
            yield make_check(
                "live_models",
                model.experiment,
                Status.WARN if share > _MOST_LOST else Status.PASS,
                f"{percent(share)} of live requests of {model.variant!r} name another model than the declared "
                f"{model.model!r}: {quoted_names(list(others))}.",
                value=share,
                threshold=_MOST_LOST,
                sql="live_counts",
            )
