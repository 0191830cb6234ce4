"""Rules for where rows come from: which sources go together, and which columns each has to map."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from abgap.records.moments import FLOAT_COLUMNS, KEYS, LIST_COLUMNS
from abgap.study.flaws import BASES, Draft, Flaw, nearest, suggestion
from abgap.study.model import ExperimentsFile, Source
from abgap.study.toml import Loc


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """What the columns of a source stand for.

    required: has to be mapped. own_names: a role that is not mapped is read from the column of that name.
    takes_more: other mapped columns are new columns of the table, to be used by name.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    own_names: bool = False
    takes_more: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """All roles a column may have."""
        return self.required + self.optional

    def misspelt(self, columns: Collection[str]) -> dict[str, str]:
        """Columns that are no role, with the required and missing role that each surely stands for."""
        missing = [role for role in self.required if role not in columns and not self.own_names]
        unknown = [column for column in columns if column not in self.known]
        return {column: role for column in unknown if (role := nearest(column, missing)) is not None}


BOX = ("x_min", "y_min", "x_max", "y_max")
_MOMENTS_REQUIRED = ("experiment", "variant", "metric", "n")
ROLES: Mapping[str, Roles] = {
    "exposures": Roles(required=("experiment", "unit", "variant"), optional=("at",)),
    "facts": Roles(required=("unit",), optional=("at",), takes_more=True),
    "units": Roles(required=("unit",), optional=("cluster",), takes_more=True),
    "unit_values": Roles(required=("experiment", "variant"), optional=("unit", "at", "cluster")),
    "moments": Roles(
        required=_MOMENTS_REQUIRED,
        optional=tuple(
            name for name in (*KEYS, *FLOAT_COLUMNS, "sum", *LIST_COLUMNS) if name not in _MOMENTS_REQUIRED
        ),
        own_names=True,
    ),
    "experiments": Roles(required=("experiment", "control"), optional=("split", "start", "end")),
    "scores": Roles(required=("model", "metric", "value"), optional=("query", "n", "se", "split", "at")),
    "rankings": Roles(
        required=("model", "query", "item"), optional=("score", "rank", "position", "propensity", "split")
    ),
    "judgements": Roles(required=("query", "item", "relevance"), optional=("label",)),
    "queries": Roles(required=("query",), optional=("unit",)),
    "items": Roles(required=("item",), optional=("price", "category", "popularity")),
    "logged": Roles(
        required=("action", "reward"), optional=("propensity", "request", "context", "position", "logger")
    ),
    "shadow": Roles(required=("request", "model", "latency_ms"), optional=("cost", "error")),
    "policies": Roles(required=("policy", "action"), optional=("context", "position", "probability")),
    "predictions": Roles(
        required=("model", "example"),
        optional=(
            "y_true",
            "y_score",
            "y_pred",
            "split",
            "series",
            "at",
            "class",
            *BOX,
            "intersection",
            "union",
            "true_pixels",
            "pixels",
        ),
    ),
    "training": Roles(required=("at", "y"), optional=("series",)),
    "annotations": Roles(required=("example", *BOX), optional=("class",)),
    "trained_on": Roles(required=("example",), optional=("model",)),
    "portfolio.effects": Roles(
        required=("experiment", "metric", "effect"),
        optional=("treatment", "standard_error", "start", "tag"),
    ),
    "live.predictions": Roles(
        required=("unit", "at", "model", "example"), optional=("y_score", "y_pred", "offline_score")
    ),
    "live.rankings": Roles(
        required=("unit", "at", "model", "query", "item"), optional=("score", "rank", "offline_score")
    ),
}


def declared_sources(draft: Draft) -> Iterator[tuple[Loc, Source]]:
    """Every source of the study with its place, in the order of the model."""
    study = draft.study
    single = {"exposures": study.exposures, "units": study.units, "unit_values": study.unit_values}
    yield from (((key,), source) for key, source in single.items() if source is not None)
    yield from ((("facts", name), source) for name, source in study.facts.items())
    if study.moments is not None:
        yield ("moments",), study.moments
    if isinstance(study.experiments, ExperimentsFile):
        yield ("experiments",), study.experiments
    for key in type(study.offline).model_fields:
        source = getattr(study.offline, key)
        if isinstance(source, Source):
            yield ("offline", key), source
    for key in type(study.live).model_fields:
        source = getattr(study.live, key)
        if isinstance(source, Source):
            yield ("live", key), source
    if study.portfolio.effects is not None:
        yield ("portfolio", "effects"), study.portfolio.effects


