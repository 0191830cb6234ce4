"""Predictions of every task but the binary one, opened, measured and held against each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from abgap.engine.protocol import Engine, Relation
from abgap.errors import DataError
from abgap.offline.contest import Contest, Findings
from abgap.offline.example_contests import terms_of
from abgap.offline.pairs import contests_of
from abgap.offline.predictions.example_sets import read_example_sets
from abgap.offline.predictions.intake import open_predictions
from abgap.offline.tasks.contests import Procedure
from abgap.offline.tasks.examples import KEY
from abgap.records import ConfusionMatrix
from abgap.study.model import Predictions, Study


def measure_task(engine: Engine, study: Study, directory: Path, ran: Sequence[tuple[str, str]]) -> Findings:
    """Measure the predictions of a study, whatever their task. ran: pairs (model, baseline) of experiments.

    Raises DataError when they cannot be used, and EngineError when the library of a metric is missing.
    """
    source = study.offline.predictions
    if source is None:
        return Findings()
    run = _Run(engine, study, source, directory, ran)
    if source.task == "segmentation":
        return run.segmentation()
    if source.task == "detection":
        return run.detection()
    return run.predictions()


class _Run:
    def __init__(
        self,
        engine: Engine,
        study: Study,
        source: Predictions,
        directory: Path,
        ran: Sequence[tuple[str, str]],
    ) -> None:
        self._engine, self._study, self._source = engine, study, source
        self._directory, self._ran = directory, ran
        self._slices = list(source.slices)
        # Rows of each model that have no truth or no prediction.
        self._left_out: Mapping[str, int] = {}

    def segmentation(self) -> Findings:
        from abgap.offline.tasks import segmentation  # noqa: PLC0415 - each task has libraries of its own

        rows = segmentation.read_masks(self._engine, self._source, self._directory)
        contests = segmentation.segmentation_contests(
            self._engine, self._study, rows, self._slices, self._procedure({str(m) for m in rows.models})
        )
        return self._found({KEY: rows.relation}, contests)

    def detection(self) -> Findings:
        from abgap.offline.tasks import detection  # noqa: PLC0415 - the same

        annotations = self._study.offline.annotations
        if annotations is None:
            raise DataError(f"{detection.TRUTH}: the true boxes are missing; add [{detection.TRUTH}]")
        rows = detection.read_detections(self._engine, self._source, annotations, self._directory)
        procedure = self._procedure({str(m) for m in rows[0].models})
        contests = detection.detection_contests(
            self._engine, self._study, rows, list(annotations.slices), procedure
        )
        return self._found({KEY: rows[0].relation, detection.TRUTH: rows[1].relation}, contests)

    def predictions(self) -> Findings:
        opened = open_predictions(self._engine, self._study, self._directory)
        if opened is None:
            return Findings()
        models = {name for name, found in opened.models.items() if found.usable}
        self._left_out = {name: found.skipped for name, found in opened.models.items()}
        if not models:
            raise DataError(f"{KEY}: no row has both a truth and a prediction; nothing can be evaluated")
        procedure, relations = self._procedure(models), {KEY: opened.relation}
        sets = read_example_sets(self._engine, opened, procedure.pairs)
        procedure = replace(procedure, sets=sets)
        match self._source.task:
            case "multiclass":
                from abgap.offline.tasks.labels import label_contests  # noqa: PLC0415 - the same

                labels = label_contests(self._engine, self._study, self._slices, procedure)
                return self._found(relations, labels.contests, labels.confusions)
            case "clustering":
                from abgap.offline.tasks.clustering import clustering_contests  # noqa: PLC0415 - the same

                contests = clustering_contests(
                    self._engine, self._study, self._source, opened.relation, procedure
                )
            case "generation":
                from abgap.offline.tasks.generation import generation_contests  # noqa: PLC0415 - the same

                contests = generation_contests(self._engine, self._study, self._slices, procedure)
            case _:
                contests = self._numbers(procedure, relations)
        return self._found(relations, contests)

    def _numbers(self, procedure: Procedure, relations: dict[str, Relation]) -> list[Contest]:
        from abgap.offline.tasks.numbers import number_contests  # noqa: PLC0415 - the same
        from abgap.offline.tasks.training import open_training  # noqa: PLC0415 - the same

        past = open_training(self._engine, self._study, self._directory)
        season = None
        if past is not None and self._study.offline.training is not None:
            relations["offline.training"] = past
            season = self._study.offline.training.season
        return number_contests(self._engine, self._study, self._slices, procedure, season=season)

    def _procedure(self, models: Collection[str]) -> Procedure:
        against = contests_of(((model, "") for model in models), self._ran, self._study.offline.production)
        return Procedure(
            terms=replace(terms_of(self._study), noun="examples"),
            pairs=tuple((each.model, each.baseline) for each in against if each.baseline is not None),
            alone=tuple(each.model for each in against if each.baseline is None),
        )

    def _found(
        self,
        relations: dict[str, Relation],
        contests: Sequence[Contest],
        confusions: tuple[ConfusionMatrix, ...] = (),
    ) -> Findings:
        known = {(each.model, each.metric) for each in contests}
        known |= {(each.baseline, each.metric) for each in contests if each.baseline is not None}
        return Findings(
            relations=relations,
            known=frozenset(known),
            contests=tuple(map(self._with_left_out, contests)),
            confusions=confusions,
        )

    def _with_left_out(self, contest: Contest) -> Contest:
        """Rows that could not be evaluated are among those that are skipped, over all examples."""
        more = sum(
            self._left_out.get(side, 0) for side in (contest.model, contest.baseline) if side is not None
        )
        if contest.slice_name is not None or not more:
            return contest
        return replace(contest, skipped=contest.skipped + more)
