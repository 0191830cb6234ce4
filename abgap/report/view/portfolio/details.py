"""What stands behind the page, folded away: the line, experiments beside each other, all pairs, the nine cells."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.gap.portfolio.steps import gain_in_words, lift_of, relative, step_of
from abgap.records import Interval, Portfolio, words
from abgap.records.portfolio import PairFit, Refitted, RollingTrust, ShrunkLift, Surrogacy, TypicalLift
from abgap.report import numbers
from abgap.report.marks import Mark, Tone
from abgap.report.view.cells import bar_of, cell, joined, reach_of
from abgap.report.view.comparison import nine_cells_of
from abgap.report.view.index import Index
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Fold, Group, Table
from abgap.report.view.portfolio.tables import pairs_tables, trust_tables
from abgap.report.view.portfolio.terms import correlation, lift_of_step

_LINES = {"york": "York's line, beside it", "deming": "Deming's line, beside it"}
_WARNING = Mark(tone="part", sign="!", word="warning")


def folds_of(index: Index, limits: Limits) -> tuple[Fold, ...]:
    """Every fold that has something in it."""
    portfolio = index.results.portfolio
    pair = portfolio.pairs[0] if portfolio.pairs else None
    folds = [
        Fold(title="Behind the line", note="of true effects", texts=_notes(pair), tables=_behind(pair)),
        _experiments(index, pair, limits),
        Fold(
            title="People against changes",
            note="what goes together over units, and over experiments",
            texts=tuple(found.sentence for found in _surrogacies(portfolio)),
            tables=_surrogacy_tables(portfolio),
        ),
        Fold(
            title="Every pair of metrics",
            note="and the nine cells",
            texts=(),
            tables=(*pairs_tables(portfolio, limits), *trust_tables(portfolio, limits)[1:]),
            cells=nine_cells_of(portfolio),
        ),
    ]
    return tuple(fold for fold in folds if fold.texts or fold.tables or fold.cells)


def _notes(pair: PairFit | None) -> tuple[str, ...]:
    if pair is None:
        return ()
    corrected = pair.noise_corrected
    lines = (
        ()
        if corrected is None
        else tuple(line.sentence for line in corrected.sensitivity if line.method in _LINES)
    )
    agreement = (pair.sign_agreement.sentence,) if pair.sign_agreement else ()
    said = (*agreement, *lines, pair.saturation_sentence, how_robust(pair))
    return tuple(text for text in said if text)


def how_robust(pair: PairFit) -> str:
    """How far one experiment can turn the slope."""
    found = [(fit.slope, fit.name) for fit in pair.leave_one_out if isinstance(fit.slope, Interval)]
    if len(found) < 2:
        return ""
    step = step_of(pair)
    low, high = min(found, key=_estimate), max(found, key=_estimate)
    texts = [words.signed_percent(lift_of(pair, slope).estimate, decimals=2) for slope, _ in (low, high)]
    return (
        f"Without any one experiment, {gain_in_words(pair, step)} brings between {texts[0]} (without {low[1]}) and "
        f"{texts[1]} (without {high[1]})."
    )


def _estimate(found: tuple[Interval, str]) -> float:
    return found[0].estimate


def _behind(pair: PairFit | None) -> tuple[Table, ...]:
    if pair is None:
        return ()
    rows = [*_of_covariance(pair), *_of_transfer(pair), *_of_other_methods(pair), *_of_tags(pair)]
    if not rows:
        return ()
    return (
        Table(
            key="line",
            caption=f"{words.label(pair.predictor)} and {words.label(pair.business_metric)}: true effects of "
            f"{words.plural(pair.experiments, 'experiment')}",
            columns=(Column(label="What"), Column(label="Value", kind="number"), Column(label="Says")),
            groups=(Group(title="", rows=tuple(rows)),),
            note=_too_small(pair),
        ),
    )


def _too_small(pair: PairFit) -> str:
    """Tags that have no line of their own."""
    few = [
        f"{fit.name} ({words.count(fit.experiments)})"
        for fit in pair.by_tag
        if not isinstance(fit.slope, Interval)
    ]
    return f"Too few experiments for a line of their own: {words.listed(few)}." if few else ""


def _of_covariance(pair: PairFit) -> Iterator[tuple[Cell, ...]]:
    found = pair.noise_corrected
    if found is None:
        return
    observed = found.observed_correlation
    measured = "" if observed is None else f"{words.plain(observed, decimals=2)} as measured, noise included"
    yield _row("Correlation", cell(correlation(found.correlation)), measured)
    for name, value in ((pair.predictor, found.reliability_x), (pair.business_metric, found.reliability_y)):
        yield _row(
            f"Signal in {words.label(name)}",
            cell(numbers.share(value)),
            "share of its scatter that is not noise",
        )
    step = step_of(pair)
    yield _row(
        f"Lift of {gain_in_words(pair, step)}",
        cell(lift_of_step(pair, found.slope)),
        "slope by the method of moments",
    )


def _of_transfer(pair: PairFit) -> Iterator[tuple[Cell, ...]]:
    found, step = pair.transfer, step_of(pair)
    if found is None:
        return
    yield _row(
        f"Lift of {gain_in_words(pair, step)}",
        cell(lift_of_step(pair, found.b)),
        "slope by likelihood: the line",
    )
    yield _row("Lift without a gain", cell(numbers.lift(relative(found.a))), "where the line starts")
    tau = found.tau.scaled(100.0)
    shown = numbers.Shown(
        text=f"±{words.plain(tau.estimate, decimals=1)} %",
        range=f"[{words.plain(tau.low, decimals=1)}, {words.plain(tau.high, decimals=1)}]",
    )
    yield _row("What a gain cannot tell", cell(shown), "true lifts scatter by so much around the line")
    if pair.experiments_needed:
        yield _row(
            "More experiments needed", cell(numbers.count(pair.experiments_needed)), "until the slope is established"
        )  # fmt: skip


def _of_other_methods(pair: PairFit) -> Iterator[tuple[Cell, ...]]:
    """What others would draw, and what errors in common that are not known would make of the slope."""
    step = step_of(pair)
    for line in pair.noise_corrected.sensitivity if pair.noise_corrected else ():
        assumed = line.method.replace("correlation", "correlation of")
        says = _LINES.get(line.method, f"by moments, with a {assumed}")
        yield _row(f"Lift of {gain_in_words(pair, step)}", cell(lift_of_step(pair, line.slope)), says)


def _of_tags(pair: PairFit) -> Iterator[tuple[Cell, ...]]:
    step = step_of(pair)
    for fit in pair.by_tag:
        if not isinstance(fit.slope, Interval):
            continue
        said = words.plural(fit.experiments, "experiment")
        yield _row(
            f"Lift of {gain_in_words(pair, step)}, {fit.name} alone",
            cell(lift_of_step(pair, fit.slope)),
            said,
        )


def _row(name: str, value: Cell, says: str) -> tuple[Cell, ...]:
    return (Cell(text=name), value, Cell(text=says))


def _experiments(index: Index, pair: PairFit | None, limits: Limits) -> Fold:
    """One table for all that is known of each experiment among the others."""
    portfolio = index.results.portfolio
    typical = _typical_of(portfolio, pair)
    texts = tuple(
        text
        for text in (typical.sentence if typical else "", pair.over_time_sentence if pair else "")
        if text
    )
    table = _experiments_table(index, pair, typical, limits) if typical and typical.shrunk else None
    return Fold(
        title="Every experiment beside the others",
        note="pulled in, over time, and left out",
        texts=texts,
        tables=(table,) if table else (),
    )


def _typical_of(portfolio: Portfolio, pair: PairFit | None) -> TypicalLift | None:
    wanted = pair.business_metric if pair else None
    return next((t for t in portfolio.typical if wanted in (None, t.business_metric)), None)


def _experiments_table(index: Index, pair: PairFit | None, typical: TypicalLift, limits: Limits) -> Table:
    months = {found.experiment: found for found in pair.over_time} if pair else {}
    without = {found.name: found for found in pair.leave_one_out} if pair else {}
    rows = sorted(typical.shrunk, key=lambda row: -row.shrunk.estimate)[: limits.scorecard_rows]
    reach = reach_of([row.shrunk for row in rows])
    step = gain_in_words(pair, step_of(pair)) if pair else ""
    columns = (
        (True, Column(label="Experiment")),
        (True, Column(label="Lift", kind="number", note="as measured")),
        (True, Column(label="Lift", kind="number", note="beside the others")),
        (True, Column(label="← worse, better →", kind="bar")),
        (True, Column(label="Above zero", kind="number")),
        (months, Column(label="Off the forecast", kind="number", note="standard errors")),
        (without, Column(label="Line without it", kind="number", note=f"lift of {step}")),
    )  # fmt: skip
    return Table(
        key="beside",
        caption=f"{words.label(typical.business_metric)}: every experiment beside the others",
        columns=tuple(column for wanted, column in columns if wanted),
        groups=(
            Group(
                title="",
                rows=tuple(_experiment_row(index, pair, row, reach, months, without, limits) for row in rows),
            ),
        ),
        note=joined(
            "Beside the others: pulled towards the typical lift, by as much as the result owes to noise.",
            "Type M: how many times too large a significant result is on average; type S: chance of the wrong sign.",
            "Off the forecast: against the line of all experiments that started before." if months else "",
            left_out(len(rows), len(typical.shrunk), "results"),
        ),
    )


def _experiment_row(
    index: Index,
    pair: PairFit | None,
    row: ShrunkLift,
    reach: float,
    months: dict[str, RollingTrust],
    without: dict[str, Refitted],
    limits: Limits,
) -> tuple[Cell, ...]:
    shrunk = row.shrunk
    tone: Tone = "good" if shrunk.low > 0.0 else "bad" if shrunk.high < 0.0 else "unsure"
    known = row.experiment in index.number
    left = without.get(row.experiment)
    cells = (
        (
            True,
            Cell(
                text=row.experiment,
                tag=index.label(row.experiment, row.treatment) if known else "",
                link=index.anchor(row.experiment, limits.sections),
            ),
        ),
        (True, cell(numbers.lift(row.raw), sub=_exaggeration(row))),
        (True, cell(numbers.lift(shrunk))),
        (True, Cell(bar=bar_of(shrunk, reach=reach, band=None, tone=tone))),
        (True, Cell(text=words.percent(row.probability_positive, decimals=0))),
        (months, _month(months.get(row.experiment))),
        (without, cell(lift_of_step(pair, left.slope) if pair and left else numbers.missing())),
    )
    return tuple(found for wanted, found in cells if wanted)


def _exaggeration(row: ShrunkLift) -> str:
    """What significance would do to such a result."""
    times = "" if row.type_m is None else f"type M {words.plain(row.type_m, decimals=1)}"
    wrong = "" if row.type_s is None else f"type S {words.percent(row.type_s, decimals=0)}"
    return joined(times, wrong, by=", ")


def _month(found: RollingTrust | None) -> Cell:
    if found is None:
        return cell(numbers.missing())
    return Cell(
        text=words.signed(found.residual, decimals=1),
        mark=_WARNING if found.warning else None,
        sub=found.start[:10],
    )


def _surrogacies(portfolio: Portfolio) -> list[Surrogacy]:
    return [pair.surrogacy for pair in portfolio.pairs if pair.surrogacy]


def _surrogacy_tables(portfolio: Portfolio) -> tuple[Table, ...]:
    found = _surrogacies(portfolio)
    if not found:
        return ()
    return (
        Table(
            key="surrogacy",
            caption="Two associations of a quick metric with the business",
            columns=(
                Column(label="Metric"),
                Column(label="Correlation", kind="number", note="over units"),
                Column(label="Correlation", kind="number", note="over experiments"),
                Column(label="Slope", kind="number", note="over units"),
                Column(label="Slope", kind="number", note="over experiments"),
            ),
            groups=(Group(title="", rows=tuple(_surrogacy_row(row) for row in found)),),
        ),
    )


def _surrogacy_row(row: Surrogacy) -> tuple[Cell, ...]:
    units = "" if row.units is None else f", {words.plural(row.units, 'unit')}"
    return (
        Cell(text=words.label(row.predictor), sub=f"for {words.label(row.business_metric)}{units}"),
        cell(correlation(row.individual_correlation)),
        cell(correlation(row.experiment_correlation)),
        cell(numbers.plain(row.individual_slope)),
        cell(numbers.plain(row.experiment_slope)),
    )