def _roles(loc: Loc) -> Roles | None:
    """The roles of the source at a place; None for those this version does not read."""
    if loc[0] in {"live", "portfolio"}:
        return ROLES.get(f"{loc[0]}.{loc[1]}")
    return ROLES.get(str(loc[1] if loc[0] == "offline" else loc[0]))


def one_base(draft: Draft) -> Iterator[Flaw]:
    """Units come from exactly one of exposures, unit values and moments."""
    declared = [base for base in BASES if draft.declares(base)]
    if not declared and not draft.is_offline_only and not draft.has_effects_alone:
        hint = (
            "add [exposures] (with [facts]) for logs, [unit_values] for one table with a row per unit, "
            "or [moments] for aggregates; a study of models alone needs [offline] and nothing else"
        )
        yield Flaw((), "nothing says where the units of the experiments come from", hint)
    for other in declared[1:]:
        yield Flaw(
            (other,),
            f"cannot stand beside [{declared[0]}]: both say where units come from",
            "keep one of them",
        )


_COMPANION_HINTS = {
    ("facts", "unit_values"): "outcomes are columns of [unit_values] there; for event logs, use [exposures]",
    ("facts", "moments"): "moments are aggregated already; for event logs, use [exposures]",
    ("units", "unit_values"): "covariates are columns of [unit_values] there; remove [units]",
    ("units", "moments"): "moments are aggregated already; remove [units]",
}


def companions_of_the_base(draft: Draft) -> Iterator[Flaw]:
    """Facts and units go with exposures only."""
    base = draft.base
    for key in ("facts", "units"):
        if base is not None and draft.declares(key) and (key, base) in _COMPANION_HINTS:
            yield Flaw((key,), f"cannot stand beside [{base}]", _COMPANION_HINTS[key, base])


def one_place_to_read_from(draft: Draft) -> Iterator[Flaw]:
    """A source is read from files, or from one query."""
    for loc, _ in declared_sources(draft):
        places = [key for key in ("path", "query", "query_file") if draft.declares(*loc, key)]
        if not places:
            yield Flaw(loc, "does not say where its rows are", "give it one of path, query and query_file")
        elif len(places) > 1:
            yield Flaw(
                loc, f"says more than once where its rows are ({', '.join(places)})", "keep one of them"
            )


def format_goes_with_files(draft: Draft) -> Iterator[Flaw]:
    """A query has no file format."""
    for loc, source in declared_sources(draft):
        if source.format is not None and (source.query is not None or source.query_file is not None):
            yield Flaw((*loc, "format"), "is for files, but the rows come from a query", "remove it")


_TREC = ("rankings", "judgements")


def trec_is_for_rankings(draft: Draft) -> Iterator[Flaw]:
    """TREC has a form for runs and one for judgements, and for nothing else."""
    for loc, source in declared_sources(draft):
        if source.format == "trec" and (loc[0] != "offline" or loc[1] not in _TREC):
            message = 'format = "trec" is for [offline.rankings] and [offline.judgements]'
            yield Flaw((*loc, "format"), message, "use parquet, csv or json")


def columns_are_mapped(draft: Draft) -> Iterator[Flaw]:
    """Every column that a source cannot do without is mapped."""
    for loc, source in declared_sources(draft):
        roles = _roles(loc)
        if roles is None or roles.own_names or source.format == "trec":
            continue
        misspelt = roles.misspelt(source.columns).values()
        for role in roles.required:
            if role not in source.columns and role not in misspelt:
                hint = f'map it: columns = {{ {role} = "name of your column", ... }}'
                yield Flaw((*loc, "columns", role), "is required", hint)


def columns_are_known(draft: Draft) -> Iterator[Flaw]:
    """A mapped column has a role; only facts and units take more, as new columns."""
    for loc, source in declared_sources(draft):
        roles = _roles(loc)
        if roles is None:
            continue
        misspelt = roles.misspelt(source.columns)
        for role in source.columns:
            if role in misspelt or (role not in roles.known and not roles.takes_more):
                hint = suggestion(role, [misspelt[role]] if role in misspelt else roles.known)
                yield Flaw((*loc, "columns", role), "unknown column role", hint)
