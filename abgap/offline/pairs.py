"""Which models are held against which: what experiments ran, and every model against the one in production."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from abgap.offline.sums import Against
from abgap.records.order import natural_order


def contests_of(
    known: Iterable[tuple[str, str]], ran: Sequence[tuple[str, str]], production: str | None
) -> list[Against]:
    """What is compared, of the models and metrics that have values.

    ran: (model, baseline) of experiments. A model that has no baseline with this metric stands alone, unless it is a
    baseline itself; the production model always stands there.
    """
    metrics: dict[str, set[str]] = {}
    for model, metric in known:
        metrics.setdefault(metric, set()).add(model)
    found = []
    for metric in sorted(metrics, key=natural_order):
        found += _of_metric(metric, metrics[metric], ran, production)
    places = _places(ran)
    return sorted(found, key=lambda c: _order(c, places))


def _of_metric(
    metric: str, models: set[str], ran: Sequence[tuple[str, str]], production: str | None
) -> list[Against]:
    pairs = dict.fromkeys(pair for pair in ran if set(pair) <= models)
    if production in models:
        pairs |= {(model, production): None for model in models if model != production}
    judged = {model for model, _ in pairs} | {base for _, base in pairs if base != production}
    alone = sorted(models - judged, key=natural_order)
    compared = [*pairs, *((model, None) for model in alone)]
    return [Against(model=model, baseline=baseline, metric=metric) for model, baseline in compared]


def _places(ran: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str | None], int]:
    return {pair: i for i, pair in enumerate(ran)}


def _order(contest: Against, places: Mapping[tuple[str, str | None], int]) -> tuple[object, ...]:
    """Pairs of experiments as these stand in the study, then those with production, then models alone."""
    place = places.get((contest.model, contest.baseline), len(places))
    return (
        place,
        contest.baseline is None,
        natural_order(contest.model),
        natural_order(contest.metric),
    )
