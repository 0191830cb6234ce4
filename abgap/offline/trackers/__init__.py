"""Experiment trackers as a source of scores and of facts about models: MLflow, Weights & Biases, plain JSON.

Stores are read as they lie on disk, without the trackers' packages and without writing anything. ``runs`` says what a
run is, one module per store reads it, ``choosing`` decides which run stands for a model.
"""

from __future__ import annotations
