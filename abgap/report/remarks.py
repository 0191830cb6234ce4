"""What has to be said beside an estimate, and only then: the words that report and terminal share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from abgap.records import Estimate, Heterogeneity, NotEstimable, OfflineRow, Reason, Role, Trend, words
from abgap.report import numbers

# From here on a significant result of a worthwhile size would be told much too large on average.
_OVERSTATED = 1.5
# The last probability that is told by its digits.
_SURE = 0.999
# Reasons that the cell of a gain says well enough.
_SHOWN_IN_THE_TABLE = frozenset({Reason.NOT_DECLARED, Reason.NO_INTERVAL_GIVEN})


def offline_remarks(row: OfflineRow) -> tuple[str, ...]:
    """What is to be known beside an offline metric: its notes, and why there is no number where there should be one."""
    why = row.gain.detail if isinstance(row.gain, NotEstimable) else ""
    told = row.gain.reason in _SHOWN_IN_THE_TABLE if isinstance(row.gain, NotEstimable) else True
    return row.notes if told or not why else (*row.notes, why)


def unadjusted(estimate: Estimate) -> str:
    """The lift without covariates or strata, where the lift shown is with them."""
    if estimate.unadjusted is None:
        return ""
    return f"unadjusted {numbers.lift(estimate.unadjusted.lift).text}"


def shrunk(estimate: Estimate) -> str:
    """The lift of a slice, pulled towards the other slices."""
    return "" if estimate.shrunk_lift is None else f"pulled in {numbers.lift(estimate.shrunk_lift).text}"


def belief(estimate: Estimate) -> str:
    """The Bayesian summary, where the study asks for one."""
    found = estimate.bayesian
    if found is None:
        return ""
    better, loss = (
        _chance(found.probability_better),
        words.percent(found.expected_loss_of_shipping, decimals=2),
    )
    return f"P(better) {better}, expected loss {loss}"


def _chance(probability: float) -> str:
    """A probability in percent that is never rounded to certainty."""
    if probability > _SURE:
        return f"> {words.percent(_SURE)}"
    return f"< {words.percent(1.0 - _SURE)}" if probability < 1.0 - _SURE else words.percent(probability)


def footnotes(estimates: Sequence[Estimate], *, without: Sequence[str] = (), arms: bool = False) -> list[str]:
    """The notes of the estimates, each once, with the metrics it is about.

    without: beginnings of notes that are left out. arms: whether to name treatments where a note is not about all.
    """
    about: dict[str, list[Estimate]] = {}
    for estimate in estimates:
        for note in estimate.notes:
            if not note.startswith(tuple(without)):
                about.setdefault(note, []).append(estimate)
    return [f"{_subjects(of, estimates, arms=arms)}: {note.rstrip('.')}." for note, of in about.items()]


def _subjects(about: Sequence[Estimate], among: Sequence[Estimate], *, arms: bool) -> str:
    """The metrics of some estimates, with the treatment where it is not all treatments of the metric."""
    named = []
    for e in about:
        all_arms = sum(one.metric == e.metric for one in about) == sum(
            one.metric == e.metric for one in among
        )
        named.append(e.metric if all_arms or not arms else f"{e.metric} ({e.treatment})")
    return words.listed(list(dict.fromkeys(named)))


def cautions(
    estimates: Iterable[Estimate],
    heterogeneity: Iterable[Heterogeneity],
    trends: Iterable[Trend],
    alpha: float,
) -> list[str]:
    """What a reader of an experiment's headline would otherwise overlook."""
    changing = [trend.sentence for trend in trends if trend.pattern is not None]
    return [*_exaggerations(estimates), *_differences(heterogeneity, alpha), *changing]


def _exaggerations(estimates: Iterable[Estimate]) -> list[str]:
    """Significant primaries of tests so weak that a worthwhile effect would be told much too large."""
    said = []
    for e in estimates:
        weak = e.type_m is not None and e.type_s is not None and e.type_m >= _OVERSTATED
        if e.role is not Role.PRIMARY or not (e.significant and weak) or e.type_m is None or e.type_s is None:
            continue
        said.append(
            f"{words.sentence_case(words.label(e.metric))} ({e.treatment}): of an effect of the smallest worthwhile "
            f"size, a test this small shows {words.plain(e.type_m, decimals=1)} times as much on average once it is "
            f"significant, and the wrong sign in {words.percent(e.type_s)} of cases. Take the size with care."
        )
    return said


def _differences(found: Iterable[Heterogeneity], alpha: float) -> list[str]:
    """Slices that are shown to differ, or to contradict the whole; primaries and guardrails only."""
    return [
        one.sentence
        for one in found
        if one.role in {Role.PRIMARY, Role.GUARDRAIL} and _is_established(one, alpha)
    ]


def _is_established(found: Heterogeneity, alpha: float) -> bool:
    """Whether a comparison of slices shows anything."""
    differs = found.p_adjusted is not None and found.p_adjusted < alpha
    return differs or (found.decomposition is not None and found.decomposition.reversal)
