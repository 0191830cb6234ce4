"""Rules for the head of the study and for what the gap is read from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from abgap.records.vocabulary import Aggregate, Kind
from abgap.study.flaws import Draft, Flaw, suggestion
from abgap.study.model import Metric
from abgap.study.toml import Loc, quoted

_MEMORY = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?B|%)\Z", re.IGNORECASE)


def timezone_is_known(draft: Draft) -> Iterator[Flaw]:
    """The time zone is one of the IANA names."""
    name = draft.study.study.timezone
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "use an IANA name such as 'UTC' or 'Europe/Berlin'"
        yield Flaw(("study", "timezone"), f"there is no time zone {quoted(name)}", hint)


def memory_limit_is_a_size(draft: Draft) -> Iterator[Flaw]:
    """A memory limit is a number with a unit."""
    limit = draft.study.engine.memory_limit
    if limit is not None and not _MEMORY.match(limit):
        loc = ("engine", "memory_limit")
        yield Flaw(loc, f"{quoted(limit)} is not an amount of memory", "write it like '4GB' or '512MB'")


def spark_settings_are_for_spark(draft: Draft) -> Iterator[Flaw]:
    """Where Spark runs, and with which settings, is only said where Spark runs."""
    engine = draft.study.engine
    if engine.name != "spark":
        for key, given in (("master", engine.master), ("settings", engine.settings)):
            if given:
                yield Flaw(("engine", key), "is only for Spark", 'set name = "spark", or remove it')


# Moments may have rows of offline metrics, and effects may be gains.
_OFFLINE_PLACES = (("offline",), ("moments",), ("portfolio", "effects"))


def gap_names_what_exists(draft: Draft) -> Iterator[Flaw]:
    """The gap is between offline metrics that can be read and business metrics that are declared."""
    gap = draft.study.gap
    metrics = draft.names("metrics")
    for position, name in enumerate(gap.business):
        if name not in metrics:
            loc = ("gap", "business", position)
            yield Flaw(loc, f"there is no metric {quoted(name)}", suggestion(name, metrics))
    for key, names in (("offline", gap.offline), ("business", gap.business)):
        yield from _listed_twice(("gap", key), names)
    if gap.offline and not any(draft.declares(*place) for place in _OFFLINE_PLACES):
        hint = "say where they are read from: [offline.scores]"
        yield Flaw(("gap", "offline"), "names offline metrics, but the study has no offline results", hint)
    if gap.offline and not draft.declares("gap", "business"):
        hint = "add the metrics that the offline gain should move: business = [...]"
        yield Flaw(("gap", "business"), "is required beside gap.offline", hint)
    proxies = draft.declares("portfolio", "proxies")
    if gap.business and not (draft.declares("gap", "offline") or proxies):
        hint = "add the offline metrics that are held against them: offline = [...]"
        yield Flaw(("gap", "offline"), "is required beside gap.business", hint)


def _listed_twice(loc: Loc, names: Sequence[str]) -> Iterator[Flaw]:
    for position, name in enumerate(names):
        if name in names[:position]:
            yield Flaw((*loc, position), f"{quoted(name)} is listed already", "remove one of them")


def models_have_other_baselines(draft: Draft) -> Iterator[Flaw]:
    """No gain is claimed against the model itself."""
    for name, model in draft.study.models.items():
        if model.baseline == name:
            yield Flaw(
                ("models", name, "baseline"), "is the model itself", "name the model that it was held against"
            )


def exchange_rates_are_of_the_gap(draft: Draft) -> Iterator[Flaw]:
    """An exchange rate is between metrics that the gap lists."""
    gap = draft.study.gap
    for offline, rates in gap.exchange_rate.items():
        loc = ("gap", "exchange_rate", offline)
        if offline not in gap.offline:
            yield Flaw(loc, f"{quoted(offline)} is not in gap.offline", suggestion(offline, gap.offline))
        for business in rates:
            if business not in gap.business:
                yield Flaw(
                    (*loc, business),
                    f"{quoted(business)} is not in gap.business",
                    suggestion(business, gap.business),
                )


_AVERAGES = {Kind.MEAN, Kind.RATIO, Kind.QUANTILE}


_ADDED_UP = {Aggregate.SUM, Aggregate.COUNT, Aggregate.COUNT_DISTINCT}


def _adds_up(metric: Metric) -> bool:
    """Whether units with more events have more of it."""
    part = metric.own_part
    return metric.kind is Kind.MEAN and part.fact is not None and part.effective_aggregate in _ADDED_UP


def latency_is_measured(draft: Draft) -> Iterator[Flaw]:
    """Latency is an average or a quantile of milliseconds, and what it costs is below zero."""
    gap = draft.study.gap
    metrics = draft.names("metrics")
    if gap.latency is not None:
        loc = ("gap", "latency")
        metric = draft.study.metrics.get(gap.latency)
        if gap.latency not in metrics:
            yield Flaw(loc, f"there is no metric {quoted(gap.latency)}", suggestion(gap.latency, metrics))
        elif metric is not None and metric.kind not in _AVERAGES:
            hint = "name a mean, a ratio or a quantile of milliseconds"
            yield Flaw(loc, f"the metric {quoted(gap.latency)} is a {metric.kind}", hint)
        elif metric is not None and _adds_up(metric):
            hint = "write aggregate = 'mean', or divide by the requests: a ratio"
            yield Flaw(
                loc, f"the metric {quoted(gap.latency)} adds up what each request of a unit took", hint
            )
    elasticity = gap.latency_elasticity_per_100ms
    if elasticity is None:
        return
    loc = ("gap", "latency_elasticity_per_100ms")
    if not draft.declares("gap", "latency"):
        hint = 'name the metric that measures latency: latency = "..."'
        yield Flaw(loc, "needs a metric of latency", hint)
    if elasticity >= 0.0:
        yield Flaw(loc, "must be below 0: slower answers bring less", "write -0.003 for 0.3 % less")


def triggered_is_a_slice(draft: Draft) -> Iterator[Flaw]:
    """Units that are triggered are told by a slice of the units."""
    study, name = draft.study, draft.study.gap.triggered
    source = study.exposures or study.unit_values
    if name is None or source is None or name in source.slices:
        return
    key = "exposures" if study.exposures else "unit_values"
    loc = ("gap", "triggered")
    yield Flaw(loc, f"{quoted(name)} is not in {key}.slices", suggestion(name, source.slices))


def perturbed_is_a_slice(draft: Draft) -> Iterator[Flaw]:
    """Perturbed inputs are told by a slice of the test examples."""
    perturbed, offline = draft.study.gap.perturbed, draft.study.offline
    if perturbed is None:
        return
    sources = (offline.scores, offline.queries, offline.predictions, offline.annotations)
    names = [name for source in sources if source is not None for name in source.slices]
    if perturbed.slice not in names:
        loc = ("gap", "perturbed", "slice")
        hint = suggestion(perturbed.slice, names) or "list it among the slices of an offline source"
        yield Flaw(loc, f"no offline source has a slice {quoted(perturbed.slice)}", hint)
