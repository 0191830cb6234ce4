"""Rules for [offline.tracker]: where runs name their model, and where facts of models stand."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.study.flaws import Draft, Flaw, suggestion
from abgap.study.offline import FACTS
from abgap.study.toml import quoted

_LOC = ("offline", "tracker")


def models_are_named_somewhere(draft: Draft) -> Iterator[Flaw]:
    """A run's model is its name, a tag or a parameter."""
    tracker = draft.study.offline.tracker
    if tracker is not None and tracker.model != "run_name" and not _is_place(tracker.model, "tag", "param"):
        hint = 'write "run_name", "tag:NAME" or "param:NAME"'
        yield Flaw((*_LOC, "model"), f"{quoted(tracker.model)} says not where a run names its model", hint)


def facts_are_those_of_models(draft: Draft) -> Iterator[Flaw]:
    """Facts are keys of [models], and stand in a metric, a parameter or a tag."""
    tracker = draft.study.offline.tracker
    for fact, place in {} if tracker is None else tracker.facts.items():
        loc = (*_LOC, "facts", fact)
        if fact not in FACTS:
            yield Flaw(loc, "is no fact of [models]", suggestion(fact, FACTS))
        elif not _is_place(place, "metric", "param", "tag"):
            hint = 'write "metric:NAME", "param:NAME" or "tag:NAME"'
            yield Flaw(loc, f"{quoted(place)} says not where it stands", hint)


def _is_place(text: str, *kinds: str) -> bool:
    kind, colon, name = text.partition(":")
    return kind in kinds and bool(colon and name)
