"""How a study's results are tested, out of its head."""

from __future__ import annotations

from abgap.records.vocabulary import LiftMethod
from abgap.stats.bayesian import Prior
from abgap.stats.procedure import Procedure
from abgap.stats.rule import FIXED, AnytimeValid
from abgap.study.model import Study


def procedure_of(study: Study) -> Procedure:
    """The level, the looks, the lift intervals and the prior of ``study``."""
    head, belief = study.study, study.bayesian
    return Procedure(
        alpha=head.alpha,
        rule=AnytimeValid(units=float(head.sequential_units)) if head.looks == "sequential" else FIXED,
        lift_method=LiftMethod(head.lift_interval),
        slopes_by_arm=head.covariate_slopes == "by_arm",
        by_cluster=study.is_clustered,
        prior=None if belief is None else Prior(lift=belief.prior_lift, sd=belief.prior_sd),
    )
