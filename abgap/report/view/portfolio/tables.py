"""Which metric to trust, what each launch rule earned, and how every pair of metrics came out."""

from __future__ import annotations

from collections.abc import Sequence

from abgap.gap.portfolio.steps import gain_in_words, slope_of, step_of, worth_in_words
from abgap.records import Estimable, Interval, Portfolio, words
from abgap.records.portfolio import DecisionRule, PairFit, PredictorSide, Trust
from abgap.report import numbers
from abgap.report.marks import Mark
from abgap.report.view.cells import bar_of, cell, joined, reach_of
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Group, Table
from abgap.report.view.portfolio.terms import correlation, lift_of_step

_SIDES = {PredictorSide.OFFLINE: "offline metric", PredictorSide.PROXY: "quick online metric"}
_UNKNOWN = Mark(tone="unsure", sign="–", word="cannot be told")
_SHOWS_AS_ZERO = 0.005


def trust_tables(portfolio: Portfolio, limits: Limits) -> tuple[Table, ...]:
    """Predictors by how well they stand in for a business metric, best first; that of the first pair first."""
    names = [pair.business_metric for pair in portfolio.pairs[:1]]
    names += [row.business_metric for row in portfolio.metric_trust]
    found = (
        _trust_table([row for row in portfolio.metric_trust if row.business_metric == name], place, limits)
        for place, name in enumerate(dict.fromkeys(names))
    )
    return tuple(table for table in found if table)


def _trust_table(of_metric: Sequence[Trust], place: int, limits: Limits) -> Table | None:
    told = [row for row in of_metric if row.side is not None or isinstance(row.quality, Interval)]
    rows = told[: limits.rows]
    if not any(isinstance(row.quality, Interval) for row in rows):
        return None
    reviewed = any(row.review_by for row in rows)
    columns = (
        (True, Column(label="Metric")),
        (True, Column(label="Trust", kind="number")),
        (True, Column(label="← misleads, tells →", kind="bar")),
        (True, Column(label="Reading", kind="mark")),
        (True, Column(label="Sees moves", kind="number")),
        (True, Column(label="Wrong way", kind="number")),
        (reviewed, Column(label="Look again", kind="number")),
    )
    return Table(
        key=f"trust{place}",
        caption=f"Which metric to trust, as a stand-in for {words.label(rows[0].business_metric)}",
        columns=tuple(column for wanted, column in columns if wanted),
        groups=(Group(title="", rows=tuple(_trust_row(row, reviewed=reviewed) for row in rows)),),
        note=joined(
            "Trust: correlation of the metric, as a test of the usual size measures it, with the true lift; "
            "1 is perfect, 0 is none.",
            "Sees moves: share of the moves of the business that the metric showed too; wrong way: with a wrong sign.",
            _blended(rows),
            *_reviews(rows),
            *(row.sentence for row in of_metric if row not in told),
            left_out(len(rows), len(told), "metrics"),
        ),
        stacked=True,
    )


def _blended(rows: Sequence[Trust]) -> str:
    """What a blend is, and by how much the experiments that it was fitted to flatter it."""
    blend = next((row for row in rows if row.weights), None)
    if blend is None:
        return ""
    flattered = "" if blend.apparent is None else f" (on its own: {words.plain(blend.apparent, decimals=2)})"
    return (
        "Blend: the best mix of metrics, weights per standard deviation of true gains, judged on experiments that it "
        f"was not fitted to{flattered}; it has no test of its own whose moves could be counted."
    )


def _reviews(rows: Sequence[Trust]) -> list[str]:
    """Why to look again at a metric, once for all that have the reason in common."""
    named: dict[str, list[str]] = {}
    for row in rows:
        if row.review_by and row.review_reason:
            named.setdefault(row.review_reason.strip().rstrip("."), []).append(words.label(row.predictor))
    return [f"Look again at {words.listed(list(dict.fromkeys(who)))}: {why}." for why, who in named.items()]


def _trust_row(row: Trust, *, reviewed: bool) -> tuple[Cell, ...]:
    mark = trust_mark(row.quality)
    quality = row.quality if isinstance(row.quality, Interval) else None
    trust = correlation(row.quality)
    exact = correlation(row.correlation).text if isinstance(row.correlation, Interval) else trust.text
    cells = (
        Cell(
            text=words.label(row.predictor),
            tag="" if row.rank is None else words.count(row.rank),
            tone=mark.tone,
            sub=_weights(row) if row.weights else _SIDES[row.side] if row.side else "",
        ),
        cell(trust, sub="" if exact == trust.text else f"measured exactly: {exact}"),
        Cell(bar=bar_of(quality, reach=1.0, band=None, tone=mark.tone)),
        Cell(mark=mark, sub=words.plural(row.experiments, "experiment")),
        _counted(row, row.sensitivity),
        _counted(row, row.wrong_direction),
        Cell(text=row.review_by or numbers.NOTHING),
    )
    return cells if reviewed else cells[:-1]


def _counted(row: Trust, share: Estimable) -> Cell:
    """A share of moves; a blend has no test of its own, which the note says once."""
    return Cell(text=numbers.NOTHING) if row.weights else cell(numbers.share(share))


def _weights(row: Trust) -> str:
    """``0.80 NDCG@10, 0.20 MRR@10``; what has no weight is not named."""
    return ", ".join(
        f"{words.plain(weight, decimals=2)} {words.label(name)}"
        for name, weight in (row.weights or {}).items()
        if weight >= _SHOWS_AS_ZERO
    )


