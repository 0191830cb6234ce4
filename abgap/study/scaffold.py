"""A first study file, written from what ``abgap init`` saw in the files it was given.

The text loads and runs as it is. Every line that was guessed says so, with what to check; the control is the
one thing that is never guessed. Names out of data can be any text, so all of them go through ``toml.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from abgap.errors import UsageError
from abgap.study.guessed_metrics import MONEY, MetricGuess, column_metrics, event_metrics
from abgap.study.guessed_offline import models_seen, offline_section
from abgap.study.guesses import (
    OFFLINE,
    TableGuess,
    Use,
    choose_control,
    guess,
    pre_period_name,
    slug,
)
from abgap.study.placed_recipes import PlacedRecipe, placed
from abgap.study.profiles import ColumnProfile, ColumnType, TableProfile
from abgap.study.recipe_terms import Tables
from abgap.study.recipes import Recipe
from abgap.study.rules.names import OWN_COLUMNS, OWN_SUMS, OWN_TABLES
from abgap.study.toml import quoted, toml_comment, toml_key, toml_string

__all__ = ["ColumnProfile", "ColumnType", "FirstStudy", "TableProfile", "first_study", "write_study"]

_HEAD = """\
# A first study, written by `abgap init` from the files it was given.
# What is marked "guess" was read off names and values: check each of them.
# docs/study.md explains every key; `abgap check` checks the data, `abgap report` writes the report."""

_NO_METRICS = """\
# No outcome was found. Declare a table of [facts], and metrics over it such as:
# [metrics.conversion]
# kind = "proportion"
# fact = "events"
# where = "event = 'purchase'\""""

_MOST_EXPERIMENTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStudy:
    """The text of a study file, commented. missing: a sentence for each recipe that found no place in it."""

    text: str
    missing: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Layout:
    """Which table becomes which part of the study."""

    base: TableGuess
    facts: dict[str, TableGuess] = field(default_factory=dict)
    units: TableGuess | None = None
    offline: dict[Use, TableGuess] = field(default_factory=dict)
    unused: list[TableProfile] = field(default_factory=list)

    @property
    def scores(self) -> TableGuess | None:
        """The ready-made scores of models."""
        return self.offline.get(Use.SCORES)

    @property
    def has_events(self) -> bool:
        """Whether the study is made of exposures and facts, rather than of one row per unit."""
        return bool(self.facts) or not self.base.outcomes

    @property
    def experiment_name(self) -> str:
        """What the experiment is called when no column says it."""
        return self.base.table.title or "experiment"


def write_study(tables: Sequence[TableProfile], *, control: str | None = None) -> str:
    """The text of a study file for ``tables``: see ``first_study``."""
    return first_study(tables, control=control).text


def first_study(
    tables: Sequence[TableProfile], *, control: str | None = None, recipes: Sequence[Recipe] = ()
) -> FirstStudy:
    """A study file for ``tables``, commented.

    control: the variant to compare against; needed when no single variant has a telling name. recipes: the metrics to
    begin with. Raises UsageError when a control is needed and not given, or when no table has variants.
    """
    guesses = _of_use([guess(table) for table in tables])
    no_variants = not any(g.use is Use.VARIANTS for g in guesses)
    if no_variants and not recipes and any(g.use in OFFLINE for g in guesses):
        return FirstStudy(text=_study_of_models(guesses))
    layout = _lay_out(guesses)
    chosen = choose_control(layout.base.roles["variant"], control)
    slices = _slices(layout)
    cooked = _cooked(layout, slices, recipes)
    unplaced = [metric for metric in cooked if metric.missing]
    metrics = _metrics(layout, slices, [metric for metric in cooked if not metric.missing])
    primary = next((metric for metric in metrics if metric.decides), None)
    if layout.units is not None and not any(metric.covariate for metric in metrics):
        layout.unused.append(layout.units.table)
        layout.units = None
    sections = [
        [_HEAD],
        _study_section(layout, metrics),
        *_source_sections(layout, slices),
        *_experiment_sections(layout, chosen, named=control is not None),
        *([metric.lines(primary=metric is primary) for metric in metrics] or [[_NO_METRICS]]),
        *(metric.lines(primary=False) for metric in unplaced),
        *_offline_sections(layout, metrics if primary is None else [primary]),
        [toml_comment(f"# not used: {quoted(table.path)}") for table in layout.unused],
    ]
    text = "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"
    return FirstStudy(text=text, missing=tuple(metric.missing for metric in unplaced))


def _of_use(guesses: Sequence[TableGuess]) -> list[TableGuess]:
    """The guesses; rankings that nobody judged, and judgements of nothing that is ranked, are of no use."""
    pair = {Use.RANKINGS, Use.JUDGEMENTS}
    if len(pair & {found.use for found in guesses}) != 1:
        return list(guesses)
    return [replace(found, use=Use.UNKNOWN) if found.use in pair else found for found in guesses]


