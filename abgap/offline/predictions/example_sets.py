"""Which examples two models were evaluated on, and whether that allows to compare them.

A model was evaluated on an example when it has a row with a truth for it. An empty prediction there makes no other set
of examples: the example is left out of both models and counted, as an empty score of ``[offline.scores]`` is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Given, reading
from abgap.offline.predictions.intake import Predictions
from abgap.offline.predictions.refusals import KEY
from abgap.records import NotEstimable, Reason
from abgap.records.words import count

_PAIRS = "prediction_set_pairs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSets:
    """How many examples a model and its baseline were evaluated on, and how many of them are the same."""

    model: int
    baseline: int
    shared: int

    def refusal(self, compared: int, *, shared: bool) -> NotEstimable | None:
        """Why two models are not compared; None when they are.

        compared: examples that both have a prediction for. shared: whether the study asks for what both have.
        """
        if not self.shared:
            return NotEstimable(reason=Reason.NOT_MATCHED, detail="the two models share no example")
        if not shared and not self.model == self.baseline == self.shared:
            model, base, both = map(count, (self.model, self.baseline, self.shared))
            detail = f"evaluated on {model} examples, the baseline on {base}, {both} shared"
            return NotEstimable(reason=Reason.NOT_MATCHED, detail=detail)
        if not compared:
            detail = "no example has a prediction of both models"
            return NotEstimable(reason=Reason.NOT_MATCHED, detail=detail)
        return None


def read_example_sets(
    engine: Engine, predictions: Predictions, pairs: Sequence[tuple[str, str]]
) -> Mapping[tuple[str, str], ExampleSets]:
    """The example sets of the pairs (model, baseline) that have empty predictions.

    Those of the others are their predictions: they need no reading, and are not in the result.
    """
    models = predictions.models
    gaps = {name for name, found in models.items() if found.with_truth > found.usable}
    wanted = [pair for pair in pairs if gaps & set(pair) and all(side in models for side in pair)]
    if not wanted:
        return {}
    sides = {"model": 0, "baseline": 1}
    engine.put_table(
        _PAIRS,
        {name: Given(type="VARCHAR", values=[pair[i] for pair in wanted]) for name, i in sides.items()},
    )
    with reading(KEY):
        found = engine.fetch(compile_query("prediction_sets", truth=predictions.truth))
    shared = {
        (str(model), str(base)): int(n)
        for model, base, n in zip(found["model"], found["baseline"], found["shared"], strict=True)
    }
    return {
        pair: ExampleSets(
            model=models[pair[0]].with_truth,
            baseline=models[pair[1]].with_truth,
            shared=shared.get(pair, 0),
        )
        for pair in wanted
    }
