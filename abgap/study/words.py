"""What a metric is, in one plain sentence made from its keys."""

from __future__ import annotations

from abgap.records.vocabulary import Aggregate, Kind
from abgap.study.model import Metric, Part

_AGGREGATES = {
    Aggregate.SUM: "sum of {value}",
    Aggregate.COUNT: "number of rows of {rows}",
    Aggregate.COUNT_DISTINCT: "number of different {value}",
    Aggregate.MAX: "largest {value}",
    Aggregate.MIN: "smallest {value}",
    Aggregate.MEAN: "mean of {value}",
}


def one_line(text: str) -> str:
    """Text on one line, whatever breaks it had."""
    return " ".join(text.split())


def _number(value: float) -> str:
    return f"{value:.12g}"


def _days(days: float) -> str:
    return f"{_number(days)} day" + ("" if days == 1 else "s")


def _rows(part: Part) -> str:
    """The fact table a part is made of, and which rows: ``events where event = 'click'``."""
    fact = one_line(part.fact or "")
    return fact if part.where is None else f"{fact} where {one_line(part.where)}"


def part_phrase(part: Part) -> str:
    """What a part adds up: ``sum of amount over rows of events where event = 'purchase'``."""
    value = None if part.value is None else one_line(part.value)
    if part.fact is None:
        return value or "value"
    aggregate = part.effective_aggregate
    phrase = _AGGREGATES[aggregate].format(value=value, rows=_rows(part))
    return phrase if aggregate is Aggregate.COUNT else f"{phrase} over rows of {_rows(part)}"


def _core(metric: Metric) -> str:
    """What the metric is before windows, caps and covariates."""
    part = metric.own_part
    if part.fact is None and part.value is None and metric.numerator is None:
        return f"the {metric.kind} that was computed elsewhere"
    if metric.kind is Kind.RATIO:
        top, bottom = metric.numerator or Part(), metric.denominator or Part()
        return f"the {part_phrase(top)} divided by the {part_phrase(bottom)}, both added up over units"
    if metric.kind is Kind.MEAN:
        return f"the {part_phrase(part)} per unit"
    if metric.kind is Kind.QUANTILE:
        return f"the {_number(100 * (metric.quantile or 0))} % quantile of {_quantile_values(part)}"
    matching = f"any row of {_rows(part)}" if part.fact is not None else part_phrase(part)
    returned = _retention_days(metric) if metric.kind is Kind.RETENTION else ""
    return f"the share of units with {matching}{returned}"


def _quantile_values(part: Part) -> str:
    """What a quantile is of: the values of events, or the number that each unit has."""
    if part.fact is None:
        return one_line(part.value or "")
    if part.aggregate is not None:
        return f"the {part_phrase(part)} per unit"
    return f"{one_line(part.value or '')} over rows of {_rows(part)}"


def _retention_days(metric: Metric) -> str:
    first, end = _number(metric.from_day or 0), _number(metric.to_day or 0)
    return f" from day {first} until before day {end} after first exposure"


def _qualifiers(metric: Metric) -> list[str]:
    """What else holds for the value of a unit, each as a phrase."""
    phrases = []
    if metric.window_days is not None:
        phrases.append(f"in the {_days(metric.window_days)} after first exposure")
    is_per_unit = metric.kind is Kind.MEAN or (metric.kind is Kind.QUANTILE and metric.aggregate is not None)
    if is_per_unit and metric.fact is not None:
        phrases.append("0 for a unit without any")
    if metric.cap_percentile is not None:
        capped = "its numerator capped" if metric.kind is Kind.RATIO else "capped"
        phrases.append(f"{capped} at the {_number(metric.cap_percentile)} % quantile of all arms together")
    for covariate in metric.covariates:
        if covariate.lookback_days is not None:
            source = f"the same in the {_days(covariate.lookback_days)} before exposure"
        else:
            source = one_line(covariate.column or "")
        phrases.append(f"adjusted for {source}")
    return phrases


def metric_definition(name: str, metric: Metric) -> str:
    """One sentence that says what a metric is, as plain text on one line; not escaped for any format."""
    sentence = f"{one_line(name)} is " + ", ".join([_core(metric), *_qualifiers(metric)])
    if metric.description is None:
        return f"{sentence}."
    return f"{sentence} ({one_line(metric.description).rstrip('.')})."