def _study_of_models(guesses: Sequence[TableGuess]) -> str:
    """A study without experiments: nothing but results of offline evaluation was given."""
    offline: dict[Use, TableGuess] = {}
    unused = []
    for found in guesses:
        if found.use in OFFLINE and found.use not in offline:
            offline[found.use] = found
        else:
            unused.append(toml_comment(f"# not used: {quoted(found.table.path)}"))
    title = next(iter(offline.values())).table.title or "Study"
    models = models_seen(list(offline.values()))
    example = toml_string(models[0]) if models else '"..."'
    production = toml_comment(
        f"# production = {example}   # the model that is live; every other is held against it"
    )
    sections = [
        [_HEAD],
        ["[study]", f"name = {toml_string(title)}"],
        ["[offline]", production],
        *(offline_section(use.value, found) for use, found in offline.items()),
        unused,
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _lay_out(guesses: Sequence[TableGuess]) -> _Layout:
    """Choose the table that holds the variants, and what the others are beside it."""
    bases = [g for g in guesses if g.use is Use.VARIANTS and ("unit" in g.roles or g.outcomes)]
    if not bases:
        raise _nothing_to_compare(guesses)
    base = min(bases, key=lambda g: ("experiment" not in g.roles, "unit" not in g.roles))
    layout = _Layout(base=base)
    for other in guesses:
        if other is not base:
            _place(layout, other)
    is_log = base.units_repeat and "experiment" not in base.roles
    if not layout.facts and is_log and (base.outcomes or "event" in base.roles):
        layout.facts["events" if "event" in base.roles else "outcomes"] = base
    if layout.units is not None and not layout.has_events:
        layout.unused.append(layout.units.table)
        layout.units = None
    return layout


def _nothing_to_compare(guesses: Sequence[TableGuess]) -> UsageError:
    seen = "; ".join(
        f"{quoted(g.table.path)} has {', '.join(quoted(column.name) for column in g.table.columns[:12])}"
        for g in guesses
    )
    return UsageError(
        f"no file says which unit saw which variant (in a column such as variant, group or arm): {seen}",
        hint="give the file that says it, or write the study by hand: docs/study.md",
    )


def _place(layout: _Layout, other: TableGuess) -> None:
    """Give a table that is not the base its part in the study."""
    if other.use is Use.FACT and "unit" in layout.base.roles:
        name = slug(other.table.title, {*layout.facts, *OWN_TABLES}, fallback="facts")
        layout.facts[name] = other
    elif other.use is Use.UNITS and layout.units is None:
        layout.units = other
    elif other.use in OFFLINE and other.use not in layout.offline:
        layout.offline[other.use] = other
    else:
        layout.unused.append(other.table)


def _slices(layout: _Layout) -> tuple[str, ...]:
    """The names of the columns to break down by, without those abgap needs itself."""
    taken = {*OWN_COLUMNS, *OWN_SUMS}
    names = []
    for column in layout.base.slices:
        if column.name.casefold() not in taken:
            taken.add(column.name.casefold())
            names.append(column.name)
    return tuple(names)


def _taken(slices: Sequence[str]) -> set[str]:
    """Names that no metric may have."""
    return {*OWN_COLUMNS, *(name.casefold() for name in slices)}


def _cooked(layout: _Layout, slices: Sequence[str], recipes: Sequence[Recipe]) -> list[PlacedRecipe]:
    """The recipes on the tables of the study."""
    units = None if layout.has_events else layout.base
    tables = Tables(facts=layout.facts, units=units, timed="at" in layout.base.roles)
    taken = _taken(slices)
    return [placed(recipe, tables, taken) for recipe in recipes]


def _metrics(
    layout: _Layout, slices: Sequence[str], cooked: Sequence[PlacedRecipe]
) -> list[PlacedRecipe | MetricGuess]:
    """The metrics of recipes, then those that outcomes or events allow; the first that may decide is primary."""
    taken = _taken(slices) | {metric.name for metric in cooked}
    found: list[MetricGuess] = []
    for name, fact in layout.facts.items():
        found += event_metrics(fact, fact=name, taken=taken)
    if not layout.has_events:
        found = column_metrics(layout.base, fact=None, taken=taken)
    pre_period = layout.units if layout.has_events else layout.base
    twins = {twin: c.name for c in pre_period.others if (twin := pre_period_name(c))} if pre_period else {}
    for metric in found:
        money = next((name for twin, name in twins.items() if twin in MONEY), None)
        metric.covariate = twins.get(metric.measures, money if metric.money else None)
    own = [metric for metric in found if not any(one.computes(metric.keys) for one in cooked)]
    return [*cooked, *sorted(own, key=lambda metric: metric.rank)]


def _study_section(layout: _Layout, metrics: Sequence[PlacedRecipe | MetricGuess]) -> list[str]:
    lines = ["[study]", f"name = {toml_string(layout.base.table.title or 'Study')}"]
    if any(metric.money for metric in metrics):
        lines.append('# currency = "EUR"   # of the metrics that are money')
    if "at" in layout.base.roles:
        lines.append('timezone = "UTC"   # guess: of timestamps that have no zone')
    return lines


def _source_sections(layout: _Layout, slices: Sequence[str]) -> list[list[str]]:
    sections = [_base_section(layout, slices)]
    for name, fact in layout.facts.items():
        columns = _mapping(fact, "unit", "at")
        sections.append(_source(f"facts.{toml_key(name)}", fact.table.path, "what units did", columns))
    if layout.units is not None:
        columns = _mapping(layout.units, "unit")
        sections.append(_source("units", layout.units.table.path, "known before the experiment", columns))
    return sections


def _base_section(layout: _Layout, slices: Sequence[str]) -> list[str]:
    """The table with the variants; without an experiment column its experiment is a constant."""
    base = layout.base
    constant = {"experiment": f"{{ value = {toml_string(layout.experiment_name)} }}"}
    columns = constant | _mapping(base, "experiment", "unit", "variant", "at")
    if layout.has_events:
        section = _source("exposures", base.table.path, "who saw which variant", columns)
    else:
        every_row = "" if "unit" in base.roles else "; no column names the unit, so every row is one"
        what = f"one row per unit, with its outcomes{every_row}"
        section = _source("unit_values", base.table.path, what, columns)
    if slices:
        listed = ", ".join(toml_string(name) for name in slices)
        section.append(f"slices = [{listed}]   # guess: known before the variant could change them")
    if layout.has_events and base not in layout.facts.values() and base.outcomes:
        unread = ", ".join(quoted(column.name) for column in base.outcomes)
        section.append(toml_comment(f"# not used: {unread}"))
    return section


def _mapping(table: TableGuess, *roles: str) -> dict[str, str]:
    """The column mapping of a table, as TOML."""
    return {role: toml_string(table.roles[role].name) for role in roles if role in table.roles}


def _source(key: str, path: str, what: str, columns: Mapping[str, str]) -> list[str]:
    mapping = ", ".join(f"{role} = {text}" for role, text in columns.items())
    return [
        f"[{key}]   # guess: {what}",
        f"path = {toml_string(path)}",
        f"columns = {{ {mapping} }}   # guess: the role of each column",
    ]


def _experiment_sections(layout: _Layout, control: str, *, named: bool) -> list[list[str]]:
    column = layout.base.roles.get("experiment")
    names = [layout.experiment_name]
    if column is not None:
        names = [name for name in column.examples if name][:_MOST_EXPERIMENTS]
        if not names:
            raise UsageError(
                f"the experiment column {quoted(column.name)} names no experiment",
                hint="give a file that names them",
            )
    why = "as given with --control" if named else "guess by its name: every difference is against it"
    declared = f"control = {toml_string(control)}   # {why}"
    served = _served_models(layout)
    sections = [[f"[experiments.{toml_key(name)}]", declared, *served] for name in names]
    sections[0] += _experiment_comments(layout)
    if column is not None and (column.distinct is None or column.distinct > len(names)):
        more = f"# {quoted(column.name)} holds more experiments: add them, or use [experiments] with a path"
        sections[-1].append(toml_comment(more))
    return sections


def _experiment_comments(layout: _Layout) -> list[str]:
    """What else is worth declaring, to be filled in."""
    at = layout.base.roles.get("at")
    seen = f"; first seen: {at.minimum}" if at is not None and at.minimum is not None else ""
    lines = [
        toml_comment(f"# start = 2026-03-02   # the first day that counts{seen}"),
        "# end = 2026-03-30   # the first day that counts no more",
        '# split = "equal"   # the planned split, for the sample-ratio check',
    ]
    if layout.scores is not None and not _served_models(layout):
        pairs = zip(
            layout.base.roles["variant"].examples, layout.scores.roles["model"].examples, strict=False
        )
        models = ", ".join(f"{toml_key(variant)} = {toml_string(model)}" for variant, model in pairs)
        lines.append(toml_comment(f"# models = {{ {models} }}   # which model each variant served: fill in"))
    return lines


def _served_models(layout: _Layout) -> list[str]:
    """Which model each variant served, when the models are called like the variants."""
    variants = layout.base.roles["variant"].examples
    models = layout.scores.roles["model"].examples if layout.scores is not None else ()
    if not variants or not all(variants) or not set(variants) <= set(models):
        return []
    pairs = ", ".join(f"{toml_key(name)} = {toml_string(name)}" for name in variants)
    return [f"models = {{ {pairs} }}   # guess: models are called like the variants they serve"]


def _offline_sections(layout: _Layout, metrics: Sequence[PlacedRecipe | MetricGuess]) -> list[list[str]]:
    sections = [offline_section(use.value, found) for use, found in layout.offline.items()]
    scores = layout.scores
    if scores is None:
        return sections
    names = [toml_string(name) for name in scores.roles["metric"].examples if name]
    if names and metrics:
        sections.append(
            [
                "[gap]",
                f"offline = [{', '.join(names)}]   # guess: the first one makes the headline",
                f"business = [{toml_string(metrics[0].name)}]   # guess: what an offline gain should move",
            ]
        )
    return sections
