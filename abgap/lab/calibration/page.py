"""docs/calibration.md, out of measured rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from abgap.lab.calibration.groups import SEED
from abgap.lab.calibration.measured import Measured
from abgap.records.words import count, percent, sentence_case
from abgap.stats.covariates import ENOUGH_UNITS, ENOUGH_UNITS_BY_ARM

_INTRODUCTION = """\
# Calibration

Do 95 % intervals hold the truth 95 times in 100, and do 5 % tests cry wolf five times in 100 where there is nothing?
The tests and intervals of the scorecard are measured here on simulated experiments whose truth is known. This page is
the output of `python -m abgap.lab.calibration`; the tests run the same simulations and fail when a rate leaves its
bounds without a warning. Trends over days, stages of funnels, the mix of slices, and shrunk and posterior lifts are
simulated in tests of their own.

Each rate is over {most} simulated experiments unless a table says less. It **holds** when it lies within three
Monte-Carlo standard errors of its nominal value: for {most} experiments 95 % ± {wide} and 5 % ± {wide}. Bounds by
construction (looks, families, equivalence, quantiles beside a gap) only have to be kept. Effects are zero for false
positives, and a lift of 20 % for coverage. Experiments for which abgap gives no number
([refusals](methods.md#refusals)) do not count. The seed is {seed}, that of everything here, and was not chosen.

A rate that does not hold is bold. There abgap says so on the estimate itself, in its `notes`. The column "warned" is
the share of experiments with such a note; of looks it is the share of false positives with one."""

_EXCEPTIONS = """\
## Where it does not hold

{share} of {total} rates hold. The others, and why:

- **Few units carry the value.** Of skewed revenue with 2 % payers a small arm has a handful of them. Between arms of
  equal size the skewness cancels, and intervals are at worst too wide; between 90 % and 10 % it does not, and they are
  too short, also with a bootstrap, which sees the same few payers. abgap notes it where the standard error of an
  arm's value, or of a ratio's denominator, exceeds 15 % of it, or where the skewness that follows from it for the
  difference exceeds 0.07. A cap, a more even split or more units help.
- **Few successes.** Where fewer than 10 successes or failures are expected in an arm, tests and intervals go in steps.
- **Few units for what is fitted.** Slopes of covariates and weights of strata count as known. Intervals are too short
  with fewer than {pooled} units in an arm for each slope or stratum, and with fewer than {by_arm} for slopes by arm.
- **Few units beyond a quantile.** With fewer than 10 the order statistics around it are far apart: too wide.
- **First looks at few successes.** A confidence sequence takes means as normal; the first looks at a share in a small
  arm are not. Looks without the note keep the level.

| estimator | data | units | rate | nominal | measured | error | warned |
|---|---|---|---|---|---|---|---|"""

_PARTS = ("test", "difference", "lift")
_HEADS = {"test": "false positives", "difference": "coverage, difference", "lift": "coverage, lift"}


def page(measured: Mapping[str, Sequence[Measured]]) -> str:
    """The text of the page, ending in a newline."""
    rates = [rate for group in measured.values() for rate in group]
    most = max(rate.runs for rate in rates)
    wide = f"{300 * (0.05 * 0.95 / most) ** 0.5:.2f} points"
    lines = [_INTRODUCTION.format(most=count(most), wide=wide, seed=SEED), *_exceptions(rates)]
    for name, group in measured.items():
        lines += _section(name, group)
    return "\n".join(lines) + "\n"


def _exceptions(rates: Sequence[Measured]) -> Iterator[str]:
    out = [rate for rate in rates if not rate.holds]
    holding = len(rates) - len(out)
    yield ""
    yield _EXCEPTIONS.format(
        share=count(holding), total=count(len(rates)), pooled=ENOUGH_UNITS, by_arm=ENOUGH_UNITS_BY_ARM
    )
    for rate in out:
        side = "too careful" if rate.errs_safely else "too bold"
        yield _row(
            rate.group, rate.case, rate.units, rate.what, percent(rate.nominal, decimals=0),
            percent(rate.rate, decimals=2), side, percent(rate.warned, decimals=0),
        )  # fmt: skip


def _section(name: str, rates: Sequence[Measured]) -> Iterator[str]:
    most = max(rate.runs for rate in rates)
    yield ""
    yield f"## {sentence_case(name)}"
    yield ""
    compared = [rate for rate in rates if rate.group.rpartition(": ")[2] in _PARTS]
    if compared:
        yield from _comparisons(compared)
    others = [rate for rate in rates if rate not in compared]
    if others:
        yield _row("rule", "data", "units", "nominal", "measured", "warned")
        yield "|---|---|---|---|---|---|"
        for rate in others:
            nominal = f"{'at most ' if rate.at_most else ''}{percent(rate.nominal, decimals=0)}"
            warned = percent(rate.warned, decimals=0)
            yield _row(rate.group, rate.case, rate.units, nominal, _shown(rate), warned)
    yield ""
    yield f"{count(most)} experiments each."


def _comparisons(rates: Sequence[Measured]) -> Iterator[str]:
    """Test, difference and lift of the same data in one row."""
    yield _row("estimator", "data", "units", *_HEADS.values(), "warned")
    yield "|---|---|---|---|---|---|---|"
    rows: dict[tuple[str, str, str], dict[str, Measured]] = {}
    for rate in rates:
        estimator, _, part = rate.group.rpartition(": ")
        rows.setdefault((estimator, rate.case, rate.units), {})[part] = rate
    for place, parts in rows.items():
        shown = [_shown(parts[part]) if part in parts else "" for part in _PARTS]
        warned = max(rate.warned for rate in parts.values())
        yield _row(*place, *shown, percent(warned, decimals=0))


def _shown(rate: Measured) -> str:
    text = percent(rate.rate, decimals=2)
    return text if rate.holds else f"**{text}**"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
