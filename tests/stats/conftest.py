"""Data that more than one test of statistics looks at."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

Values: TypeAlias = npt.NDArray[np.float64]

# 13 trials of the BCG vaccine: tuberculosis and none among the vaccinated, then among the others (Colditz 1994).
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ]
)


@pytest.fixture(scope="session")
def bcg() -> tuple[Values, Values]:
    """Log risk ratios of the trials, and their variances."""
    ill, well, control_ill, control_well = BCG.T
    risk, control_risk = ill / (ill + well), control_ill / (control_ill + control_well)
    variance = 1 / ill - 1 / (ill + well) + 1 / control_ill - 1 / (control_ill + control_well)
    return np.log(risk / control_risk), variance
