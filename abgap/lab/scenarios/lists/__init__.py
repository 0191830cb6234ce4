"""The world "lists": raw rankings with clicks, purchases and propensities, and live lists with what was clicked."""

from abgap.lab.scenarios.lists.catalogue import SCENARIOS

__all__ = ["SCENARIOS"]
