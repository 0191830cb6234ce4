"""The stages of offline evaluation: sources read and added up, models compared, each on first use and once.

They know of experiments only which model each arm served; a study without experiments has these stages alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from abgap.pipeline.stages import Found, Stage

if TYPE_CHECKING:
    from abgap.engine.protocol import Relation
    from abgap.offline.contest import Findings
    from abgap.offline.gain_pairs import GainErrors
    from abgap.offline.judged_policies import PolicySums
    from abgap.offline.matching import ServedModels
    from abgap.offline.predictions.evaluate import EvaluatedPredictions
    from abgap.offline.ranking.evaluate import Ranked, Rankings
    from abgap.offline.ranking.other_definitions import SweepSums
    from abgap.offline.shadow import ShadowRun
    from abgap.offline.sums import RankingSums, Scores
    from abgap.offline.trackers.choosing import Tracked
    from abgap.pipeline.analysis import Analysis
    from abgap.records import Check, ConfusionMatrix, OfflineHistory, OfflineRow, OfflineSweep
    from abgap.records.counterfactual import Counterfactual, PositionRate
    from abgap.records.offline import OfflineTwin
    from abgap.records.predictions import PredictionCurves
    from abgap.study.offline import Model


class OfflineStages:
    """The offline side of one analysis."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._study = analysis.study

    @property
    def has_sources(self) -> bool:
        """Whether the study says where results of offline evaluation are."""
        offline = self._study.offline
        return any((offline.scores, offline.tracker, offline.rankings, offline.predictions, offline.logged))

    @property
    def comparisons(self) -> list[tuple[str, str]]:
        """(model, baseline) of every pair that an experiment ran, then of those that the study declares."""
        from abgap.offline.matching import claimed_comparisons, find_comparisons

        baselines = {name: model.baseline for name, model in self._study.models.items() if model.baseline}
        ran = dict.fromkeys(find_comparisons(self.served))
        return list(ran | dict.fromkeys(claimed_comparisons(self.served, baselines)))

    @property
    def served(self) -> tuple[ServedModels, ...]:
        """Which model each arm ran."""
        return self._analysis.served

    @cached_property
    def scores(self) -> Scores:
        """The ready-made scores, added up for the pairs that are compared."""
        from abgap.offline.scores import read_scores

        if self._study.offline.scores is not None:
            self._analysis.progress("reading offline scores")
        ran = self.comparisons
        families = sorted((name, model.family) for name, model in self._study.models.items() if model.family)
        return self._analysis.stages.result(
            Stage(
                name="scores",
                sources=("offline.scores", "offline.queries"),
                parts=("offline", "offline_metrics"),
                more=[ran, families, self._study.study.timezone, self._study.gap.offline],
            ),
            lambda: read_scores(self._analysis.engine, self._study, self._analysis.directory, ran),
            lambda found: found.relations,
        )

    @cached_property
    def tracked(self) -> Tracked:
        """What an experiment tracker says of the models."""
        from abgap.offline.trackers.choosing import Tracked
        from abgap.offline.trackers.reading import read_tracker

        tracker = self._study.offline.tracker
        if tracker is None:
            return Tracked()
        self._analysis.progress("reading the tracker")
        return read_tracker(tracker, self._analysis.directory)

    @property
    def tracker_files(self) -> tuple[Path, ...]:
        """The files that the tracker's paths name; what lies in its folders is not listed one by one."""
        from abgap.offline.trackers.reading import paths_of

        tracker = self._study.offline.tracker
        if tracker is None:
            return ()
        return tuple(path for path in paths_of(tracker, self._analysis.directory) if path.is_file())

    @property
    def models(self) -> dict[str, Model]:
        """Facts of models: as the study declares them, else as the tracker has them."""
        from abgap.offline.trackers.choosing import with_facts

        return with_facts(self._study.models, self.tracked.facts)

    @cached_property
    def rankings(self) -> Rankings:
        """The ranking metrics: what is said beside their values."""
        return self._of_rankings("rankings", self._ranking_facts, lambda found: found.relations)

    def _of_rankings(
        self,
        name: str,
        compute: Callable[[], Found],
        relations: Callable[[Found], Mapping[str, Relation]] = lambda _: {},
    ) -> Found:
        """A stage that depends on all that ranking metrics are made of."""
        keys = ("rankings", "judgements", "items", "queries")
        stage = Stage(
            name=name,
            sources=tuple(f"offline.{key}" for key in keys),
            parts=("offline", "offline_metrics"),
            more=[self.comparisons, self._study.gap.offline],
        )
        return self._analysis.stages.result(stage, compute, relations)

    @cached_property
    def _ranked(self) -> Ranked | None:
        """The rankings in the engine, with the values per query."""
        from abgap.offline.ranking.evaluate import evaluate_rankings

        if self._study.offline.rankings is None:
            return None
        self._analysis.progress("ranking documents")
        return evaluate_rankings(self._analysis.engine, self._study, self._analysis.directory)

    def open_rankings(self) -> Ranked | None:
        """Put the values per query of computed ranking metrics into the engine; None where the study has none."""
        return self._ranked

    def _ranking_facts(self) -> Rankings:
        from abgap.offline.ranking.evaluate import Rankings

        return Rankings() if self._ranked is None else self._ranked.facts

    @cached_property
    def _predictions(self) -> EvaluatedPredictions:
        """The predictions, evaluated by their task."""
        from abgap.offline.predictions.evaluate import EvaluatedPredictions, evaluate_binary

        source = self._study.offline.predictions
        if source is None or source.task != "binary":
            return EvaluatedPredictions()
        self._analysis.progress("evaluating predictions")
        comparisons, engine = self.comparisons, self._analysis.engine
        return self._analysis.stages.result(
            Stage(
                name="predictions",
                sources=("offline.predictions",),
                parts=("study", "offline", "offline_metrics"),
                more=comparisons,
            ),
            lambda: evaluate_binary(engine, self._study, self._analysis.directory, comparisons),
            lambda found: {} if found.relation is None else {"offline.predictions": found.relation},
        )

    @property
    def curves(self) -> tuple[PredictionCurves, ...]:
        """Threshold and calibration curves of binary models."""
        return self._predictions.curves

    @cached_property
    def ranking_sums(self) -> RankingSums:
        """The ranking metrics, added up for the pairs that are compared."""
        return self._of_rankings("ranking sums", self._sum_rankings, lambda found: found.relations)

    def _sum_rankings(self) -> RankingSums:
        from abgap.offline.ranking.contests import add_up_rankings

        # The values have to be in the engine, also where what is said beside them was kept.
        _ = self._ranked
        return add_up_rankings(self._analysis.engine, self._study, self._analysis.directory, self.comparisons)

    @cached_property
    def sweeps(self) -> tuple[OfflineSweep, ...]:
        """Every comparison of rankings under other definitions of its metric."""
        from abgap.offline.example_contests import terms_of
        from abgap.offline.ranking.sweep import judge_sweeps

        if self._study.offline.rankings is None:
            return ()
        sums = self._of_rankings("ranking sweeps", self._sweep_rankings)
        return judge_sweeps(sums, terms_of(self._study))

    def _sweep_rankings(self) -> tuple[SweepSums, ...]:
        from abgap.offline.ranking.evaluate import sweep_rankings

        contests = self.ranking_sums.queries.contests
        pairs = dict.fromkeys((c.model, c.baseline) for c in contests if c.baseline is not None)
        if self._ranked is None:
            return ()
        return sweep_rankings(self._analysis.engine, self._ranked, list(pairs))

    @property
    def found(self) -> tuple[Findings, ...]:
        """What every source came to; a metric that was brought and could be computed is the one that was brought."""
        from abgap.offline.matching import without_metrics

        brought, computed = self._found
        taken = {metric for found in brought for _, metric in found.known}
        return (*brought, *(without_metrics(found, taken) for found in computed))

    @cached_property
    def _found(self) -> tuple[list[Findings], list[Findings]]:
        """Findings of ready-made values, and those that are computed."""
        from abgap.offline.scores import compare_scores

        brought = [compare_scores(self.scores, self._study)]
        found: list[Findings] = []
        if self._study.offline.tracker is not None:
            from abgap.offline.trackers.comparing import compare_tracked

            brought.append(compare_tracked(self.tracked, self._study, self.comparisons, self.scores.known))
        if self._study.offline.rankings is not None:
            from abgap.offline.ranking.contests import compare_rankings

            ran = self.comparisons
            found.append(compare_rankings(self.ranking_sums, self.rankings, self._study, ran))
        if self._predictions.contests:
            found.append(self._predictions.findings)
        if self._has_task:
            found.append(self.task)
        return brought, found

    @property
    def _has_task(self) -> bool:
        """Whether there are predictions of another task than the binary one."""
        predictions = self._study.offline.predictions
        return predictions is not None and predictions.task != "binary"

    @cached_property
    def task(self) -> Findings:
        """Predictions of every task but the binary one, measured and compared."""
        from abgap.offline.tasks.run import measure_task

        self._analysis.progress("measuring predictions")
        ran, head = self.comparisons, self._study.study
        keys = ("predictions", "training", "annotations")
        return self._analysis.stages.result(
            Stage(
                name="task",
                sources=tuple(f"offline.{key}" for key in keys),
                parts=("offline", "offline_metrics"),
                more=[ran, head.alpha, head.seed, head.timezone],
            ),
            lambda: measure_task(self._analysis.engine, self._study, self._analysis.directory, ran),
            lambda found: found.relations,
        )

    @property
    def confusions(self) -> tuple[ConfusionMatrix, ...]:
        """The confusion matrix of every model that tells several classes apart."""
        return tuple(each for found in self.found for each in found.confusions)

    @cached_property
    def rows(self) -> tuple[OfflineRow, ...]:
        """Every model against its baseline, or alone where it has none."""
        from abgap.offline.comparison import make_offline_rows

        return make_offline_rows([c for found in self.found for c in found.contests], self._study)

    @property
    def twins(self) -> tuple[OfflineTwin, ...]:
        """Gains beside those under other labels, of metrics that are declared for several."""
        from abgap.offline.twins import judge_twins

        measured = [self.scores.queries]
        if self._study.offline.rankings is not None:
            measured.append(self.ranking_sums.queries)
        return tuple(twin for each in measured for twin in judge_twins(each, self._study))

    @property
    def gain_errors(self) -> GainErrors:
        """How the errors of gains over the same queries go together."""
        from abgap.offline.gain_pairs import gain_errors

        measured = [self.scores.queries]
        if self._study.offline.rankings is not None:
            measured.append(self.ranking_sums.queries)
        return gain_errors(measured)

    @property
    def history(self) -> tuple[OfflineHistory, ...]:
        """Every evaluation of a model family beside the one before it."""
        return tuple(each for found in self.found for each in found.history)

    @property
    def parts(self) -> dict[str, tuple[object, ...]]:
        """Everything that was found, by its name in the results."""
        return {
            "offline": self.rows,
            "offline_history": self.history,
            "offline_sweeps": self.sweeps,
            "counterfactual": self.counterfactual,
            "positions": self.positions,
            "curves": self.curves,
            "confusions": self.confusions,
        }

    @cached_property
    def checks(self) -> list[Check]:
        """What is wrong with evaluations, or with the metrics they were made by."""
        if not self.has_sources and not self._study.gap.offline:
            return []
        from abgap.offline.comparison import comparison_checks
        from abgap.offline.history import history_checks
        from abgap.offline.lazy import lazy_checks
        from abgap.offline.matching import (
            declared_checks,
            idle_key_checks,
            matching_checks,
            repeated_checks,
        )

        known = {pair for found in self.found for pair in found.known}
        served = self.served if self._analysis.declared else ()
        return [
            *(matching_checks(served, known, self._study.gap.offline) if served else ()),
            *repeated_checks(*self._found),
            *(declared_checks(self._study.offline_metrics, {*known, *self._given}) if self.found else ()),
            *idle_key_checks(self._study.offline_metrics, known),
            *self._grade_checks(),
            *comparison_checks(self.rows, self._study.offline.production),
            *lazy_checks(self.rows),
            *history_checks(self.history),
            *self._tracker_checks(),
        ]

    @property
    def _given(self) -> set[tuple[str, str]]:
        """Metrics whose gains are brought ready-made, of models that have no name."""
        return {("", str(metric)) for metric in self._analysis.given.gains.metric}

    def _grade_checks(self) -> list[Check]:
        if self._study.offline.rankings is None:
            return []
        from abgap.offline.ranking.contests import grade_checks

        return grade_checks(self.rankings)

    def _tracker_checks(self) -> list[Check]:
        if self._study.offline.tracker is None:
            return []
        from abgap.offline.trackers.reading import tracker_checks

        return tracker_checks(self.tracked, self._study, self.scores.known)

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

    def shadow(self, candidate: str, production: str) -> ShadowRun | None:
        """The shadow run of two models; None when the study has none."""
        from abgap.offline.shadow import read_shadow

        source = self._study.offline.shadow
        if source is None:
            return None
        self._analysis.progress("reading the shadow run")
        return self._analysis.stages.result(
            Stage(
                name="shadow", sources=("offline.shadow",), parts=("offline",), more=[candidate, production]
            ),
            lambda: read_shadow(
                self._analysis.engine,
                source,
                self._analysis.directory,
                candidate=candidate,
                production=production,
            ),
            lambda found: {"offline.shadow": found.relation},
        )

    @cached_property
    def shadowed(self) -> tuple[str, ...]:
        """The models of the shadow run."""
        from abgap.offline.shadow import shadowed_models

        source = self._study.offline.shadow
        if source is None:
            return ()
        return self._analysis.stages.result(
            Stage(name="shadowed", sources=("offline.shadow",), parts=("offline",)),
            lambda: shadowed_models(self._analysis.engine, source, self._analysis.directory),
        )

    @property
    def relations(self) -> dict[str, Relation]:
        """Every offline source that was opened, by its key in the study."""
        opened = dict(self.scores.relations)
        if self._predictions.relation is not None:
            opened["offline.predictions"] = self._predictions.relation
        if self._policy_sums is not None:
            opened |= self._policy_sums.relations
        if self._study.offline.rankings is not None:
            opened |= self.ranking_sums.relations
        if self._has_task:
            opened |= self.task.relations
        return opened | dict(self.rankings.relations)
