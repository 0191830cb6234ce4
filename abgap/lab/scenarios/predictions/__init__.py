"""The world "predictions": binary predictions of a test set and of live requests, with what came of them."""

from abgap.lab.scenarios.predictions.catalogue import SCENARIOS

__all__ = ["SCENARIOS"]
