"""Which models were held against each other in experiments, and what in offline and online has no partner."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from abgap.offline import catalogue
from abgap.offline.contest import Findings
from abgap.offline.ranking.definitions import is_ranking_metric
from abgap.offline.twin_sums import twin_pairs
from abgap.records import Check, Status
from abgap.records.checks import make_check, quoted_names
from abgap.records.order import natural_order
from abgap.study.model import OfflineMetric

_QUERY = "offline_intake"
_OF_RANKINGS = ("label", "gain", "ties", "empty", "denominator")
"""Keys of a metric that say how it is made of rankings and judgements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModels:
    """One experiment's models. variants: control first, as analysed. models: variant -> model as declared."""

    experiment: str
    control: str
    variants: tuple[str, ...]
    models: Mapping[str, str]


def find_comparisons(served: Iterable[ServedModels]) -> list[tuple[str, str]]:
    """(model, baseline) of every treatment arm that ran another model than its control, each pair once."""
    pairs: dict[tuple[str, str], None] = {}
    for experiment in served:
        baseline = experiment.models.get(experiment.control)
        for variant in experiment.variants:
            model = experiment.models.get(variant)
            if baseline is not None and model is not None and model != baseline:
                pairs[model, baseline] = None
    return list(pairs)


def claimed_comparisons(
    served: Iterable[ServedModels], baselines: Mapping[str, str]
) -> list[tuple[str, str]]:
    """(model, baseline) of every claim, and of every control whose model another one's gain was not claimed against.

    baselines: what the gain of a model was claimed against, by model.
    """
    pairs = set(baselines.items())
    for experiment in served:
        live = experiment.models.get(experiment.control)
        for model in experiment.models.values():
            baseline = baselines.get(model)
            if live is not None and baseline is not None and live != baseline:
                pairs.add((live, baseline))
    return sorted(pairs)


def matching_checks(
    served: Sequence[ServedModels], known: Collection[tuple[str, str]], wanted_metrics: Sequence[str]
) -> list[Check]:
    """Models, metrics and variants without a partner: a check for each kind that occurs, one when all match.

    known: (model, metric) of what was evaluated offline.
    """
    scored_models = {model for model, _ in known}
    used = {model for experiment in served for model in experiment.models.values()}
    found = [
        *_listed(
            "unmatched_models",
            "Models that experiments ran but that have no offline score",
            sorted(used - scored_models, key=natural_order),
        ),
        *_listed(
            "unmatched_metrics",
            "Offline metrics of [gap] that no model has",
            _absent_metrics(known, wanted_metrics),
        ),
        *_listed(
            "unmatched_scores",
            "Scores that the other model of a comparison does not have",
            _half_scored(served, known),
        ),
        *[check for experiment in served for check in _variants(experiment)],
    ]
    if scored_models and not found:
        sentence = f"All {len(used)} models that experiments ran have offline scores."
        found.append(
            make_check("unmatched_models", None, Status.PASS, sentence, value=0.0, threshold=0.0, sql=_QUERY)
        )
    unused = sorted(scored_models - used, key=natural_order)
    if unused:
        sentence = f"Models with offline scores that no experiment ran: {quoted_names(unused)}."
        n = float(len(unused))
        found.append(
            make_check("unused_models", None, Status.PASS, sentence, value=n, threshold=0.0, sql=_QUERY)
        )
    return found


def without_metrics(found: Findings, metrics: Collection[str]) -> Findings:
    """Findings without those of these metrics."""
    if not any(metric in metrics for _, metric in found.known):
        return found
    return replace(
        found,
        known=frozenset(pair for pair in found.known if pair[1] not in metrics),
        contests=tuple(contest for contest in found.contests if contest.metric not in metrics),
    )


def repeated_checks(brought: Sequence[Findings], computed: Sequence[Findings]) -> list[Check]:
    """A warning for metrics that are brought ready-made and could be computed as well."""
    taken = {metric for found in brought for _, metric in found.known}
    both = {metric for found in computed for _, metric in found.known if metric in taken}
    words = "Offline metrics that are brought ready-made and not computed"
    return _listed("repeated_metrics", words, sorted(both, key=natural_order))


