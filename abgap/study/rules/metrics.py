"""Rules for the metrics: which keys each kind takes and needs, and what they have to refer to.

Two matrices at the top say most of it: ``_KIND_TAKES`` by kind of metric, ``_BASE_TAKES`` by where units come
from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from abgap.records.vocabulary import Aggregate, Kind, Role
from abgap.stats.draws import fewest_draws
from abgap.study.flaws import Draft, Flaw, suggestion
from abgap.study.model import Covariate, Metric, Part
from abgap.study.toml import Loc, quoted

_OWN = ("fact", "where", "value", "aggregate")
_PARTS = ("numerator", "denominator")
_COMPUTING = (
    *_OWN,
    *_PARTS,
    "window_days",
    "quantile",
    "from_day",
    "to_day",
    "money",
    "cap_percentile",
    "covariate",
    "stratify_by",
    "bootstrap",
)

_KIND_TAKES: Mapping[Kind, tuple[str, ...]] = {
    Kind.MEAN: (*_OWN, "window_days", "money", "cap_percentile", "covariate", "stratify_by", "bootstrap"),
    Kind.PROPORTION: ("fact", "where", "value", "window_days", "covariate", "stratify_by", "bootstrap"),
    Kind.RATIO: (*_PARTS, "window_days", "money", "cap_percentile", "covariate", "stratify_by", "bootstrap"),
    Kind.QUANTILE: (*_OWN, "window_days", "quantile", "money"),
    Kind.RETENTION: ("fact", "where", "from_day", "to_day", "stratify_by", "bootstrap"),
}
_BASE_TAKES: Mapping[str, tuple[str, ...]] = {
    "exposures": _COMPUTING,
    "unit_values": (
        "value",
        *_PARTS,
        "quantile",
        "money",
        "cap_percentile",
        "covariate",
        "stratify_by",
        "bootstrap",
    ),
    "moments": ("money", "stratify_by"),
    "effects": ("money",),
}
_BASE_REASONS = {
    "unit_values": "[unit_values] has one finished row per unit, and no events to choose from",
    "moments": "the metrics of [moments] are computed already",
    "effects": "[portfolio.effects] are computed already",
}
_KIND_NEEDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.MEAN: ("fact",),
    Kind.PROPORTION: ("fact",),
    Kind.RATIO: _PARTS,
    Kind.QUANTILE: ("fact", "value", "quantile"),
    Kind.RETENTION: ("fact", "from_day", "to_day"),
}
_UNIT_VALUES_NEED: Mapping[Kind, tuple[str, ...]] = {
    Kind.MEAN: ("value",),
    Kind.PROPORTION: ("value",),
    Kind.RATIO: _PARTS,
    Kind.QUANTILE: ("value", "quantile"),
    Kind.RETENTION: (),
}
_NEEDED_HINTS = {
    "fact": "name one of the [facts] tables",
    "value": "name a column, or write an expression",
    "numerator": 'such as numerator = { fact = "events", aggregate = "count" }',
    "denominator": 'such as denominator = { fact = "events", aggregate = "count" }',
    "quantile": "such as quantile = 0.95",
    "from_day": "the first day that counts, such as 7",
    "to_day": "the day after the last one that counts, such as 14",
}


def _metrics(draft: Draft) -> Iterator[tuple[Loc, Metric]]:
    yield from ((("metrics", name), metric) for name, metric in draft.study.metrics.items())


def _given(metric: Metric, key: str) -> bool:
    flags = ("money", "bootstrap")
    return bool(getattr(metric, key)) if key in flags else getattr(metric, key) is not None


def _parts(loc: Loc, metric: Metric) -> Iterator[tuple[Loc, Part]]:
    """What a metric is made of, with the place where it stands."""
    if metric.kind is Kind.RATIO:
        sides = ((side, getattr(metric, side)) for side in _PARTS)
        yield from (((*loc, side), part) for side, part in sides if part is not None)
    else:
        yield loc, metric.own_part


def keys_fit_the_kind(draft: Draft) -> Iterator[Flaw]:
    """A metric has only the keys that mean something for its kind."""
    for loc, metric in _metrics(draft):
        for key in _COMPUTING:
            if _given(metric, key) and key not in _KIND_TAKES[metric.kind]:
                *others, last = (kind.value for kind in Kind if key in _KIND_TAKES[kind])
                kinds = f"{', '.join(others)} and {last}" if others else last
                hint = f"remove it ({kinds} metrics take it)"
                yield Flaw((*loc, key), f"means nothing for a {metric.kind} metric", hint)
        if metric.kind is Kind.PROPORTION and metric.value is not None and draft.base == "exposures":
            message = "means nothing for a proportion of events: a unit counts when any event matches"
            yield Flaw((*loc, "value"), message, "write the condition as where")


def keys_fit_the_base(draft: Draft) -> Iterator[Flaw]:
    """A metric asks only for what the source of its units can tell."""
    base = "effects" if draft.has_effects_alone else draft.base
    if base is None or base == "exposures":
        return
    for loc, metric in _metrics(draft):
        for key in _KIND_TAKES[metric.kind]:
            if _given(metric, key) and key not in _BASE_TAKES[base]:
                yield Flaw((*loc, key), f"has no use here: {_BASE_REASONS[base]}", "remove it")
        if metric.kind is Kind.RETENTION and base == "unit_values":
            message = "has no events to count days from: [unit_values] has one finished row per unit"
            yield Flaw(
                (*loc, "kind"), message, 'use kind = "proportion" with the column that says who came back'
            )


def needed_keys_are_there(draft: Draft) -> Iterator[Flaw]:
    """A metric has the keys without which its kind cannot be computed."""
    needs = {"exposures": _KIND_NEEDS, "unit_values": _UNIT_VALUES_NEED}.get(draft.base or "")
    for loc, metric in _metrics(draft):
        for key in needs[metric.kind] if needs is not None else ():
            # What an aggregate needs is said by parts_are_whole.
            if not _given(metric, key) and not (key == "value" and metric.aggregate is not None):
                message = f"is required for a {metric.kind} metric"
                yield Flaw((*loc, key), message, _NEEDED_HINTS[key])


def parts_are_whole(draft: Draft) -> Iterator[Flaw]:
    """Each part says which rows it takes and how they become one number."""
    for loc, metric in _metrics(draft):
        for place, part in _parts(loc, metric):
            if draft.base == "unit_values" and place != loc:
                yield from _column_part(place, part)
            elif draft.base == "exposures" and metric.kind in {Kind.MEAN, Kind.RATIO, Kind.QUANTILE}:
                yield from _event_part(place, part, is_side=place != loc)


def _column_part(loc: Loc, part: Part) -> Iterator[Flaw]:
    """A side of a ratio over [unit_values] is a column."""
    if part.value is None:
        yield Flaw((*loc, "value"), "is required", "name a column of [unit_values]")
    for key in ("fact", "where", "aggregate"):
        if getattr(part, key) is not None:
            yield Flaw((*loc, key), f"has no use here: {_BASE_REASONS['unit_values']}", "remove it")


def _event_part(loc: Loc, part: Part, *, is_side: bool) -> Iterator[Flaw]:
    """A part over events names their table, and a value unless it counts rows."""
    if part.fact is None and is_side:
        yield Flaw((*loc, "fact"), "is required", _NEEDED_HINTS["fact"])
    if part.aggregate is Aggregate.COUNT and part.value is not None:
        hint = 'remove it; to count rows that have it, write where = "... is not null"'
        yield Flaw((*loc, "value"), "means nothing for aggregate = 'count', which counts rows", hint)
    elif part.aggregate not in {None, Aggregate.COUNT} and part.value is None:
        yield Flaw((*loc, "value"), f"is required for aggregate = '{part.aggregate}'", _NEEDED_HINTS["value"])


def facts_exist(draft: Draft) -> Iterator[Flaw]:
    """A named fact table is declared."""
    facts = draft.names("facts")
    for loc, metric in _metrics(draft) if draft.base == "exposures" else ():
        for place, part in _parts(loc, metric):
            if part.fact is not None and part.fact not in facts:
                hint = suggestion(part.fact, facts) or "declare it: [facts.NAME]"
                yield Flaw((*place, "fact"), f"there is no fact table {quoted(part.fact)}", hint)


def times_are_mapped(draft: Draft) -> Iterator[Flaw]:
    """Windows, days of return and look-backs need the time of exposure and of the events."""
    if draft.base != "exposures":
        return
    for loc, metric in _metrics(draft):
        facts = {part.fact: None for _, part in _parts(loc, metric) if part.fact is not None}
        for place in _timed_keys(loc, metric):
            untimed = [] if draft.declares("exposures", "columns", "at") else ["exposures"]
            untimed += [
                f"facts.{fact}"
                for fact in facts
                if fact in draft.study.facts and not draft.declares("facts", fact, "columns", "at")
            ]
            if untimed:
                message = f"needs times, but {' and '.join(untimed)} map no `at`"
                yield Flaw(place, message, 'map it: columns = { at = "name of your column", ... }')


def _timed_keys(loc: Loc, metric: Metric) -> Iterator[Loc]:
    """The places of a metric that ask for time."""
    yield from ((*loc, key) for key in ("window_days", "from_day") if getattr(metric, key) is not None)
    for place, covariate in _covariates(loc, metric):
        if covariate.lookback_days is not None:
            yield (*place, "lookback_days")


def _covariates(loc: Loc, metric: Metric) -> Iterator[tuple[Loc, Covariate]]:
    listed = isinstance(metric.covariate, list)
    for position, covariate in enumerate(metric.covariates):
        yield ((*loc, "covariate", position) if listed else (*loc, "covariate")), covariate


def covariates_have_a_source(draft: Draft) -> Iterator[Flaw]:
    """A covariate is the same value before exposure, or a column of one row per unit."""
    for loc, metric in _metrics(draft):
        for place, covariate in _covariates(loc, metric):
            given = [key for key in ("lookback_days", "column") if getattr(covariate, key) is not None]
            if len(given) != 1:
                message = "needs exactly one of lookback_days and column"
                yield Flaw(place, message, "give days before exposure, or a column known before it")
            elif given == ["column"] and draft.base == "exposures" and not draft.declares("units"):
                yield Flaw(
                    (*place, "column"),
                    f"{quoted(covariate.column or '')} has no table to come from",
                    "declare [units], one row per unit, or use lookback_days",
                )
            elif given == ["lookback_days"] and draft.base == "unit_values":
                message = f"has no use here: {_BASE_REASONS['unit_values']}"
                yield Flaw((*place, "lookback_days"), message, 'use covariate = { column = "..." }')


def strata_are_slices(draft: Draft) -> Iterator[Flaw]:
    """A metric is stratified by a declared slice, and not by regression as well."""
    base = {"exposures": draft.study.exposures, "unit_values": draft.study.unit_values}.get(draft.base or "")
    for loc, metric in _metrics(draft):
        name = metric.stratify_by
        if name is None:
            continue
        if base is not None and name not in base.slices:
            hint = suggestion(name, base.slices) or f"add it to {draft.base}.slices"
            yield Flaw((*loc, "stratify_by"), f"there is no slice {quoted(name)}", hint)
        if metric.covariates:
            message = "cannot stand beside covariate: both take out what units differed in already"
            yield Flaw((*loc, "stratify_by"), message, "keep one of them")


def retention_days_are_in_order(draft: Draft) -> Iterator[Flaw]:
    """Retention counts from a day to a later one."""
    for loc, metric in _metrics(draft):
        if metric.from_day is not None and metric.to_day is not None and metric.from_day >= metric.to_day:
            yield Flaw(
                (*loc, "to_day"), f"is not after from_day ({metric.from_day:g})", "the end is exclusive"
            )


def margins_are_for_guardrails(draft: Draft) -> Iterator[Flaw]:
    """Only guardrails are tested for non-inferiority."""
    for loc, metric in _metrics(draft):
        if metric.non_inferiority_margin is not None and metric.role is not Role.GUARDRAIL:
            message = f"is for guardrails, but this metric is {metric.role}"
            yield Flaw((*loc, "non_inferiority_margin"), message, 'set role = "guardrail", or remove it')


def translations_say_what_is_better(draft: Draft) -> Iterator[Flaw]:
    """What a loss says to the business stands beside what a gain says."""
    for loc, metric in _metrics(draft):
        if metric.business_if_worse is not None and metric.business is None:
            hint = 'say what an improvement means: business = "users are buying more"'
            yield Flaw((*loc, "business_if_worse"), "has no business beside it", hint)


def bootstrap_can_be_drawn(draft: Draft) -> Iterator[Flaw]:
    """Units are drawn by their ids, once and for all at the end, and values as they are."""
    study = draft.study
    asking = [(loc, metric) for loc, metric in _metrics(draft) if metric.bootstrap]
    for loc, metric in asking:
        place = (*loc, "bootstrap")
        if metric.covariates:
            hint = "remove it, or the covariate: adjusted intervals come from variances"
            yield Flaw(place, "cannot stand beside a covariate", hint)
        if metric.stratify_by is not None:
            hint = "remove it, or stratify_by: intervals over strata come from variances"
            yield Flaw(place, "cannot stand beside stratify_by", hint)
        if study.study.looks == "sequential":
            hint = 'remove it, or use looks = "fixed"'
            yield Flaw(place, "gives intervals that are read once, but looks are sequential", hint)
        if study.unit_values is not None and "unit" not in study.unit_values.columns:
            hint = 'map the ids: [unit_values] columns = { unit = "...", ... }'
            yield Flaw(place, "draws units by their ids, but [unit_values] maps no `unit`", hint)
    needed = fewest_draws(study.study.alpha)
    if asking and study.bootstrap.replicates < needed:
        hint = f"use at least {needed}"
        message = f"are too few for intervals of level {1 - study.study.alpha:g}"
        yield Flaw(("bootstrap", "replicates"), message, hint)
