"""What an outcome looks like: a tone (colour), a sign (shape) and a word, always all three.

Nobody has to tell colours apart to read the report. The tones are names of colours in the stylesheet and the charts;
the sign is a character that Markdown and a terminal print and that HTML draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from abgap.records import (
    Decision,
    Estimate,
    ExperimentResult,
    Interval,
    OfflineRow,
    Role,
    Status,
    VerdictName,
)

Tone: TypeAlias = Literal["good", "part", "flat", "bad", "bonus", "unsure", "void", "blocked"]
TONES: tuple[Tone, ...] = ("good", "part", "flat", "bad", "bonus", "unsure", "void", "blocked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """tone: colour. sign: one character. word: what it says."""

    tone: Tone
    sign: str
    word: str


# An estimate of an experiment that a blocking check failed: shown, without a colour, and without a reading.
NOT_JUDGED = Mark(tone="blocked", sign="–", word="not judged")
NOTHING_TO_SHIP = Mark(tone="unsure", sign="–", word="nothing to ship")


_VERDICTS: dict[VerdictName, tuple[Tone, str]] = {
    VerdictName.TRANSLATED: ("good", "✓"),
    VerdictName.FELL_SHORT: ("part", "◐"),
    VerdictName.MISSED_BY_OFFLINE: ("bonus", "↑"),
    VerdictName.DID_NOT_MOVE: ("flat", "="),
    VerdictName.REVERSED: ("bad", "↓"),
    VerdictName.LOSS_CONFIRMED: ("bad", "✕"),
    VerdictName.NO_OFFLINE_GAIN: ("unsure", "○"),
    VerdictName.INCONCLUSIVE: ("unsure", "?"),
    VerdictName.UNTRUSTWORTHY: ("void", "!"),
}
VERDICT_ORDER = tuple(_VERDICTS)

VERDICT_MEANINGS: dict[VerdictName, str] = {
    VerdictName.TRANSLATED: "the offline gain is established and the online interval lies above zero",
    VerdictName.FELL_SHORT: "the online interval lies above zero, but below what the offline gain should have brought",
    VerdictName.MISSED_BY_OFFLINE: "the online interval lies above zero without an established offline gain",
    VerdictName.DID_NOT_MOVE: "the offline gain is established and the whole online interval lies within the "
    "smallest worthwhile lift: shown to be too small to matter",
    VerdictName.REVERSED: "the offline gain is established and the online interval lies below zero",
    VerdictName.LOSS_CONFIRMED: "an offline loss is established and the online interval lies below zero",
    VerdictName.NO_OFFLINE_GAIN: "neither an offline gain nor an online change is established",
    VerdictName.INCONCLUSIVE: "the intervals allow several of these; more data would tell",
    VerdictName.UNTRUSTWORTHY: "a blocking data check failed; the estimates are shown, but nothing follows from them",
}

_DECISIONS: dict[Decision, tuple[Tone, str]] = {
    Decision.SHIP: ("good", "✓"),
    Decision.DO_NOT_SHIP: ("bad", "✕"),
    Decision.KEEP_RUNNING: ("unsure", "…"),
    Decision.CANNOT_BE_JUDGED: ("void", "!"),
}
DECISION_ORDER = tuple(_DECISIONS)

_STATUSES: dict[Status, Mark] = {
    Status.FAIL: Mark(tone="bad", sign="✕", word="failed"),
    Status.WARN: Mark(tone="part", sign="!", word="warning"),
    Status.NOT_TESTABLE: Mark(tone="unsure", sign="–", word="not testable"),
    Status.PASS: Mark(tone="good", sign="✓", word="passed"),
}
STATUS_ORDER = tuple(_STATUSES)


def verdict_mark(verdict: VerdictName) -> Mark:
    """How a verdict is shown."""
    tone, sign = _VERDICTS[verdict]
    return Mark(tone=tone, sign=sign, word=verdict.value)


def decision_mark(decision: Decision) -> Mark:
    """How a decision is shown."""
    tone, sign = _DECISIONS[decision]
    return Mark(tone=tone, sign=sign, word=decision.value)


def is_same_model(experiment: ExperimentResult) -> bool:
    """Whether all arms ran one model, so that there is no gain to look for (an A/A test)."""
    named = [experiment.models.get(arm) for arm in experiment.arms]
    return len(named) > 1 and None not in named and len(set(named)) == 1


def outcome_mark(experiment: ExperimentResult) -> Mark:
    """How the decision about an experiment is shown; one model against itself leaves nothing to decide."""
    judged = experiment.decision is not Decision.CANNOT_BE_JUDGED
    return NOTHING_TO_SHIP if judged and is_same_model(experiment) else decision_mark(experiment.decision)


def status_mark(status: Status) -> Mark:
    """How the outcome of a data check is shown."""
    return _STATUSES[status]


def reading(estimate: Estimate, *, alpha: float, trusted: bool = True) -> Mark:
    """What one line of a scorecard says, and no more than its interval supports.

    trusted: False when a blocking check of the experiment failed; then nothing is read from it.
    """
    if not trusted:
        return NOT_JUDGED
    if not isinstance(estimate.difference, Interval):
        return Mark(tone="unsure", sign="–", word="not estimable")
    worse = estimate.significant and estimate.difference.estimate * estimate.direction.sign < 0.0
    if estimate.role is Role.GUARDRAIL and estimate.non_inferiority is not None:
        return _guardrail_reading(holds=estimate.non_inferiority.holds, worse=worse)
    if worse:
        return Mark(tone="bad", sign="↓", word="worse")
    if estimate.significant:
        return Mark(tone="good", sign="↑", word="better")
    if estimate.equivalence_p is not None and estimate.equivalence_p < alpha:
        return Mark(tone="flat", sign="=", word="no change that matters")
    return Mark(tone="unsure", sign="?", word="not established")


def offline_reading(row: OfflineRow, *, alpha: float) -> Mark:
    """What one offline row says: the adjusted p-value decides, or the interval where there is none."""
    if row.baseline is None:
        return Mark(tone="unsure", sign="–", word="no baseline")
    if not isinstance(row.gain, Interval):
        return Mark(tone="unsure", sign="–", word="not estimable")
    p, better = row.p_adjusted, row.improvement
    if not isinstance(better, Interval) or not better.excludes_zero() or (p is not None and p >= alpha):
        return Mark(tone="unsure", sign="?", word="not established")
    if better.estimate > 0.0:
        return Mark(tone="good", sign="↑", word="better")
    return Mark(tone="bad", sign="↓", word="worse")


def _guardrail_reading(*, holds: bool, worse: bool) -> Mark:
    if holds and worse:
        return Mark(tone="part", sign="!", word="worse, within margin")
    if holds:
        return Mark(tone="good", sign="✓", word="within margin")
    if worse:
        return Mark(tone="bad", sign="↓", word="worse")
    return Mark(tone="part", sign="?", word="margin not shown")
