"""Which query the offline numbers of a study come from: reasons that read no rows of their own name it."""

from __future__ import annotations

from abgap.study.model import Study


def offline_query(study: Study) -> str | None:
    """The query that compares models; None where a tracker brings ready-made values alone."""
    offline = study.offline
    if offline.scores is not None or offline.rankings is not None:
        return "offline_sums"
    if offline.predictions is None:
        return None
    return "binary_pair_cells" if offline.predictions.task == "binary" else "term_pairs"
