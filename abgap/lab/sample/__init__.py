"""Sample data with a written-down truth: a year of the search team of a grocery shop.

``truth.py`` and ``models.py`` say what is planted; the other modules turn it into logs and offline scores.
"""

from abgap.lab.sample.generation import SEED, generate, is_complete, small

__all__ = ["SEED", "generate", "is_complete", "small"]
