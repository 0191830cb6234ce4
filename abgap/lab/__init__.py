"""Scenarios with known truth, on top of everything else: sample data, the demo, calibration."""
