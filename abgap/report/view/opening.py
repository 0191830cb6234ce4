"""The first screen: the verdict in a sentence, the money, three things to do next, and a picture."""

from __future__ import annotations

from abgap.records import words
from abgap.report.marks import is_same_model
from abgap.report.view.actions import actions_of
from abgap.report.view.checks import trust_of
from abgap.report.view.index import Index
from abgap.report.view.model import Opening
from abgap.report.view.money import money_of
from abgap.report.view.offline_opening import offline_tally, offline_verdict
from abgap.report.view.tally import tally_of
from abgap.report.view.verdict import verdict_of


def opening_of(index: Index, sections: int) -> Opening:
    """The first screen; ``sections`` experiments have a section that can be linked to."""
    compared = [experiment for experiment in index.ranked if not is_same_model(experiment)]
    gaps = [gap for experiment in compared for gap in index.headline_gaps(experiment.name)]
    of_models = not _counted(index) and bool(index.results.offline or index.results.counterfactual)
    of_effects = not index.ranked and bool(_counted(index))
    verdict, detail = offline_verdict(index.results) if of_models else verdict_of(index, gaps)
    return Opening(
        study=index.results.study.name,
        scope=_scope(index),
        verdict=verdict,
        detail=detail,
        money=None if of_models or of_effects else money_of(index),
        tally=offline_tally(index.results) if of_models else tally_of(index, gaps, sections),
        actions=actions_of(index, sections),
        trust=trust_of(index.results.checks),
    )


def _counted(index: Index) -> int:
    """The experiments of the study, or those that it knows by their effects alone."""
    return len(index.results.experiments) or index.results.portfolio.n_experiments


def _scope(index: Index) -> str:
    experiments, offline = index.results.experiments, index.results.offline
    said = [words.plural(_counted(index), "experiment")]
    if not _counted(index) and (offline or index.results.counterfactual):
        policies = [policy.policy for policy in index.results.counterfactual]
        said = [words.plural(len({row.model for row in offline} | set(policies)), "model")]
    if units := sum(sum(experiment.arms.values()) for experiment in experiments):
        said.append(words.plural(units, "analysed unit"))
    starts = [experiment.start for experiment in experiments if experiment.start]
    ends = [experiment.end for experiment in experiments if experiment.end]
    if starts and ends:
        said.append(f"{min(starts)[:10]} to {max(ends)[:10]}")
    return " · ".join(said)
