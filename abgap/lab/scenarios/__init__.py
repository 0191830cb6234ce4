"""Experiments with a known truth: studies on real files, one planted reason each, several, or none."""
