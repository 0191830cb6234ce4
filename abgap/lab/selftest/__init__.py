"""Simulations of ``abgap selftest``: made-up logs with planted effects and faults, through the whole pipeline."""
