"""The section of one experiment: what happened, how sure, why, what to do next, and everything it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from abgap.gap.pairs import AS_COMPARED, no_rate_for
from abgap.records import ExperimentResult, Gap, Status, words
from abgap.report import numbers, remarks
from abgap.report.marks import NOT_JUDGED, STATUS_ORDER, outcome_mark, verdict_mark
from abgap.report.translations import translations
from abgap.report.view.cells import both_sides, cell, days_of, joined, whole_sentence
from abgap.report.view.checks import checks_in_words, checks_table, passed_in_words
from abgap.report.view.funnel import cumulative_of, funnels_of
from abgap.report.view.index import Index
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, ExperimentView, Fact, Group, Table, Verdict
from abgap.report.view.reasons import whys_of
from abgap.report.view.scorecard import scorecards_of, slices_of

_MOST_CAUTIONS = 4


def experiment_view(
    index: Index, experiment: ExperimentResult, limits: Limits, query_anchors: dict[str, str]
) -> ExperimentView:
    """Everything about one experiment. query_anchors: where the SQL behind a check stands."""
    anchor = f"e{index.number[experiment.name]}"
    spoken = index.spoken_for(experiment)
    checks = sorted(index.checks[experiment.name], key=lambda check: STATUS_ORDER.index(check.status))
    alarms = [check.sentence for check in checks if check.blocking and check.status is Status.FAIL]
    decision = outcome_mark(experiment)
    return ExperimentView(
        anchor=anchor,
        tag=str(index.number[experiment.name]),
        tone=verdict_mark(spoken.verdict).tone if spoken else decision.tone,
        name=experiment.name,
        scope=_scope(experiment),
        models=_models(experiment),
        hypothesis=experiment.hypothesis or "",
        trusted=index.trusted(experiment.name),
        alarms=tuple(alarms),
        verdicts=_verdicts(index, experiment, spoken),
        decision=decision,
        decision_reason=""
        if experiment.decision_reason == experiment.headline
        else experiment.decision_reason,
        next_action=experiment.next_action,
        facts=_facts(index, spoken) if spoken else (),
        notes=(
            *_translations(index, experiment),
            *(_notes(spoken) if spoken else ()),
            *_cautions(index, experiment),
        ),
        whys=whys_of(index, experiment, anchor, query_anchors),
        comparisons=_comparisons(index, experiment, anchor, limits),
        scorecards=scorecards_of(index, experiment, anchor, limits),
        funnels=funnels_of(index, experiment, anchor),
        cumulative=cumulative_of(index, experiment, anchor),
        slices=slices_of(index, experiment, anchor, limits),
        checks=checks_table(
            [check for check in checks if check.status is not Status.PASS],
            f"{anchor}-checks",
            f"Data checks of {experiment.name} that did not pass",
            limits,
            query_anchors,
        ),
        checks_passed=passed_in_words(checks),
        checks_title=checks_in_words(checks),
    )


def _scope(experiment: ExperimentResult) -> str:
    arms = " · ".join(f"{arm} {words.count(units)}" for arm, units in experiment.arms.items())
    units = f"units: {arms}" if arms else "no units"
    return joined(days_of(experiment), units, ", ".join(experiment.tags), by=" · ")


def _models(experiment: ExperimentResult) -> str:
    return ", ".join(f"{arm} serves {model}" for arm, model in experiment.models.items())


def _verdicts(index: Index, experiment: ExperimentResult, spoken: Gap | None) -> tuple[Verdict, ...]:
    headline = Verdict(mark=verdict_mark(spoken.verdict) if spoken else None, sentence=experiment.headline)
    others = (gap for gap in index.headline_gaps(experiment.name) if gap is not spoken)
    return (headline, *(Verdict(mark=verdict_mark(gap.verdict), sentence=gap.sentence) for gap in others))


def _facts(index: Index, gap: Gap) -> tuple[Fact, ...]:
    """The numbers behind the headline."""
    borders = both_sides(gap.smallest_worthwhile_lift)
    gain, face_value = index.gain(gap)
    lift = numbers.lift(index.lift(gap), borders=borders)
    judged = index.trusted(gap.experiment)
    facts = [
        (
            f"Offline gain, {index.headed(gap.offline_metric)}",
            cell(numbers.gain(gain, face_value=face_value)),
        ),
        (
            f"Online lift, {index.headed(gap.business_metric)}",
            cell(lift, sub="" if judged else NOT_JUDGED.word),
        ),
    ]
    if gap.expected_lift is not None:
        expected = index.as_measured(gap.expected_lift, gap.business_metric)
        facts.append(("Expected lift", cell(numbers.lift(expected), sub=_power(gap.power_at_expected))))
    if gap.shortfall is not None:
        facts.append(("Missing lift", cell(numbers.lift(gap.shortfall), sub="expected minus observed")))
    if gap.smallest_worthwhile_lift is not None:
        sub = _power(gap.power_at_smallest_worthwhile)
        facts.append(
            ("Smallest worthwhile lift", cell(numbers.half_width(gap.smallest_worthwhile_lift), sub=sub))
        )
    if gap.money_per_year is not None:
        facts.append(
            ("Worth in a year", cell(numbers.money(gap.money_per_year, index.results.study.currency)))
        )
    if gap.units_needed is not None:
        weeks = gap.weeks_needed
        sub = "" if weeks is None else f"{words.plain(weeks, decimals=1)} more weeks at this traffic"
        facts.append(("Units needed per arm", cell(numbers.count(gap.units_needed), sub=sub)))
    return tuple(Fact(label=label, value=value) for label, value in facts)


def _power(share: float | None) -> str:
    return "" if share is None else f"power to see it: {words.percent(share)}"


def _notes(gap: Gap) -> tuple[str, ...]:
    """What belongs to the facts and is no number."""
    source = f"Expected lift from {gap.expected_source}." if gap.expected_lift and gap.expected_source else ""
    return tuple(note for note in (source, *(whole_sentence(note) for note in gap.notes)) if note)


def _translations(index: Index, experiment: ExperimentResult) -> tuple[str, ...]:
    """What the established changes say to the business; nothing where the numbers are not judged."""
    if not index.trusted(experiment.name):
        return ()
    totals = index.totals[experiment.name]
    return tuple(translations(totals, index.metrics, alpha=index.results.study.alpha))


def _cautions(index: Index, experiment: ExperimentResult) -> tuple[str, ...]:
    """What a reader of the headline would otherwise overlook; nothing where the numbers are not judged."""
    if not index.trusted(experiment.name):
        return ()
    found = remarks.cautions(
        index.totals[experiment.name],
        index.heterogeneity[experiment.name],
        index.trends[experiment.name],
        index.results.study.alpha,
    )
    return tuple(found[:_MOST_CAUTIONS])


def _comparisons(index: Index, experiment: ExperimentResult, anchor: str, limits: Limits) -> Table | None:
    """All gap pairs, when there are more than the headline's."""
    gaps = index.gaps[experiment.name]
    if len(gaps) < 2:
        return None
    kept = gaps[: limits.rows // 4]
    spoken = index.spoken_for(experiment)
    said_above = spoken.notes if spoken else ()
    return Table(
        key=f"{anchor}-pairs",
        caption=f"Every pair of metrics in {experiment.name}",
        columns=(
            Column(label="Offline metric"),
            Column(label="Offline gain", kind="number"),
            Column(label="Online metric"),
            Column(label="Online lift", kind="number"),
            Column(label="Verdict", kind="mark"),
        ),
        groups=tuple(
            Group(
                title=f"{arm} against {experiment.control}",
                rows=tuple(_pair(index, gap) for gap in kept if gap.treatment == arm),
            )
            for arm in index.arm_order(experiment, (gap.treatment for gap in kept))
        ),
        note=joined(
            *_corrections(kept),
            *_without_rate(kept),
            *_distinct(
                whole_sentence(note)
                for gap in kept
                for note in gap.notes
                if note not in said_above and not note.startswith(_no_rate(gap))
            ),
            left_out(len(kept), len(gaps), "pairs"),
        ),
    )


def _corrections(gaps: Sequence[Gap]) -> list[str]:
    """How each metric was corrected for many tests, and once what holds for all."""
    corrected = [(gap.business_metric, gap.correction.removesuffix(f"; {AS_COMPARED}")) for gap in gaps]
    compared = any(gap.correction.endswith(AS_COMPARED) for gap in gaps)
    said = _distinct(f"{metric}: {correction}." for metric, correction in corrected if correction)
    return [*said, *([whole_sentence(AS_COMPARED)] if compared else [])]


def _without_rate(gaps: Sequence[Gap]) -> list[str]:
    """That no exchange rate is declared, once for all pairs with the same consequence."""
    rests = [
        note.removeprefix(_no_rate(gap))
        for gap in gaps
        for note in gap.notes
        if note.startswith(_no_rate(gap))
    ]
    return [
        f"No exchange rate is declared for {words.count(rests.count(rest))} of these pairs, {rest}."
        for rest in _distinct(rests)
    ]


def _no_rate(gap: Gap) -> str:
    return no_rate_for(gap.offline_metric, gap.business_metric)


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _pair(index: Index, gap: Gap) -> tuple[Cell, ...]:
    gain, face_value = index.gain(gap)
    lift = numbers.lift(index.lift(gap), borders=both_sides(gap.smallest_worthwhile_lift))
    return (
        Cell(text=gap.offline_metric, sub=index.direction_note(gap.offline_metric)),
        cell(numbers.gain(gain, face_value=face_value)),
        Cell(text=gap.business_metric, sub=index.direction_note(gap.business_metric)),
        cell(lift, muted=not index.trusted(gap.experiment)),
        Cell(mark=verdict_mark(gap.verdict)),
    )
