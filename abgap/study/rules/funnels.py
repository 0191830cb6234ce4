"""Rules for the funnels: their stages multiply to the total exactly, so each starts where the last one ended.

``revenue/user = sessions/user x clicks/session x orders/click x revenue/order``: every denominator is the
numerator before it, and the last numerator is the total's.
"""

from __future__ import annotations

from collections.abc import Iterator

from abgap.records.vocabulary import Kind
from abgap.study.flaws import Draft, Flaw, suggestion
from abgap.study.model import Funnel, Metric, Part
from abgap.study.toml import Loc, quoted
from abgap.study.words import part_phrase


def _places(name: str, funnel: Funnel) -> Iterator[tuple[Loc, str]]:
    """The metrics a funnel names, with their places: the total, then the stages."""
    yield ("funnels", name, "total"), funnel.total
    yield from ((("funnels", name, "stages", i), stage) for i, stage in enumerate(funnel.stages))


def stages_exist(draft: Draft) -> Iterator[Flaw]:
    """The total and the stages are metrics of the study, each named once."""
    metrics = draft.names("metrics")
    for name, funnel in draft.study.funnels.items():
        seen: set[str] = set()
        for loc, metric in _places(name, funnel):
            if metric not in metrics:
                yield Flaw(loc, f"there is no metric {quoted(metric)}", suggestion(metric, metrics))
            elif metric in seen:
                yield Flaw(loc, f"{quoted(metric)} is in this funnel already", "name each metric once")
            seen.add(metric)


def stages_chain(draft: Draft) -> Iterator[Flaw]:
    """The first stage and the total are means per unit, the other stages ratios that continue one another."""
    for name, funnel in draft.study.funnels.items():
        found = [(loc, stage, draft.study.metrics.get(stage)) for loc, stage in _places(name, funnel)]
        known = [(loc, stage, metric) for loc, stage, metric in found if metric is not None]
        if len(known) < len(found):
            continue  # said by stages_exist, or the metric itself is broken
        wrong_kinds = list(_wrong_kinds(known))
        yield from wrong_kinds
        if not wrong_kinds and draft.base != "moments":
            yield from _broken_links(known)


def _wrong_kinds(places: list[tuple[Loc, str, Metric]]) -> Iterator[Flaw]:
    for position, (loc, name, metric) in enumerate(places):
        needed = Kind.MEAN if position < 2 else Kind.RATIO
        if metric.kind is not needed:
            what = ("the total", "the first stage", "a later stage")[min(position, 2)]
            per = "counts per unit" if needed is Kind.MEAN else "divides by the stage before it"
            message = f"{quoted(name)} is a {metric.kind} metric, but {what} {per}"
            yield Flaw(loc, message, f"name a {needed} metric")


def _broken_links(places: list[tuple[Loc, str, Metric]]) -> Iterator[Flaw]:
    (total_loc, total_name, total), (_, first_name, first), *ratios = places
    end: Part | None = first.own_part
    before, window = first_name, first.window_days
    for loc, name, metric in ratios:
        if (
            end is not None
            and metric.denominator is not None
            and _counted(metric.denominator) != _counted(end)
        ):
            message = (
                f"{quoted(name)} divides by the {part_phrase(metric.denominator)}, but the stage before it, "
                f"{quoted(before)}, gives the {part_phrase(end)}"
            )
            yield Flaw(loc, message, "the denominator of a stage is the numerator of the one before it")
        if metric.window_days != window:
            message = f"{quoted(name)} has another window than the stage before it, {quoted(before)}"
            yield Flaw(loc, message, "give the metrics of a funnel the same window_days")
        end, before, window = metric.numerator, name, metric.window_days
    if end is not None and _counted(end) != _counted(total.own_part):
        message = (
            f"{quoted(total_name)} is the {part_phrase(total.own_part)}, but the last stage, "
            f"{quoted(before)}, gives the {part_phrase(end)}"
        )
        yield Flaw(total_loc, message, "the numerator of the last stage is what the total adds up")
    elif total.window_days != window:
        message = f"{quoted(total_name)} has another window than the last stage, {quoted(before)}"
        yield Flaw(total_loc, message, "give the metrics of a funnel the same window_days")


def _counted(part: Part) -> tuple[str | None, ...]:
    """What a part adds up, in a form that can be compared."""
    where = None if part.where is None else part.where.strip()
    value = None if part.value is None else part.value.strip()
    return part.fact, where, value, part.effective_aggregate
