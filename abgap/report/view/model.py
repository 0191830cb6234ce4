"""The report before it takes a form: frozen texts, tables and pictures, all words and rounding decided.

HTML, Markdown and a terminal print what stands here and decide nothing but layout. Texts are plain: names chosen by
users stand in them as they are, and each form escapes them in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from abgap.report.marks import Mark, Tone
from abgap.report.view.pictures import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """An interval drawn in a table cell; all positions in percent of the cell's width, zero at 50.

    band: the changes too small to matter, or None. cut: whether the interval reaches beyond the cell. An estimate
    beyond the cell stands at 0 or 100. dumbbell: drawn as a line from zero, the baseline, with the interval behind it.
    """

    low: float
    at: float
    high: float
    band: tuple[float, float] | None
    tone: Tone
    cut_low: bool
    cut_high: bool
    dumbbell: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell. range: an interval beside the text. why: reason for a dash. sub: a second, quieter line.

    tag: a small number before the text. link: anchor in the report, without ``#``. muted: without colour, because
    nothing follows from it.
    """

    text: str = ""
    range: str = ""
    why: str = ""
    sub: str = ""
    tag: str = ""
    tone: Tone | None = None
    mark: Mark | None = None
    bar: Bar | None = None
    link: str = ""
    muted: bool = False


ColumnKind: TypeAlias = Literal["text", "number", "bar", "code", "mark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The head of a column. note: a quieter addition such as the unit."""

    label: str
    kind: ColumnKind = "text"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows under a common heading; an empty title shows none. The first cell of a row names the row."""

    title: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table. key: unique in the report. note: what a reader must know to read it, below it.

    stacked: whether its rows become cards where there is no room for columns.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    note: str = ""
    stacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture with its caption. alt: the same in words, for those who do not see it."""

    key: str
    title: str
    caption: str
    alt: str
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A label with its value, in a list of facts."""

    label: str
    value: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyRow:
    """One verdict, how often it was given, and to which results (label, anchor)."""

    mark: Mark
    count: str
    share: float
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The picture of the first screen: every result in the row of its verdict."""

    caption: str
    rows: tuple[TallyRow, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What the decisions are worth. beside: what does not belong to the sum."""

    label: str
    amount: Cell
    assumption: str
    beside: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do next. link: anchor of the experiment it is about."""

    mark: Mark
    experiment: str
    link: str
    text: str
    stake: str
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The first screen. money: None where no experiment is judged. trust: the data checks in a sentence."""

    study: str
    scope: str
    verdict: str
    detail: str
    money: Money | None
    tally: Tally
    actions: tuple[Action, ...]
    trust: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A count in one of the nine cells. weight: how it compares with the others."""

    text: str
    weight: Literal["zero", "some", "most"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NineCellsView:
    """Offline sign (rows, gain first) by business sign (columns, loss first)."""

    key: str
    caption: str
    row_labels: tuple[str, str, str]
    column_labels: tuple[str, str, str]
    counts: tuple[tuple[Count, ...], ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All experiments side by side."""

    table: Table
    scatters: tuple[Figure, ...]
    forest: Figure | None
    nine_cells: tuple[NineCellsView, ...]
    refusals: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A picture and the same numbers in a table, one thing said in two ways."""

    title: str
    figure: Figure | None
    table: Table
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What is folded away below a section: words, then tables, then nine cells. note: beside its title."""

    title: str
    note: str
    texts: tuple[str, ...]
    tables: tuple[Table, ...]
    cells: tuple[NineCellsView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioView:
    """All experiments together: a question, three sentences, a picture, two tables, and the rest in folds.

    scope: what the answer rests on. remarks: what cannot be said, and what to know.
    """

    title: str
    scope: str
    sentences: tuple[str, ...]
    facts: tuple[Fact, ...]
    picture: Figure | None
    trust: Table | None
    rules: Table | None
    folds: tuple[Fold, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of the offline gain in one arm; no mark where no offline metric is held against it."""

    mark: Mark | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonView:
    """A supported reason. explains: of the missing lift, with its interval; empty where it has no amount.

    sql: the query behind it, with its link.
    """

    title: str
    explains: Cell
    sentence: str
    evidence: tuple[Fact, ...]
    next_action: str
    sql: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a gain got lost in one arm. title: the arm, where there are several. sentence: what is missing, mainly why.

    others: the reasons that explain nothing, a line each kind. budget: None where there is nothing to draw.
    """

    title: str
    sentence: str
    reasons: tuple[ReasonView, ...]
    others: tuple[str, ...]
    budget: Panel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentView:
    """The section of one experiment.

    trusted: False when a blocking check failed, then ``alarms`` says which. verdicts: the headline first, then
    the other arms. notes: what belongs to the facts and is no number. checks: those that did not pass.
    """

    anchor: str
    tag: str
    tone: Tone
    name: str
    scope: str
    models: str
    hypothesis: str
    trusted: bool
    alarms: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    decision: Mark
    decision_reason: str
    next_action: str
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]
    whys: tuple[Why, ...]
    comparisons: Table | None
    scorecards: tuple[Table, ...]
    funnels: tuple[Panel, ...]
    cumulative: tuple[Panel, ...]
    slices: tuple[Table, ...]
    checks: Table | None
    checks_passed: str
    checks_title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One method, or one limit, in words."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryView:
    """One statement with its fold. label: the name, numbered when several statements have it."""

    anchor: str
    name: str
    label: str
    purpose: str
    sha256: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """The whole report, top to bottom. *_left_out: how many did not fit, and where to find them."""

    title: str
    opening: Opening
    portfolio: PortfolioView | None
    overview: Overview | None
    experiments: tuple[ExperimentView, ...]
    experiments_left_out: str
    offline: Table | None
    offline_remarks: tuple[str, ...]
    offline_slices: Table | None
    offline_pictures: tuple[Figure, ...]
    offline_more: tuple[Table, ...]
    models: Table | None
    quality: tuple[Table, ...]
    methods: tuple[Topic, ...]
    verdict_meanings: Table | None
    definitions: tuple[Table, ...]
    provenance: tuple[Fact, ...]
    inputs: tuple[Table, ...]
    queries: tuple[QueryView, ...]
    queries_left_out: str
