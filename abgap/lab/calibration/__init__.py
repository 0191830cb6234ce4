"""How often intervals hold the truth and tests cry wolf: every estimator on simulated experiments whose truth is known.

``python -m abgap.lab.calibration`` runs all of it and writes docs/calibration.md; the tests run it again.
"""
