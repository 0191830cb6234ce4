"""The history of a model family: its metrics from one evaluation to the next.

A change is paired where both evaluations were over the same queries; over others it is unpaired, which takes the two
test sets for independent samples of one traffic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Given
from abgap.offline.aggregates import difference_of
from abgap.offline.directions import direction_of, nearest_to
from abgap.offline.example_contests import Terms, judged, moments_of
from abgap.offline.example_values import ValueTable, count_values, measure
from abgap.offline.sums import Against, Aggregate, Evaluation, Measured, ValueSums
from abgap.records import (
    Check,
    Direction,
    Estimable,
    Interval,
    NotEstimable,
    OfflineHistory,
    Reason,
    Status,
    words,
)
from abgap.records.checks import make_check
from abgap.records.order import natural_order
from abgap.study.model import Study

_KEY = "offline.scores"
_QUERY = "offline_history_values"


def add_up_history(
    engine: Engine,
    study: Study,
    days: Sequence[tuple[str, str, str]],
    aggregates: Mapping[tuple[str, str, str | None], Aggregate],
) -> tuple[Evaluation, ...]:
    """Every evaluation (model, metric, day) with its value, beside the one before it."""
    ordered = _in_order(
        [
            Evaluation(
                model=model,
                metric=metric,
                family=_family(model, study),
                day=day,
                previous=None,
                value=aggregates.get((model, metric, day)),
            )
            for model, metric, day in days
        ]
    )
    chained = [replace(e, previous=p) for e, p in zip(ordered, _previous(ordered), strict=True)]
    return tuple(_with_queries(engine, chained))


def _in_order(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    return sorted(
        evaluations,
        key=lambda e: (natural_order(e.metric), natural_order(e.family), e.day, natural_order(e.model)),
    )


def _previous(ordered: Sequence[Evaluation]) -> list[int | None]:
    """Of each evaluation the model's own before it, else the last one of its family on an earlier day."""
    found: list[int | None] = []
    own: dict[tuple[str, str], int] = {}
    last: dict[tuple[str, str], int] = {}
    before: dict[tuple[str, str], int | None] = {}
    for i, now in enumerate(ordered):
        line, model = (now.metric, now.family), (now.metric, now.model)
        if line in last and ordered[last[line]].day < now.day:
            before[line] = last[line]
        found.append(own.get(model, before.get(line)))
        own[model] = last[line] = i
    return found


def _with_queries(engine: Engine, ordered: Sequence[Evaluation]) -> list[Evaluation]:
    """Values of evaluations that have queries, and sums of the differences of those that share them."""
    number = _number_evaluations(engine, ordered)
    table = ValueTable(name=_QUERY, key=_KEY)
    engine.create_view(_QUERY, compile_query(_QUERY))
    counted = count_values(engine, table)
    found = list(ordered)
    known = [i for i, e in enumerate(ordered) if (number[e.model, e.day], e.metric) in counted.evaluated]
    names = {i: number[ordered[i].model, ordered[i].day] for i in known}
    alone = [Against(model=names[i], baseline=None, metric=ordered[i].metric) for i in known]
    for i, parts in zip(known, measure(engine, table, counted, alone).sums, strict=True):
        found[i] = replace(found[i], value=_value(parts[0]) or found[i].value)
    pairs = {
        i: previous for i in known if (previous := ordered[i].previous) in names and previous is not None
    }
    contests = [
        Against(model=names[i], baseline=names[before], metric=ordered[i].metric)
        for i, before in pairs.items()
    ]
    sums = measure(engine, table, counted, contests, buckets=False)
    for place, i in enumerate(pairs):
        found[i] = replace(found[i], change=_only(sums, place))
    return found


def _value(sums: ValueSums) -> Aggregate | None:
    """The mean over queries and its standard error."""
    if not sums.shared:
        return None
    moments = moments_of(sums)
    error = float(moments.variance / moments.n) ** 0.5 if sums.shared > 1 else None
    return Aggregate(value=float(moments.mean), n=sums.shared, se=error)


