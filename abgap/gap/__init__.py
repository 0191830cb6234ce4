"""What became of each offline gain: verdict, funnel, money, decision and portfolio; pure functions."""

from abgap.gap.analysis import GapAnalysis, analyse_gaps
from abgap.gap.inputs import ExperimentFacts

__all__ = ["ExperimentFacts", "GapAnalysis", "analyse_gaps"]
