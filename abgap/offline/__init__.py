"""Offline evaluation: scores of models, held against the model that each experiment had as its control."""
