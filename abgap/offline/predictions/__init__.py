"""Predictions with their truth: read and checked, measured by task, and held against those of another model."""
