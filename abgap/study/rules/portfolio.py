"""Rules for all experiments together: what is held against what, and studies of ready-made effects alone."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.study.flaws import Draft, Flaw, suggestion
from abgap.study.toml import quoted

_OF_UNITS = ("facts", "units", "experiments", "funnels", "live", "bootstrap")


def proxies_are_held_against_business(draft: Draft) -> Iterator[Flaw]:
    """A proxy is a declared metric that is neither repeated nor the only one that it could stand for."""
    proxies, business = draft.study.portfolio.proxies, draft.study.gap.business
    metrics = draft.names("metrics")
    for position, name in enumerate(proxies):
        loc = ("portfolio", "proxies", position)
        if name not in metrics:
            yield Flaw(loc, f"there is no metric {quoted(name)}", suggestion(name, metrics))
        elif name in proxies[:position]:
            yield Flaw(loc, f"{quoted(name)} is listed already", "remove one of them")
        elif business == [name]:
            hint = "name the metric that it stands for: business = [...]"
            yield Flaw(loc, f"{quoted(name)} is the only one in gap.business", hint)
    if proxies and not draft.declares("gap", "business"):
        hint = "add the metrics that proxies stand for: business = [...]"
        yield Flaw(("gap", "business"), "is required beside portfolio.proxies", hint)


def effects_are_held_against_business(draft: Draft) -> Iterator[Flaw]:
    """Ready-made effects are of use only where something is held against something."""
    if draft.declares("portfolio", "effects") and not (
        draft.declares("gap", "business") or draft.declares("portfolio", "proxies")
    ):
        hint = "say which of their metrics are held against which: [gap] offline and business"
        yield Flaw(("portfolio", "effects"), "no metric is held against another", hint)


def effects_alone_have_no_units(draft: Draft) -> Iterator[Flaw]:
    """Where effects are all there is, nothing can be said of units."""
    if not draft.has_effects_alone:
        return
    for key in _OF_UNITS:
        if draft.declares(key):
            message = "is about units, but the study has ready-made effects only"
            hint = "remove it, or add [exposures], [unit_values] or [moments]"
            yield Flaw((key,), message, hint)
