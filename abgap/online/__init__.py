"""Experiments: which numbers the metrics need, how the logs become moments, and moments become estimates."""