def _only(measured: Measured, place: int) -> Measured:
    """One contest out of many."""
    against = measured.contests[place]
    sides = [(side, against.metric) for side in (against.model, against.baseline) if side is not None]
    return Measured(
        contests=(against,),
        evaluated={side: measured.evaluated[side] for side in sides},
        sums=(measured.sums[place],),
    )


def _number_evaluations(engine: Engine, ordered: Sequence[Evaluation]) -> dict[tuple[str, str], str]:
    """Numbers of models on days, as text, known to the engine from here on."""
    number = {key: str(i) for i, key in enumerate(dict.fromkeys((e.model, e.day) for e in ordered))}
    columns = {
        "number": list(number.values()),
        "model": [model for model, _ in number],
        "day": [day for _, day in number],
    }
    engine.put_table(
        "offline_evaluations",
        {name: Given(type="VARCHAR", values=values) for name, values in columns.items()},
    )
    return number


def judge_history(
    evaluations: Sequence[Evaluation], study: Study, terms: Terms
) -> tuple[OfflineHistory, ...]:
    """Every evaluation with its change since the one before it."""
    return tuple(_record(each, evaluations, study, terms) for each in evaluations)


def _record(now: Evaluation, evaluations: Sequence[Evaluation], study: Study, terms: Terms) -> OfflineHistory:
    before = None if now.previous is None else evaluations[now.previous]
    change, p_value = (None, None) if before is None else _change(now, before, terms)
    direction = direction_of(study, now.metric)
    value = now.value
    return OfflineHistory(
        metric=now.metric,
        family=now.family,
        model=now.model,
        date=now.day,
        direction=direction,
        n=None if value is None else value.n,
        value=None if value is None else value.value,
        standard_error=None if value is None else value.se,
        previous_model=None if before is None else before.model,
        previous_date=None if before is None else before.day,
        change=change,
        p_value=p_value,
        fell=change is not None and _is_fall(change, direction, _way_to_go(before, study)),
    )


def _change(now: Evaluation, before: Evaluation, terms: Terms) -> tuple[Estimable | None, float | None]:
    """Paired where both have the same queries, else from standard errors."""
    if now.change is not None:
        (contest,) = judged(now.change.contests[0], now.change, 0, terms)
        if not isinstance(contest.gain, NotEstimable) or contest.gain.reason is not Reason.NOT_MATCHED:
            return contest.gain, contest.p_value
    if now.value is None or before.value is None:
        return None, None
    return difference_of(now.value, before.value, alpha=terms.alpha)


def _way_to_go(before: Evaluation | None, study: Study) -> float | None:
    """From the value before to the one that nearer is better to; None where one way is better."""
    nearest = None if before is None else nearest_to(study, before.metric)
    if nearest is None or before is None or before.value is None:
        return None
    return nearest - before.value.value


def _is_fall(change: Estimable, direction: Direction, way: float | None) -> bool:
    if not isinstance(change, Interval):
        return False
    if way is not None:
        return change.nearer(way).high < 0.0
    turned = change if direction is Direction.UP else change.flipped()
    return turned.high < 0.0


def _family(model: str, study: Study) -> str:
    declared = study.models.get(model)
    return model if declared is None or declared.family is None else declared.family


def history_checks(history: Sequence[OfflineHistory]) -> list[Check]:
    """A warning for every family whose last change in a metric is a fall that is established."""
    last = {(each.metric, each.family): each for each in history}
    return [_fall(each) for each in last.values() if each.fell]


def _fall(each: OfflineHistory) -> Check:
    if not isinstance(each.change, Interval):
        raise TypeError("a fall has an interval")
    before = f"{each.previous_model!r} on {each.previous_date}"
    worse = "fell" if each.direction is Direction.UP else "rose, which is worse,"
    sentence = (
        f"{each.metric!r} of {each.model!r} {worse} by {words.plain(abs(each.change.estimate))} on {each.date}, "
        f"against {before}: {words.signed_interval(each.change)}."
    )
    return make_check(
        "offline_fall", None, Status.WARN, sentence, value=each.change.estimate, threshold=0.0, sql=_QUERY
    )
