"""Covariances that are found later put into effects: beside those that are known, or in place of zeros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.portfolio.effects import Effects


def with_more_pairs(effects: Effects, found: Mapping[tuple[int, int], FloatArray]) -> Effects:
    """Return the effects with covariances between two arms, the smaller position first, added to what they share.

    found: (p, p), rows of the first arm, columns of the second; what is not known is 0.
    """
    if not found:
        return effects
    known = {(int(one), int(other)): at for at, (one, other) in enumerate(effects.pairs)}
    shared = effects.shared.copy()
    new = []
    for pair, covariance in found.items():
        if pair in known:
            shared[known[pair]] += covariance
        else:
            new.append(pair)
    if not new:
        return replace(effects, shared=shared)
    return replace(
        effects,
        pairs=np.concatenate([effects.pairs, np.array(new, dtype=np.intp)]),
        shared=np.concatenate([shared, np.stack([found[pair] for pair in new])]),
    )
