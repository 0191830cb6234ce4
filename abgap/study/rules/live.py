"""Rules for what was served in production: units it was served to, a score, and events that tell what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.study.flaws import Draft, Flaw, suggestion
from abgap.study.model import LivePredictions, LiveRankings
from abgap.study.toml import Loc, quoted

_ORDER = {"predictions": ("y_score", "y_pred"), "rankings": ("score", "rank")}
_HINTS = {
    "predictions": "map y_score (the score that was served) or y_pred (the decision, 1 or 0)",
    "rankings": "map score (more is higher up) or rank (less is higher up)",
}


def _sources(draft: Draft) -> Iterator[tuple[str, LivePredictions | LiveRankings]]:
    live = draft.study.live
    for key, source in (("predictions", live.predictions), ("rankings", live.rankings)):
        if source is not None:
            yield key, source


def live_rows_are_of_units(draft: Draft) -> Iterator[Flaw]:
    """What was served is told apart by the units that were exposed."""
    if draft.declares("live") and not draft.declares("exposures"):
        hint = "declare [exposures] and [facts], or remove it"
        yield Flaw(("live",), "is about the units of experiments, and there are no exposures", hint)


def something_was_served(draft: Draft) -> Iterator[Flaw]:
    """A live row says what the model said."""
    for key, source in _sources(draft):
        if not set(_ORDER[key]) & set(source.columns):
            yield Flaw(("live", key, "columns"), "does not say what was served", _HINTS[key])


def live_and_offline_are_measured_alike(draft: Draft) -> Iterator[Flaw]:
    """The same metrics are computed live and offline, so that what they are made of is declared offline."""
    for key, _ in _sources(draft):
        loc: Loc = ("live", key)
        if not draft.declares("offline", key):
            hint = f"add [offline.{key}], whose metrics are computed of live requests too"
            yield Flaw(loc, "is held against the test set, and there is none", hint)
    predictions = draft.study.offline.predictions
    if draft.study.live.predictions is not None and predictions is not None and predictions.task != "binary":
        yield Flaw(
            ("live", "predictions"), f'is for task = "binary", not for {predictions.task}', "remove it"
        )


def outcomes_are_told(draft: Draft) -> Iterator[Flaw]:
    """The outcome names a fact table whose events can be held against requests."""
    facts = draft.names("facts")
    for key, source in _sources(draft):
        loc, outcome = ("live", key, "outcome"), source.outcome
        if outcome.fact not in facts:
            hint = suggestion(outcome.fact, facts) or "declare it: [facts.NAME]"
            yield Flaw((*loc, "fact"), f"there is no fact table {quoted(outcome.fact)}", hint)
        elif not draft.declares("facts", outcome.fact, "columns", "at") and outcome.key is None:
            hint = "map at in that fact table, or name the column that holds the request: key = ..."
            yield Flaw(
                (*loc, "fact"), f"events of {quoted(outcome.fact)} cannot be told by time or request", hint
            )
        if key == "rankings" and outcome.item is None:
            hint = "name the column of the fact table that holds the item"
            yield Flaw((*loc, "item"), "is required for rankings", hint)
        if key == "predictions" and outcome.item is not None:
            yield Flaw((*loc, "item"), "is for rankings", "remove it")
