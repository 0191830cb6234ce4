"""The KPI trap: a model is trained, then one metric at a time is chased on purpose, and abgap says what it cost."""

from abgap.lab.kpi_trap.making import Experiment, make
from abgap.lab.kpi_trap.study import SEED

__all__ = ["SEED", "Experiment", "make"]