def trust_mark(quality: Estimable) -> Mark:
    """What a quality says, and no more than its interval supports."""
    if not isinstance(quality, Interval):
        return _UNKNOWN
    if quality.low > 0.0:
        return Mark(tone="good", sign="✓", word="stands in")
    if quality.high < 0.0:
        return Mark(tone="bad", sign="↓", word="misleads")
    return Mark(tone="unsure", sign="?", word="not shown")


def rules_table(portfolio: Portfolio, currency: str | None) -> Table | None:
    """What launching by each rule earned, the best first."""
    rules = sorted(portfolio.decision_rules, key=_earned, reverse=True)
    if not rules:
        return None
    money = any(rule.money_per_year is not None for rule in rules)
    reach = reach_of([_interval(rule, money=money) for rule in rules if not _nothing(rule)])
    tested = words.plural(rules[0].experiments, "experiment")
    columns = (
        (True, Column(label="Launch rule")),
        (True, Column(label="Launches", kind="number", note=f"of {tested}")),
        (True, Column(label="Lift", kind="number", note="per experiment")),
        (money, Column(label="Money a year", kind="number")),
        (True, Column(label="← loses, earns →", kind="bar")),
        (True, Column(label="Reading", kind="mark")),
    )
    return Table(
        key="rules",
        caption=f"What launching by a rule would have earned, in {words.label(rules[0].business_metric)}",
        columns=tuple(column for wanted, column in columns if wanted),
        groups=(
            Group(title="", rows=tuple(_rule_row(rule, reach, currency, money=money) for rule in rules)),
        ),
        note=joined(
            "Each rule decides on nine tenths of the units and is paid by the tenth that it has not seen: noise is no "
            "profit.",
            "Lift counts every experiment alike, money by its traffic: the two may differ in sign. Money is at the "
            "pace of these experiments; the worth of what ships adds up the effects of single launches as measured."
            if money
            else "",
        ),
        stacked=True,
    )


def _earned(rule: DecisionRule) -> float:
    found = rule.lift if rule.money_per_year is None else rule.money_per_year
    return found.estimate if isinstance(found, Interval) else 0.0


def _interval(rule: DecisionRule, *, money: bool) -> Interval | None:
    found = rule.money_per_year if money else rule.lift
    return found if isinstance(found, Interval) else None


def _nothing(rule: DecisionRule) -> bool:
    """Whether the rule is known to earn nothing, because it never launches."""
    return isinstance(rule.lift, Interval) and rule.lift.low == rule.lift.high == 0.0


def _rule_row(rule: DecisionRule, reach: float, currency: str | None, *, money: bool) -> tuple[Cell, ...]:
    mark = _rule_mark(rule)
    zero = Cell(text="0")
    cells = (
        (True, Cell(text=rule.title)),
        (True, Cell(text=words.plain(rule.launches, decimals=0 if rule.launches == int(rule.launches) else 1))),
        (True, zero if _nothing(rule) else cell(numbers.lift(rule.lift))),
        (money, zero if _nothing(rule) else cell(numbers.money(rule.money_per_year, currency))),
        (True, Cell(bar=bar_of(_interval(rule, money=money), reach=reach, band=None, tone=mark.tone))),
        (True, Cell(mark=mark)),
    )  # fmt: skip
    return tuple(found for wanted, found in cells if wanted)


def _rule_mark(rule: DecisionRule) -> Mark:
    """What a rule's earnings say; launching nothing earns nothing, and that is known."""
    if not isinstance(rule.lift, Interval):
        return _UNKNOWN
    if _nothing(rule):
        return Mark(tone="flat", sign="=", word="nothing")
    if rule.lift.low > 0.0:
        return Mark(tone="good", sign="↑", word="earns")
    if rule.lift.high < 0.0:
        return Mark(tone="bad", sign="↓", word="loses")
    return Mark(tone="unsure", sign="?", word="not shown")


def pairs_tables(portfolio: Portfolio, limits: Limits) -> tuple[Table, ...]:
    """Every predictor against every business metric, when there is more than one pair."""
    pairs = portfolio.pairs[: limits.rows]
    if len(portfolio.pairs) < 2 or not any(isinstance(slope_of(pair), Interval) for pair in pairs):
        return ()
    table = Table(
        key="pairs-together",
        caption="Every pair of metrics, over all experiments",
        columns=(
            Column(label="Metric"),
            Column(label="Stands in for"),
            Column(label="Experiments", kind="number"),
            Column(label="Correlation", kind="number", note="noise taken out"),
            Column(label="Lift of a gain", kind="number"),
            Column(label="Worth testing", kind="number", note="from a gain of"),
            Column(label="Same way", kind="number"),
        ),
        groups=(Group(title="", rows=tuple(_pair_row(pair) for pair in pairs)),),
        note=left_out(len(pairs), len(portfolio.pairs), "pairs"),
    )
    return (table,)


def _pair_row(pair: PairFit) -> tuple[Cell, ...]:
    least, slope, agreement = worth_in_words(pair), slope_of(pair), pair.sign_agreement
    return (
        Cell(text=words.label(pair.predictor), sub=_SIDES[pair.side]),
        Cell(text=words.label(pair.business_metric)),
        cell(numbers.count(pair.experiments)),
        cell(correlation(pair.noise_corrected.correlation if pair.noise_corrected else None)),
        cell(lift_of_step(pair, slope), sub=f"for {gain_in_words(pair, step_of(pair))}" if slope else ""),
        Cell(text=least or numbers.NOTHING),
        cell(numbers.share(agreement.observed if agreement else None)),
    )