def declared_checks(declared: Collection[str], known: Collection[tuple[str, str]]) -> list[Check]:
    """A warning for metrics of ``[offline_metrics]`` that nothing brings: most are misspelt."""
    absent = sorted(set(declared) - {metric for _, metric in known}, key=natural_order)
    if not absent:
        return []
    hints = [f"{name!r} may mean {meant!r}" for name in absent if (meant := _meant(name))]
    hint = f" ({'; '.join(hints)})" if hints else ""
    sentence = (
        f"Metrics of [offline_metrics] that no source has or allows to compute: {quoted_names(absent)}{hint}."
    )
    n = float(len(absent))
    return [make_check("absent_metrics", None, Status.WARN, sentence, value=n, threshold=0.0)]


def idle_key_checks(declared: Mapping[str, OfflineMetric], known: Collection[tuple[str, str]]) -> list[Check]:
    """A warning for keys that define metrics made of rankings, where they stand under another metric.

    The label of a metric that has a twin, the same with another label, says how they differ.
    """
    present = {metric for _, metric in known}
    idle = {
        name: keys
        for name, metric in declared.items()
        if name in present
        and not is_ranking_metric(metric.metric or name)
        and (keys := _idle_keys(metric, has_twin=_has_twin(declared, name, present)))
    }
    if not idle:
        return []
    listed = "; ".join(f"{', '.join(idle[name])} of {name!r}" for name in sorted(idle, key=natural_order))
    sentence = (
        f"Keys of [offline_metrics] that do nothing, as they define metrics made of rankings: {listed}; "
        "remove them."
    )
    n = float(sum(map(len, idle.values())))
    return [make_check("idle_keys", None, Status.WARN, sentence, value=n, threshold=0.0)]


def _idle_keys(metric: OfflineMetric, *, has_twin: bool) -> list[str]:
    return [
        key for key in _OF_RANKINGS if getattr(metric, key) is not None and not (has_twin and key == "label")
    ]


def _has_twin(declared: Mapping[str, OfflineMetric], name: str, present: Collection[str]) -> bool:
    return any((name, other) in twin_pairs(declared, {("", other), ("", name)}) for other in present)


def _meant(name: str) -> str | None:
    """The metric of the catalogue that a name may stand for, with the name's own cut-off; None when it is one."""
    if catalogue.find_metric(name) is not None:
        return None
    near = next(iter(catalogue.nearest_names(name)), None)
    _, cut, k = name.rpartition("@")
    return near.replace("@k", f"@{k}") if near is not None and cut else near


def _absent_metrics(known: Collection[tuple[str, str]], wanted: Sequence[str]) -> list[str]:
    present = {metric for _, metric in known}
    return [metric for metric in wanted if metric not in present]


def _half_scored(served: Sequence[ServedModels], known: Collection[tuple[str, str]]) -> list[str]:
    """Metrics that only one of two compared models has, of models that have any score."""
    metrics: dict[str, set[str]] = {}
    for model, metric in known:
        metrics.setdefault(model, set()).add(metric)
    found = []
    for pair in find_comparisons(served):
        if all(model in metrics for model in pair):
            for model, other in (pair, pair[::-1]):
                alone = sorted(metrics[model] - metrics[other], key=natural_order)
                found += [f"{metric} of {model} (not of {other})" for metric in alone]
    return found


def _variants(experiment: ServedModels) -> list[Check]:
    if not experiment.models:
        return []
    without = [v for v in experiment.variants if v not in experiment.models]
    unseen = [v for v in experiment.models if v not in experiment.variants]
    parts = [
        *([f"no model is declared for {quoted_names(without)}"] if without else []),
        *([f"a model is declared for what has no units, {quoted_names(unseen)}"] if unseen else []),
    ]
    if not parts:
        return []
    sentence = f"Models and variants do not match: {'; '.join(parts)}."
    return [
        make_check(
            "unmatched_variants",
            experiment.experiment,
            Status.WARN,
            sentence,
            value=float(len(without) + len(unseen)),
            threshold=0.0,
            sql=_QUERY,
        )
    ]


def _listed(name: str, words: str, names: Sequence[str]) -> list[Check]:
    if not names:
        return []
    sentence = f"{words}: {quoted_names(names)}."
    return [make_check(name, None, Status.WARN, sentence, value=float(len(names)), threshold=0.0, sql=_QUERY)]
