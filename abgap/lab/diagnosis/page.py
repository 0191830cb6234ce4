"""docs/diagnosis.md, out of the record of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abgap.lab.diagnosis.goals import (
    Goal,
    Kind,
    Outcome,
    Rate,
    absent,
    alarm,
    detection,
    goals_of,
    names_of,
)
from abgap.lab.diagnosis.misses import why
from abgap.lab.diagnosis.picture import label_of, rows_of
from abgap.lab.diagnosis.runs import SEED
from abgap.lab.diagnosis.tally import Amounts, Cell
from abgap.lab.scenarios.base import Strength
from abgap.records import words

PICTURE = "diagnosis.svg"
_INTRODUCTION = """\
# The diagnosis, marked by known truth

abgap says why an offline gain did not reach the business ([methods.md](methods.md#why-the-reasons)). How often is it
right? The lab plants reasons whose amounts are known into logs and test sets, `abgap gap`'s own code reads the files,
and this page counts what it makes of them. It is the output of `make diagnosis`; a test holds it against the record of
the run, and a smaller run is part of all tests.

{scenarios} scenarios of {worlds} worlds, {replicates} replicates of each with the clear strength of what is planted,
and about a third as many with the medium and the barely noticeable one, for which no goal is set. Every replicate is
an experiment of its own with its own test set; all inputs of all reasons that its world can test are there and
healthy, except for what is planted. The seed is {seed}, and was not chosen. Intervals of rates are those of Clopper
and Pearson, at 95 %.

- **Found**: the planted reason is called *supported*. Goal: at least 90 % at the clear strength.
- **False alarm**: a reason that was not planted is called supported, of the times it could be tested while something
  else was planted. Goal: at most 5 % for each reason.
- **Covered**: the interval of the amount holds the true one, over all replicates with an amount, supported or not.
  Goal: 90 to 98 %.
- **Explained away**: any reason is called supported although nothing was planted. Goal: at most 5 %.

A goal is *met* when the measured rate meets it, *missed* when its whole interval lies beyond, and *within its error*
otherwise."""
_GOALS = {
    Kind.DETECTION: "Planted reasons are found, at least 90 %",
    Kind.FALSE_ALARMS: "Absent reasons are not called supported, at most 5 % over all scenarios",
    Kind.WORST: "The same in the scenario where it happens most, as far as the number of scenarios allows to tell",
    Kind.COVERAGE: "Intervals of amounts hold the truth, 90 to 98 %",
    Kind.HONEST: "What is honest is not explained away, at most 5 %",
}


def page(cells: Sequence[Cell]) -> str:
    """The text of the page, ending in a newline."""
    goals = goals_of(cells)
    introduction = _INTRODUCTION.format(
        scenarios=len({cell.scenario for cell in cells}),
        worlds=len({cell.world for cell in cells}),
        replicates=words.count(max(cell.replicates for cell in cells)),
        seed=SEED,
    )
    lines = [introduction, *_summary(goals), *_misses(goals), *_detections(cells), *_alarms(cells)]
    lines += [*_amounts(cells), *_honest(cells), *_confusion(cells)]
    return "\n".join(lines) + "\n"


def _summary(goals: Sequence[Goal]) -> Iterator[str]:
    yield "\n## The goals\n"
    yield _row("goal", "asked of", *(outcome.value for outcome in Outcome))
    yield _rule(5)
    for kind, text in _GOALS.items():
        own = [goal for goal in goals if goal.kind is kind]
        counts = [sum(goal.outcome is outcome for goal in own) for outcome in Outcome]
        yield _row(text, words.count(len(own)), *map(words.count, counts))


def _misses(goals: Sequence[Goal]) -> Iterator[str]:
    """Everything that is not met, with its numbers."""
    out = [goal for goal in goals if goal.outcome is not Outcome.MET]
    if not out:
        yield "\nEvery goal is met."
        return
    yield "\n### What is not met\n"
    yield _row("goal", "reason", "scenario", "measured", "interval", "of", "outcome", "why")
    yield _rule(8)
    for goal in sorted(out, key=lambda goal: goal.outcome is not Outcome.MISSED):
        low, high = goal.rate.interval(goal.tests)
        outcome = f"**{goal.outcome.value}**" if goal.outcome is Outcome.MISSED else goal.outcome.value
        yield _row(
            goal.kind.value, words.label(goal.reason), words.label(goal.scenario) or "all", _percent(goal.rate.share),
            _bounds(low, high), words.count(goal.rate.n), outcome, why(goal),
        )  # fmt: skip


def _detections(cells: Sequence[Cell]) -> Iterator[str]:
    yield "\n## Found\n"
    yield f"![how often planted reasons are found, and absent ones called supported](images/{PICTURE})\n"
    yield "*Largest*: how often it is the first of the supported reasons, at the clear strength.\n"
    yield _row("planted", *(strength.value for strength in Strength), "interval, clear", "largest")
    yield _rule(6)
    at = {(cell.scenario, cell.strength): cell for cell in cells}
    for scenario, reason in rows_of(cells):
        rates = [_found(at.get((scenario, strength)), reason) for strength in Strength]
        clear = at.get((scenario, Strength.CLEAR))
        interval, first = "", ""
        if clear is not None:
            interval = _bounds(*detection(clear, reason).interval())
            first = _percent(clear.reasons[reason].first / clear.replicates)
        yield _row(label_of(scenario, reason), *rates, interval, first)


def _found(cell: Cell | None, reason: str) -> str:
    return "" if cell is None else _percent(detection(cell, reason).share)


def _alarms(cells: Sequence[Cell]) -> Iterator[str]:
    yield "\n## False alarms\n"
    yield _row(
        "reason", "tested without being planted", "called supported", "interval", "most often in", "there"
    )
    yield _rule(6)
    for name in names_of(cells):
        places = absent(cells, name)
        if not places:
            yield _row(words.label(name), "never", "", "", "", "")
            continue
        rate = alarm(tally for _, tally in places)
        worst, tally = max(places, key=lambda place: alarm([place[1]]).share)
        there = alarm([tally])
        where = f"{words.label(worst.scenario)}, {worst.strength.value}" if there.found else ""
        shown = f"{_percent(there.share)} of {words.count(there.n)}" if there.found else ""
        yield _row(
            words.label(name), words.count(rate.n), _percent(rate.share), _bounds(*rate.interval()), where, shown
        )  # fmt: skip


def _amounts(cells: Sequence[Cell]) -> Iterator[str]:
    yield "\n## Amounts\n"
    yield "In points of lift (1 is 1 % of the business metric). *Bias*: mean error, with its Monte-Carlo error.\n"
    yield _row("planted", "strength", "truth", "bias", "covered", "interval", "of")
    yield _rule(7)
    for cell in cells:
        for name in cell.planted:
            amounts = cell.reasons[name].amounts
            if amounts is not None:
                yield _amount(cell, name, amounts)


def _amount(cell: Cell, name: str, amounts: Amounts) -> str:
    covered = Rate(found=amounts.covered, n=amounts.n)
    bias = words.signed(100.0 * amounts.bias, decimals=2)
    error = words.plain(100.0 * amounts.bias_error, decimals=2)
    return _row(
        label_of(cell.scenario, name), cell.strength.value, words.plain(100.0 * amounts.truth, decimals=2),
        f"{bias} ± {error}", _percent(covered.share), _bounds(*covered.interval()), words.count(amounts.n),
    )  # fmt: skip


def _honest(cells: Sequence[Cell]) -> Iterator[str]:
    yield "\n## Where nothing is planted\n"
    yield _row("scenario", "explained away", "interval", "gap established", "by which reasons", "verdicts")
    yield _rule(6)
    for cell in cells:
        if not cell.planted:
            rate = Rate(found=cell.explained, n=cell.replicates)
            named = [
                f"{words.label(name)} {tally.supported}"
                for name, tally in cell.reasons.items()
                if tally.supported
            ]
            verdicts = [f"{name} {n}" for name, n in cell.verdicts.items()]
            yield _row(
                words.label(cell.scenario), _percent(rate.share), _bounds(*rate.interval()),
                _percent(cell.gaps / cell.replicates), ", ".join(named), ", ".join(verdicts),
            )  # fmt: skip


def _confusion(cells: Sequence[Cell]) -> Iterator[str]:
    """What is called supported, by what was planted clearly."""
    clear = [cell for cell in cells if cell.strength is Strength.CLEAR]
    names = [
        name
        for name in names_of(clear)
        if any(cell.reasons[name].supported for cell in clear if name in cell.reasons)
    ]
    yield "\n## What is taken for what\n"
    yield "Replicates in percent, at the clear strength: rows are what was planted, columns what is called supported"
    yield "(blank: never; a dash: not tested there). What was planted is bold. Columns:"
    yield ", ".join(f"{place} {words.label(name)}" for place, name in enumerate(names, start=1)) + ".\n"
    yield _row("planted", *map(str, range(1, len(names) + 1)), "nothing")
    yield _rule(len(names) + 2)
    for cell in clear:
        planted = " and ".join(words.label(name) for name in cell.planted) or "nothing"
        own = words.label(cell.scenario)
        shown = own if own == planted else f"{own}: {planted}"
        nothing = _whole(cell.replicates - cell.explained, cell.replicates)
        yield _row(shown, *(_confused(cell, name) for name in names), nothing)


def _confused(cell: Cell, name: str) -> str:
    tally = cell.reasons.get(name)
    if tally is None or not tally.testable:
        return "–"
    text = _whole(tally.supported, cell.replicates)
    return f"**{text or '0'}**" if tally.planted else text


def _whole(found: int, of: int) -> str:
    """A share in whole percent; nothing for none at all."""
    if not found:
        return ""
    return words.plain(100.0 * found / of, decimals=0) if 200 * found >= of else "< 1"


def _percent(share: float) -> str:
    return words.percent(share)


def _bounds(low: float, high: float) -> str:
    return f"{words.plain(100.0 * low, decimals=1)} to {words.plain(100.0 * high, decimals=1)}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns
