"""docs/portfolio.md, out of the record of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from abgap.lab.portfolio.decisions import RULES
from abgap.lab.portfolio.goals import FEWEST_TOLD, Goal, Kind, goals_of
from abgap.lab.portfolio.record import Record
from abgap.lab.portfolio.tally import Tally
from abgap.lab.portfolio.worlds import SEED, WORLDS
from abgap.records.words import count, percent, plain, sentence_case, signed

_INTRODUCTION = """\
# The portfolio, marked by known truth

What `abgap portfolio` says of many experiments ([methods.md](methods.md#the-portfolio)) is measured here in worlds
whose truth is known: past experiments are drawn as effects with their errors, all is estimated from them, and the
intervals are held against what is true. This page is the output of `make portfolio`; a test holds it against the record
of the run, and a smaller run is part of all tests. The seed is {seed}, and was not chosen.

In all worlds `lift = direct + slope x gain + own`, gains having a standard deviation of 0.02; sizes of experiments run
over two orders of magnitude where nothing else is said, and a usual arm has errors of 0.3 times the variance of true
effects. Refused is what the program refuses (fewer than 5 experiments, reliability below 0.2, no signal, an interval
without an end): there stand words instead, *told* is the share of replicates in which there is a number, and coverage
is over these alone.

- **Unbiased**: the mean of the noise-corrected covariances, and of cross-fitted values, lies within three Monte-Carlo
  standard errors of the truth. Ratios of them have no such mean; of slopes and correlations the median error is given.
- **Coverage**: 95 % intervals hold the truth in 92 to 98 % of replicates.
- **No credit for noise**: where gains tell nothing of lifts, or no experiment changes anything, the interval of what a
  rule earned holds 0 in at least 93 %.

A goal is *met* when the measured rate meets it, *missed* when its whole interval (Clopper and Pearson) lies beyond, and
*within its error* otherwise. Fewer than {fewest} intervals are not judged."""

_NUMBERS: Mapping[str, str] = {
    "covariance xx": "Lambda xx, the variance of true gains",
    "covariance xy": "Lambda xy, the covariance of true gains and lifts",
    "covariance yy": "Lambda yy, the variance of true lifts",
    "slope": "Slope, noise-corrected",
    "slope, bootstrap": "Slope with percentiles of a bootstrap over experiments: not used",
    "correlation": "Correlation of true gains and lifts",
    "reliability x": "Reliability of gains",
    "reliability y": "Reliability of lifts",
    "transfer a": "Transfer, a: lift that comes without a gain",
    "transfer b": "Transfer, b: lift of a unit of gain",
    "transfer tau": "Transfer, tau: what gains cannot tell",
    "prediction": "Prediction of the true lift of a new experiment from its true gain",
    "quality": "Quality: correlation of a gain measured in a usual test with the true lift",
    "sign agreement": "Agreement of signs, as measured",
    "kendall": "Kendall's tau of effects as measured",
    "typical lift": "Typical lift: the mean of true lifts",
    "next lift": "Prediction of the true lift of a new experiment from lifts alone",
}
_OUTCOMES = {True: "met", None: "within its error", False: "missed"}


def page(record: Record) -> str:
    """The text of the page, ending in a newline."""
    goals = goals_of(record)
    lines = [_INTRODUCTION.format(seed=SEED, fewest=FEWEST_TOLD), *_worlds(record), *_summary(goals)]
    lines += _misses(goals)
    names = {name for groups in record.values() for numbers in groups.values() for name in numbers}
    for name in (name for name in [*_NUMBERS, *sorted(names - set(_NUMBERS))] if name in names):
        if name in _NUMBERS:
            lines += _section(name, record)
    lines += _rules(record)
    return "\n".join(lines) + "\n"


def _worlds(record: Record) -> Iterator[str]:
    yield "\n## The worlds\n"
    yield _row(
        "world", "what it is", "experiments", "arms", "slope", "correlation", "reliability of gains, of lifts"
    )
    yield _rule(7)
    for world in WORLDS:
        numbers = record.get(world.name, {}).get("covariance", {})
        shares = [plain(tally.truth, decimals=2) for name, tally in numbers.items() if "reliability" in name]
        yield _row(
            world.name, world.title, count(len(world.arms)), count(sum(world.arms)), plain(world.slope, decimals=1),
            plain(world.correlation, decimals=2), ", ".join(shares),
        )  # fmt: skip


def _summary(goals: list[Goal]) -> Iterator[str]:
    yield "\n## The goals\n"
    yield _row("goal", "asked of", *_OUTCOMES.values())
    yield _rule(5)
    for kind in Kind:
        own = [goal for goal in goals if goal.kind is kind]
        counts = [sum(goal.met is outcome for goal in own) for outcome in _OUTCOMES]
        yield _row(kind.value, count(len(own)), *map(count, counts))


def _misses(goals: list[Goal]) -> Iterator[str]:
    """Everything that is not met, with its numbers."""
    out = [goal for goal in goals if goal.met is not True]
    if not out:
        yield "\nEvery goal is met."
        return
    yield "\n### What is not met\n"
    yield _row("goal", "number", "world", "measured", "interval", "of", "outcome", "why")
    yield _rule(8)
    for goal in sorted(out, key=lambda goal: goal.met is None):
        tally = goal.tally
        if goal.kind is Kind.UNBIASED:
            shown = f"{signed(tally.bias / tally.bias_error, decimals=1)} standard errors", ""
        else:
            shown = percent(tally.coverage), _bounds(tally)
        outcome = "**missed**" if goal.met is False else _OUTCOMES[goal.met]
        yield _row(goal.kind.value, goal.number, goal.world, *shown, count(tally.told), outcome, goal.why)


def _section(name: str, record: Record) -> Iterator[str]:
    """One number in all worlds."""
    rows = {
        world: numbers[name]
        for world, groups in record.items()
        for numbers in groups.values()
        if name in numbers
    }
    yield f"\n## {_NUMBERS[name]}\n"
    if any(tally.covered is not None for tally in rows.values()):
        yield _row(
            "world", "truth", "told", "median error", "coverage", "interval", "too low", "too high", "of"
        )
        yield _rule(9)
        for world, tally in rows.items():
            yield _row(world, *_interval_cells(tally))
        return
    yield _row("world", "truth", "mean error", "Monte-Carlo error", "median error", "of")
    yield _rule(6)
    for world, tally in rows.items():
        yield _row(
            world, plain(tally.truth), signed(tally.bias), plain(tally.bias_error), signed(tally.median_error),
            count(tally.runs),
        )  # fmt: skip


def _interval_cells(tally: Tally) -> tuple[str, ...]:
    told = percent(tally.told / tally.runs, decimals=0)
    if not tally.told or tally.below is None or tally.above is None:
        return plain(tally.truth), told, "", "", "", "", "", count(tally.runs)
    held = tally.holds() if tally.told >= FEWEST_TOLD else None
    coverage = percent(tally.coverage)
    return (
        plain(tally.truth), told, signed(tally.median_error), f"**{coverage}**" if held is False else coverage,
        _bounds(tally), percent(tally.below / tally.told), percent(tally.above / tally.told), count(tally.runs),
    )  # fmt: skip


def _rules(record: Record) -> Iterator[str]:
    """What rules earn: true value, as it is told, as it looks without folds, and regret."""
    rows = {world: groups["decisions"] for world, groups in record.items() if "decisions" in groups}
    if not rows:
        return
    yield "\n## What rules for launching earn\n"
    yield (
        "Lift per experiment, in percent. *Launches that improve* are significant ones; *what looks best* is what lies "
        "above 0. *True*: of what is launched. *Told*: cross-fitted over ten folds of units. *Without folds*: the same "
        "units decide and pay, which credits noise. *Regret*: what knowing the true lifts would have earned more. "
        "*Coverage*: of what these experiments truly earned, and of what the rule earns in the long run; a rule that "
        "launches nothing in a dozen experiments says nothing of the long run. To launch what improves the business "
        "is what abgap decides without guardrails."
    )
    for rule, title in RULES.items():
        yield f"\n### {sentence_case(title)}\n"
        yield _row("world", "true", "told", "without folds", "regret", "coverage", "in the long run", "of")
        yield _rule(8)
        for world, numbers in rows.items():
            value, long_run = numbers[f"value, {rule}"], numbers[f"value in the long run, {rule}"]
            naive, regret = numbers[f"value without folds, {rule}"], numbers[f"regret, {rule}"]
            yield _row(
                world, _lift(value.truth), _lift(value.truth + value.bias), _lift(naive.truth + naive.bias),
                _lift(regret.bias), percent(value.coverage), percent(long_run.coverage), count(value.runs),
            )  # fmt: skip


def _lift(fraction: float) -> str:
    return signed(100.0 * fraction, decimals=3)


def _bounds(tally: Tally) -> str:
    low, high = tally.coverage_interval()
    return f"{plain(100.0 * low, decimals=1)} to {plain(100.0 * high, decimals=1)}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns
