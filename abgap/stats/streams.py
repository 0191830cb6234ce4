"""Random bits with a name: the same for a seed and a purpose in every run and in all versions of numpy."""

from __future__ import annotations

import numpy as np


def named_stream(seed: int, purpose: str) -> np.random.PCG64:
    """Return the bits that this seed gives for this purpose; other purposes get independent ones.

    Only its raw output is promised to stay the same, which is why no ``Generator`` comes with it.
    """
    return np.random.PCG64(np.random.SeedSequence([seed, *purpose.encode()]))
