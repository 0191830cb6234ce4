"""Statistics on moments: numpy and scipy.special, no SQL, no files, no clock, no global randomness.

Every function takes arrays of any shape that broadcast together, so that thousands of experiments
and metrics are one call. What is undefined is NaN, and where the cause matters an object array of
``Reason | None`` of the same shape says why.
"""
