"""Which models a preflight is about, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from abgap.errors import UsageError
from abgap.offline.preflight import make_preflight
from abgap.offline.preflight_gates import Sides
from abgap.pipeline.analysis import Analysis
from abgap.records.preflight import Preflight
from abgap.study.load import LoadedStudy


def with_production(name: str | None) -> Callable[[LoadedStudy], LoadedStudy]:
    """A change of the study: another model is taken as the live one; none when ``name`` is None."""

    def changed(loaded: LoadedStudy) -> LoadedStudy:
        if name is None:
            return loaded
        offline = loaded.study.offline.model_copy(update={"production": name})
        return replace(loaded, study=loaded.study.model_copy(update={"offline": offline}))

    return changed


def known_models(analysis: Analysis) -> list[str]:
    """Every model that the study, its offline results or its shadow run tell of."""
    found = [*analysis.offline.models, *analysis.offline.shadowed]
    for row in analysis.offline.rows:
        found += [row.model, *([row.baseline] if row.baseline else [])]
    return list(dict.fromkeys(found))


def live_model(analysis: Analysis, candidate: str | None) -> str:
    """The model that is live: declared, or the only one that the candidate is held against.

    Raises UsageError when it cannot be told.
    """
    if analysis.study.offline.production is not None:
        return analysis.study.offline.production
    held = {row.baseline for row in analysis.offline.rows if row.model == candidate and row.baseline}
    if len(held) == 1:
        return held.pop()
    raise UsageError(
        "which model is live is not known",
        hint='add production = "NAME" to [offline], or name it with --production',
    )


def only_candidate(analysis: Analysis, production: str) -> str:
    """The candidate when there is only one: in the shadow run, else among the offline results.

    Raises UsageError when there are several, or none.
    """
    shadowed = [name for name in analysis.offline.shadowed if name != production]
    rows = [row.model for row in analysis.offline.rows if row.baseline == production]
    for names in (shadowed, list(dict.fromkeys(rows))):
        if len(names) == 1:
            return names[0]
    raise UsageError("which model is to be launched is not known", hint="name it: abgap preflight MODEL")


def preflight(analysis: Analysis, candidate: str, production: str) -> Preflight:
    """The five steps for a candidate."""
    study = analysis.study
    sides = Sides(
        candidate=candidate,
        production=production,
        shadow=analysis.offline.shadow(candidate, production),
        facts=analysis.offline.models,
        limits=study.preflight,
        alpha=study.study.alpha,
        currency=study.study.currency,
    )
    worthwhile = {
        name: metric.smallest_worthwhile_gain
        for name, metric in study.offline_metrics.items()
        if metric.smallest_worthwhile_gain is not None
    }
    return make_preflight(
        study.study.name,
        sides,
        analysis.offline.rows,
        headline=study.gap.offline[0] if study.gap.offline else None,
        worthwhile=worthwhile,
    )
