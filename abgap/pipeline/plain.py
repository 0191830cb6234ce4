"""What a stage found, as numbers and text that a file can hold, and back again.

Records become JSON with their class named, columns of numbers become arrays beside it. Only the classes listed here
can come back, made from their fields: nothing in a file can run. (Pickle would run whatever it is told to.)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

# By module: classes are imported when one of them is met, because some of these modules bring statistics.
_RECORDS: Mapping[str, tuple[str, ...]] = {
    "abgap.engine.protocol": ("Relation",),
    "abgap.offline.contest": (
        "Contest",
        "Findings",
    ),
    "abgap.offline.judged_policies": ("PolicySums",),
    "abgap.offline.live.leaks": ("FoundLeaks",),
    "abgap.offline.live.reporting": ("Findings",),
    "abgap.offline.logged": (
        "LoggedDecisions",
        "Places",
        "Problem",
    ),
    "abgap.offline.predictions.evaluate": ("EvaluatedPredictions",),
    "abgap.offline.ranking.evaluate": ("Rankings",),
    "abgap.offline.ranking.exposed": (
        "ClickSums",
        "ExposedClicks",
        "PositionCount",
    ),
    "abgap.offline.ranking.other_definitions": (
        "OtherDefinition",
        "SweepSums",
    ),
    "abgap.offline.shadow": (
        "CostSums",
        "ErrorCounts",
        "LatencyPoints",
        "ShadowRun",
    ),
    "abgap.offline.sums": (
        "Against",
        "Aggregate",
        "Buckets",
        "Evaluated",
        "Evaluation",
        "Measured",
        "RankingSums",
        "Scores",
        "TwinSums",
        "ValueSums",
    ),
    "abgap.online.activity": ("Activity",),
    "abgap.online.beside_gains": ("UnitShare",),
    "abgap.online.experiments": ("DeclaredExperiment",),
    "abgap.online.given_effects": ("GivenEffects",),
    "abgap.online.plan": (
        "MetricColumns",
        "Plan",
        "UnitPart",
        "ValueColumn",
        "Window",
    ),
    "abgap.online.resamples": ("Resamples",),
    "abgap.online.sums": ("Sums",),
    "abgap.online.wide": (
        "BelowZero",
        "Bounds",
        "FactIntake",
        "WideTable",
    ),
    "abgap.records.leaks": (
        "AgedValue",
        "Leaks",
        "Overlap",
    ),
    "abgap.records.live": (
        "LiveChange",
        "LiveDay",
        "LiveIntake",
        "LiveModel",
        "LiveSeries",
        "LiveValue",
        "ScoreDifference",
        "SkewValue",
    ),
    "abgap.records.moments": ("Moments",),
    "abgap.records.numbers": (
        "Interval",
        "NotEstimable",
    ),
    "abgap.records.offline": ("ConfusionMatrix",),
    "abgap.records.predictions": (
        "CalibrationBin",
        "PredictionCurves",
        "ThresholdPoint",
    ),
    "abgap.records.provenance": (
        "InputSource",
        "QueryText",
    ),
    "abgap.records.results": ("Check",),
    "abgap.sources.columns": ("Table",),
    "abgap.sources.sql": ("Sql",),
    "abgap.stats.off_policy": ("OffPolicySums",),
}
_VALUES: Mapping[str, tuple[str, ...]] = {
    "abgap.records.vocabulary": (
        "Aggregate",
        "Direction",
        "Kind",
        "Reason",
        "Status",
    ),
}

_AS_THEY_ARE = {str, int, bool, type(None)}


def _label(kind: type) -> str:
    """Two classes are called Aggregate: the module belongs to the name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _labels(classes: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, str]]:
    return {f"{module}.{name}": (module, name) for module, names in classes.items() for name in names}


_KNOWN_RECORDS, _KNOWN_VALUES = _labels(_RECORDS), _labels(_VALUES)


@cache
def _class(module: str, name: str) -> type[Any]:
    found: type[Any] = getattr(import_module(module), name)
    return found


def to_plain(value: object, arrays: Arrays) -> Any:
    """``value`` as JSON can hold it; columns of numbers go to ``arrays``. Raises TypeError for what is not known."""
    match value:
        case Enum():
            return {"value": [_known(_KNOWN_VALUES, value), value.value]}
        case None | bool() | int() | float() | str():
            # A number out of numpy that is a float too loses its class, and nothing else.
            return float(value) if isinstance(value, float) else value
        case np.generic():
            return to_plain(value.item(), arrays)
        case np.ndarray():
            return _column(value, arrays)
        case Path() | dt.datetime():
            return {"path": str(value)} if isinstance(value, Path) else {"at": value.isoformat()}
        case Mapping() | frozenset() | tuple() | list():
            return _collection(value, arrays)
    if is_dataclass(value) and not isinstance(value, type):
        found = {field.name: to_plain(getattr(value, field.name), arrays) for field in fields(value)}
        return {"record": [_known(_KNOWN_RECORDS, value), found]}
    raise TypeError(f"a {type(value).__name__} cannot be kept")


def _collection(value: Collection[Any], arrays: Arrays) -> Any:
    if isinstance(value, Mapping):
        return {"mapping": [[to_plain(k, arrays), to_plain(v, arrays)] for k, v in value.items()]}
    items: Iterable[Any] = sorted(value) if isinstance(value, frozenset) else value
    kind = "set" if isinstance(value, frozenset) else "tuple" if isinstance(value, tuple) else "list"
    return {kind: [to_plain(item, arrays) for item in items]}


def _known(known: Mapping[str, tuple[str, str]], value: object) -> str:
    name = _label(type(value))
    if name not in known:
        raise TypeError(f"a {name} cannot be kept")
    return name


def _column(column: npt.NDArray[Any], arrays: Arrays) -> Any:
    if column.dtype == object:
        items = column.tolist()
        if set(map(type, items)) <= _AS_THEY_ARE:
            return {"objects": items}
        return {"objects": [to_plain(item, arrays) for item in items]}
    name = f"column{len(arrays)}"
    arrays[name] = column
    return {"array": name}


def from_plain(value: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    """What ``to_plain`` was given. Raises ValueError, KeyError or TypeError when it cannot have come from there."""
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    match kind:
        case "mapping":
            return {from_plain(k, arrays): from_plain(v, arrays) for k, v in held}
        case "tuple" | "list" | "set" | "objects":
            return _MADE[kind](
                [from_plain(item, arrays) if isinstance(item, dict) else item for item in held]
            )
        case "record":
            name, found = held
            return _class(*_KNOWN_RECORDS[name])(
                **{key: from_plain(item, arrays) for key, item in found.items()}
            )
        case "value":
            name, item = held
            return _class(*_KNOWN_VALUES[name])(item)
        case "array":
            return arrays[held]
        case "path":
            return Path(held)
        case "at":
            return dt.datetime.fromisoformat(held)
    raise ValueError(f"there is no {kind!r} among what can be kept")


def _objects(items: Sequence[object]) -> npt.NDArray[np.object_]:
    column = np.empty(len(items), dtype=object)
    column[:] = items
    return column


_MADE: Mapping[str, Any] = {"tuple": tuple, "list": list, "set": frozenset, "objects": _objects}
