"""The stages of offline evaluation: sources read and added up, models compared, each on first use and once.

They know of experiments only which model each arm served; a study without experiments has these stages alone.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from abgap.pipeline.stages import Stage

if TYPE_CHECKING:
    from abgap.engine.protocol import Relation
    from abgap.offline.judged_policies import PolicySums
    from abgap.offline.matching import ServedModels
    from abgap.offline.ranking.evaluate import Rankings
    from abgap.offline.scores import Scores
    from abgap.pipeline.analysis import Analysis
    from abgap.records import OfflineRow
    from abgap.records.counterfactual import Counterfactual, PositionRate


class OfflineStages:
    """The offline side of one analysis."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._study = analysis.study

    @property
    def has_sources(self) -> bool:
        """Whether the study says where results of offline evaluation are."""
        offline = self._study.offline
        return any((offline.scores, offline.rankings, offline.predictions, offline.logged))

    @property
    def comparisons(self) -> list[tuple[str, str]]:
        """(model, baseline) of every pair that an experiment ran."""
        from abgap.offline.matching import find_comparisons

        return find_comparisons(self.served)

    @property
    def served(self) -> tuple[ServedModels, ...]:
        """Which model each arm ran."""
        return self._analysis.served

    @cached_property
    def scores(self) -> Scores:
        """The ready-made scores, summed up for the pairs that are compared."""
        from abgap.offline.scores import read_scores

        if self._study.offline.scores is not None:
            self._analysis.progress("reading offline scores")
        comparisons = self.comparisons
        return self._analysis.stages.result(
            Stage(name="scores", sources=("offline.scores",), parts=("offline",), more=comparisons),
            lambda: read_scores(self._analysis.engine, self._study, self._analysis.directory, comparisons),
            lambda found: {} if found.relation is None else {"offline.scores": found.relation},
        )

    @cached_property
    def rankings(self) -> Rankings:
        """The ranking metrics: what is said beside their values."""
        if self._study.offline.rankings is None:
            return self.ranking_values
        keys = ("rankings", "judgements", "items")
        return self._analysis.stages.result(
            Stage(
                name="rankings",
                sources=tuple(f"offline.{key}" for key in keys),
                parts=("offline", "offline_metrics"),
            ),
            lambda: self.ranking_values,
            lambda found: found.relations,
        )

    @cached_property
    def ranking_values(self) -> Rankings:
        """The same, with the values per query in the engine."""
        from abgap.offline.ranking.evaluate import evaluate_rankings

        if self._study.offline.rankings is not None:
            self._analysis.progress("ranking documents")
        return evaluate_rankings(self._analysis.engine, self._study, self._analysis.directory)

    @cached_property
    def rows(self) -> tuple[OfflineRow, ...]:
        """Every candidate model against its baseline."""
        from abgap.offline.comparison import make_offline_rows
        from abgap.offline.directions import direction_of

        metrics = {metric for _, metric in self.scores.known}
        return make_offline_rows(
            self.scores,
            self.comparisons,
            {metric: direction_of(self._study, metric) for metric in metrics},
            alpha=self._study.study.alpha,
        )

    @cached_property
    def _policy_sums(self) -> PolicySums | None:
        """What target policies would have earned, summed up over the logged decisions."""
        from abgap.offline.judged_policies import read_counterfactual

        offline = self._study.offline
        if offline.logged is None:
            return None
        self._analysis.progress("weighing logged decisions")
        return self._analysis.stages.result(
            Stage(name="counterfactual", sources=("offline.logged", "offline.policies"), parts=("offline",)),
            lambda: read_counterfactual(self._analysis.engine, offline, self._analysis.directory),
            lambda found: {} if found is None else found.relations,
        )

    @cached_property
    def counterfactual(self) -> tuple[Counterfactual, ...]:
        """Every target policy, judged by the log of another."""
        from abgap.offline.counterfactual import make_counterfactuals

        found, logged = self._policy_sums, self._study.offline.logged
        if found is None or logged is None:
            return ()
        return make_counterfactuals(found, clip=logged.clip, alpha=self._study.study.alpha)

    @cached_property
    def positions(self) -> tuple[PositionRate, ...]:
        """What the logged decisions earned, position by position."""
        from abgap.offline.counterfactual import position_rates

        found = self._policy_sums
        return () if found is None else position_rates(found.log, self._study.study.alpha)

    @property
    def relations(self) -> dict[str, Relation]:
        """Every offline source that was opened, by its key in the study."""
        relation = self.scores.relation
        opened = {} if relation is None else {"offline.scores": relation}
        if self._policy_sums is not None:
            opened |= self._policy_sums.relations
        return opened | dict(self.rankings.relations)
