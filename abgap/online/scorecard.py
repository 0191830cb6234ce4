"""Moments made into estimates: every treatment against its control, for every metric, slice and day, in one pass.

All comparisons are computed together as arrays and become records only at the end: pairs of arms (``arms.py``),
contrasts (``contrasts.py``), tests and intervals (``inference.py``), corrected p-values (``families.py``), records
(``estimate_records.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from abgap.online.arms import cumulate, pair_arms
from abgap.online.contrasts import make_contrasts
from abgap.online.estimate_records import RecordMaker
from abgap.online.families import adjust, find_families
from abgap.online.inference import infer
from abgap.online.moments import concatenate
from abgap.online.traits import MetricTraits
from abgap.records import Estimate, Moments
from abgap.stats.procedure import Procedure


def make_estimates(
    moments: Moments, controls: Mapping[str, str], metrics: Mapping[str, MetricTraits], procedure: Procedure
) -> tuple[Estimate, ...]:
    """All estimates, in the order of the moments: whole experiments, slices, then cumulative days.

    controls: the control variant of each experiment. procedure: how the study tests.
    """
    known = np.array(
        [m in metrics and p is None for m, p in zip(moments.metric, moments.period, strict=True)], dtype=bool
    )
    followed = {name for name, traits in metrics.items() if traits.cumulative}
    moments = concatenate([moments.take(known), cumulate(moments, followed)])
    pairs = pair_arms(moments, controls)
    traits = [metrics[name] for name in moments.metric[pairs.treatment]]
    numbers = infer(make_contrasts(moments, pairs, traits), traits, procedure)
    families, adjustments = find_families(moments, pairs, traits)
    adjusted = adjust(numbers.verdicts.p, families, adjustments)
    make = RecordMaker(moments, pairs, traits, numbers, adjusted, adjustments, procedure)
    return tuple(make.estimate(i) for i in range(len(pairs.treatment)))
