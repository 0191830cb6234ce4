"""Binary predictions from the source to contests and curves: the one thing that a stage asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from abgap.engine.protocol import Engine, Relation
from abgap.offline.contest import Contest, Findings
from abgap.offline.pairs import contests_of
from abgap.offline.predictions.intake import open_predictions
from abgap.offline.predictions.refusals import KEY
from abgap.records.predictions import PredictionCurves
from abgap.study.model import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedPredictions:
    """What predictions are worth. relation: the opened source, None when the study has none of this task."""

    relation: Relation | None = None
    contests: tuple[Contest, ...] = ()
    curves: tuple[PredictionCurves, ...] = ()

    @property
    def findings(self) -> Findings:
        """The contests as the comparison takes them."""
        sides = (
            (side, c.metric) for c in self.contests for side in (c.model, c.baseline) if side is not None
        )
        return Findings(known=frozenset(sides), contests=self.contests)


def evaluate_binary(
    engine: Engine, study: Study, directory: Path, ran: Sequence[tuple[str, str]]
) -> EvaluatedPredictions:
    """Evaluate the binary predictions of a study. ran: (model, baseline) of experiments.

    Raises DataError when the predictions cannot be used.
    """
    predictions = open_predictions(engine, study, directory)
    if predictions is None:
        return EvaluatedPredictions()
    # They bring scipy, which results that were kept can do without.
    from abgap.offline.predictions.contests import Judging, make_contests  # noqa: PLC0415
    from abgap.offline.predictions.curves import make_curves  # noqa: PLC0415
    from abgap.offline.predictions.definitions import wanted_metrics  # noqa: PLC0415
    from abgap.offline.predictions.measured import measure  # noqa: PLC0415

    measured = measure(engine, predictions)
    # Who is held against whom does not depend on the metric here: all are made of the same predictions.
    known = [(model, KEY) for model in predictions.models]
    head = study.study
    contests = make_contests(
        engine,
        measured,
        wanted_metrics(study, predictions),
        [(each.model, each.baseline) for each in contests_of(known, ran, study.offline.production)],
        Judging(alpha=head.alpha, seed=head.seed, shared=study.offline.examples == "shared"),
    )
    return EvaluatedPredictions(
        relation=predictions.relation, contests=tuple(contests), curves=make_curves(measured, head.alpha)
    )
