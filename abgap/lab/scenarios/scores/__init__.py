"""The world "scores": the search of a shop, with ready-made offline scores per query and logs of users and visits."""

from abgap.lab.scenarios.scores.scenarios import SCENARIOS

__all__ = ["SCENARIOS"]
