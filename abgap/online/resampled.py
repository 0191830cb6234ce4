"""Tests and intervals out of draws of the bootstrap in place of those out of variances, where a metric asks for it.

And what so many draws cannot say: a p that is corrected for many tests may be too large because there are too few.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from abgap.online.arms import Pairs
from abgap.online.families import Corrected
from abgap.online.inference import Inference, Verdicts
from abgap.online.resamples import Key, Resamples
from abgap.online.traits import TraitColumn
from abgap.records import Moments
from abgap.records.moments import FloatArray
from abgap.stats.arrays import CheckedBounds
from abgap.stats.draws import MOST_DRAWS
from abgap.stats.procedure import Procedure
from abgap.stats.resampling import BootstrapVerdict, Drawn, draws_below, smallest_p


def with_resamples(
    numbers: Inference,
    moments: Moments,
    pairs: Pairs,
    traits: TraitColumn,
    resamples: Resamples,
    procedure: Procedure,
) -> Inference:
    """The same with p, both intervals and the tests of margins from the draws, for the metrics that have any.

    Detectable effects and power stay those of the variances.
    """
    where = np.flatnonzero(traits.where(lambda trait: trait.name in resamples.metrics))
    if not where.size:
        return numbers
    drawn = Drawn(
        control=_draws(moments, pairs.control[where], resamples),
        treatment=_draws(moments, pairs.treatment[where], resamples),
    )
    found = BootstrapVerdict(numbers.contrasts.judged.take(where), drawn, procedure.alpha)
    chosen = traits.take(where)
    margins = chosen.numbers(lambda trait: trait.non_inferiority_margin)
    bands = chosen.numbers(lambda trait: trait.smallest_worthwhile_lift)
    signs = chosen.numbers(lambda trait: trait.direction.sign)
    return replace(
        numbers,
        verdicts=_placed(numbers.verdicts, where, found, drawn.control.shape[-1]),
        equivalence=_put(numbers.equivalence, where, found.equivalence_p(bands)),
        non_inferiority=_put(numbers.non_inferiority, where, found.non_inferiority_p(margins, signs)),
    )


def draw_notes(numbers: Inference, corrected: Corrected, alpha: float) -> dict[int, str]:
    """Where p is as small as draws allow, and yet too large for its family: position and what helps."""
    verdicts = numbers.verdicts
    where = np.flatnonzero((verdicts.draws > 0.0) & (corrected.p >= alpha))
    contrasts, count = numbers.contrasts.judged.take(where), verdicts.draws[where]
    at_floor = np.isclose(verdicts.p[where], smallest_p(contrasts, count), rtol=1e-9, atol=0.0)
    needed = draws_below(contrasts, alpha / corrected.tests[where])
    return {
        int(where[k]): _draw_note(int(count[k]), float(needed[k]), int(corrected.tests[where[k]]))
        for k in np.flatnonzero(at_floor)
    }


def _draw_note(count: int, needed: float, tests: int) -> str:
    """What to do; nothing can be done about draws that nobody can make."""
    what = f"p is as small as {count:,} draws can tell, which is too large after the correction for {tests} tests"
    if needed > MOST_DRAWS:
        return f"{what}; draws do not help, fewer tests or no bootstrap would"
    return f"{what}; with [bootstrap] replicates = {int(needed)} or more it can be below alpha"


def _draws(moments: Moments, rows: npt.NDArray[np.intp], resamples: Resamples) -> FloatArray:
    """The draws of these rows of the moments, (rows, draws)."""
    return np.stack([resamples.metrics[moments.metric[row]][_key(moments, row)] for row in rows])


def _key(moments: Moments, row: np.intp) -> Key:
    return (
        moments.experiment[row],
        moments.variant[row],
        moments.slice_name[row],
        moments.slice_value[row],
        moments.period[row],
    )


def _placed(verdicts: Verdicts, where: npt.NDArray[np.intp], found: BootstrapVerdict, count: int) -> Verdicts:
    draws = verdicts.draws.copy()
    draws[where] = count
    score = verdicts.score.copy()
    score[where] = False
    return replace(
        verdicts,
        score=score,
        p=_put(verdicts.p, where, found.p_value()),
        difference=_put_bounds(verdicts.difference, where, found.difference()),
        lift=_put_bounds(verdicts.lift, where, found.lift()),
        draws=draws,
    )


def _put_bounds(before: CheckedBounds, where: npt.NDArray[np.intp], found: CheckedBounds) -> CheckedBounds:
    estimate, low, high = (_put(old, where, new) for old, new in zip(before[:3], found[:3], strict=True))
    problem = before.problem.copy()
    problem[where] = found.problem
    return CheckedBounds(estimate, low, high, problem)


def _put(before: FloatArray, where: npt.NDArray[np.intp], found: FloatArray) -> FloatArray:
    """The array with other numbers in some places."""
    after = np.array(before, dtype=np.float64)
    after[where] = found
    return after
