"""What an established change of a metric says to the business, in the study's own words, and nothing where none is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from abgap.records import Estimate, Interval, MetricDefinition, words


def translations(
    estimates: Sequence[Estimate], metrics: Mapping[str, MetricDefinition], *, alpha: float
) -> Iterator[str]:
    """A sentence per estimate: ``Revenue per session up 1.5 %: users are buying more.``"""
    several = len({estimate.treatment for estimate in estimates}) > 1
    for estimate in estimates:
        if said := _translated(estimate, metrics.get(estimate.metric), alpha):
            yield f"{estimate.treatment}: {said}" if several else said


def _translated(estimate: Estimate, metric: MetricDefinition | None, alpha: float) -> str:
    difference = estimate.difference
    if metric is None or metric.business is None or not estimate.significant:
        return ""
    if not isinstance(difference, Interval):
        return ""
    better = difference.estimate * estimate.direction.sign > 0.0
    meaning = metric.business if better else metric.business_if_worse
    if meaning is None:
        meaning = f"the opposite of \u201c{_inner(str(metric.business))}\u201d"
    too_small = estimate.equivalence_p is not None and estimate.equivalence_p < alpha
    but = ", but by less than is worth having" if too_small else ""
    name = words.sentence_case(words.label(estimate.metric))
    return f"{name} {_moved(estimate, difference)}: {_inner(meaning)}{but}."


def _inner(text: str) -> str:
    """A sentence of the study inside of one of ours."""
    return " ".join(text.split()).rstrip(".")


def _moved(estimate: Estimate, difference: Interval) -> str:
    """Up or down, and by how much where there is a relative lift."""
    way = "up" if difference.estimate > 0.0 else "down"
    if not isinstance(estimate.lift, Interval):
        return way
    places = words.interval_decimals(estimate.lift.scaled(100.0), least=1)
    return f"{way} {words.percent(abs(estimate.lift.estimate), decimals=places)}"
