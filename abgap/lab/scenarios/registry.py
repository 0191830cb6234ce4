"""All scenarios of the lab. A world is a package beside this module and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from abgap.lab.scenarios import lists, predictions, scores
from abgap.lab.scenarios.base import Scenario

SCENARIOS: Mapping[str, Scenario] = {
    each.name: each for each in (*scores.SCENARIOS, *lists.SCENARIOS, *predictions.SCENARIOS)
}
"""By name, which no two worlds share."""
