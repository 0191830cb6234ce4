"""Which arms moved the predictor and not the business metric: the cases that a correlation does not name.

Established in one and not in the other is no proof of a difference: the business metric may only be noisier. It is a
list of what to look at, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abgap.gap.portfolio.data import PortfolioData
from abgap.records.words import label, plural, sentence_case

_MOST_NAMED = 5


def moved_alone(data: PortfolioData, predictor: int, business: int) -> Iterator[str]:
    """At most one sentence: the arms with an established effect on the predictor only, the largest first."""
    quick, slow = data.significant[:, predictor], data.significant[:, business]
    rows = np.flatnonzero(data.trusted & np.isin(quick, (-1.0, 1.0)) & (slow == 0.0))
    if not rows.size:
        return
    gains = np.abs(data.effects.values[rows, predictor])
    named = [_named(data, int(row)) for row in rows[np.argsort(-gains, kind="stable")]]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    names = (label(data.axes[at].name) for at in (predictor, business))
    moved, still = (sentence_case(next(names)), next(names))
    yield (
        f"{moved} moved and {still} did not move measurably in {plural(len(named), 'arm')}: "
        f"{', '.join(named[:_MOST_NAMED])}{more}. That is no proof of a difference: {still} may only be noisier."
    )


def _named(data: PortfolioData, row: int) -> str:
    """The arm; by its experiment alone where that has one."""
    experiment = data.effects.experiment[row]
    name = data.names[experiment]
    alone = np.count_nonzero(data.effects.experiment == experiment) == 1
    return name if alone else f"{data.treatment[row]} of {name}"
