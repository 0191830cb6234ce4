"""Rules for rankings: something orders the items, and judgements belong to rankings."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.study.flaws import Draft, Flaw


def something_orders_the_items(draft: Draft) -> Iterator[Flaw]:
    """Rankings come with scores or with ranks; runs of TREC have scores."""
    rankings = draft.study.offline.rankings
    if rankings is None or rankings.format == "trec" or {"score", "rank"} & set(rankings.columns):
        return
    hint = "map score (more is higher up) or rank (less is higher up)"
    yield Flaw(("offline", "rankings", "columns"), "does not say how items are ordered", hint)


def judgements_are_of_rankings(draft: Draft) -> Iterator[Flaw]:
    """Judgements say which items of a ranking are relevant; alone they say nothing of a model."""
    offline = draft.study.offline
    if offline.judgements is not None and offline.rankings is None:
        hint = "add [offline.rankings], or remove it"
        yield Flaw(("offline", "judgements"), "judges items, but the study has no rankings of them", hint)


def rankings_are_judged(draft: Draft) -> Iterator[Flaw]:
    """What is ranked has to be judged."""
    if draft.declares("offline", "rankings") and not draft.declares("offline", "judgements"):
        hint = "add [offline.judgements], with the relevance of items to queries"
        yield Flaw(("offline", "rankings"), "ranks items that nobody judged", hint)
