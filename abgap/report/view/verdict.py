"""The verdict of the whole study in a sentence, and a second one for what the first leaves out.

A result is one treatment arm of one experiment, spoken for by its first gap pair. Results that cannot be trusted count
neither for nor against; they are named beside the verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from abgap.records import Decision, ExperimentResult, Gap, Portfolio, VerdictName, words
from abgap.report.marks import DECISION_ORDER
from abgap.report.reasons import supported
from abgap.report.view.cells import joined
from abgap.report.view.index import Index, gain_is_established

_REACHED = frozenset({VerdictName.TRANSLATED, VerdictName.FELL_SHORT})
_MOST_REASONS = 3
_DECISION_WORDS = {
    Decision.SHIP: "to ship",
    Decision.DO_NOT_SHIP: "not to ship",
    Decision.KEEP_RUNNING: "to keep running",
    Decision.CANNOT_BE_JUDGED: "that cannot be judged",
}


def verdict_of(index: Index, gaps: Sequence[Gap]) -> tuple[str, str]:
    """The sentence and its supplement. gaps: one per result."""
    if len(index.ranked) == 1 and len(gaps) < 2:
        return _of_one(index.ranked[0])
    return _with_gaps(gaps) if gaps else _without_gaps(index)


def _of_one(experiment: ExperimentResult) -> tuple[str, str]:
    """A study of one experiment needs no counting: it says what the experiment says."""
    reason = "" if experiment.decision_reason == experiment.headline else experiment.decision_reason
    return experiment.headline, joined(f"{experiment.name}: {experiment.decision.value}.", reason)


def _with_gaps(gaps: Sequence[Gap]) -> tuple[str, str]:
    trusted = [gap for gap in gaps if gap.verdict is not VerdictName.UNTRUSTWORTHY]
    if not trusted:
        return f"None of {words.plural(len(gaps), 'result')} can be trusted.", ""
    doubt = len(gaps) - len(trusted)
    cannot = f"; {words.plural(doubt, 'result')} cannot be trusted" if doubt else ""
    won = [gap for gap in trusted if gain_is_established(gap)]
    others = _others(gap for gap in trusted if not gain_is_established(gap))
    if not won:
        return f"No offline gain is established in {words.plural(len(trusted), 'result')}{cannot}.", others
    reached = sum(gap.verdict in _REACHED for gap in won)
    of_all = f"of {words.plural(len(won), 'offline gain')}"
    if reached:
        sentence = f"{words.count(reached)} {of_all} reached {_metric_of(gaps)}{cannot}."
    else:
        sentence = f"None {of_all} is shown to have reached {_metric_of(gaps)}{cannot}."
    return sentence, joined(_fate(won), _main_reasons(won), others)


def _main_reasons(won: Sequence[Gap]) -> str:
    """Which reasons explain most of what did not arrive, the commonest first."""
    counts = Counter(found[0].title for gap in won if (found := supported(gap)))
    if not counts:
        return ""
    told = [f"{words.lower_case(title)} ({words.count(n)})" for title, n in counts.most_common(_MOST_REASONS)]
    return f"Main {'reasons' if len(told) > 1 else 'reason'}: {words.listed(told)}."


def _fate(won: Sequence[Gap]) -> str:
    """What became of the offline gains that did not simply arrive."""
    counts = Counter(gap.verdict for gap in won)
    short, open_ = counts[VerdictName.FELL_SHORT], counts[VerdictName.INCONCLUSIVE]
    return _sentence(
        "Of these gains, ",
        (
            (short, "brought less than expected"),
            (counts[VerdictName.DID_NOT_MOVE], "did not move it"),
            (counts[VerdictName.REVERSED], "went the other way"),
            (open_, "is inconclusive" if open_ == 1 else "are inconclusive"),
        ),
    )


def _others(gaps: Iterable[Gap]) -> str:
    """What the results without an established offline gain did."""
    counts = Counter(gap.verdict for gap in gaps)
    open_ = counts[VerdictName.INCONCLUSIVE]
    return _sentence(
        "Without an offline gain, ",
        (
            (counts[VerdictName.MISSED_BY_OFFLINE], "won all the same"),
            (counts[VerdictName.NO_OFFLINE_GAIN], "changed nothing that is established"),
            (counts[VerdictName.LOSS_CONFIRMED], "lost online too"),
            (open_, "is inconclusive" if open_ == 1 else "are inconclusive"),
        ),
    )


def _sentence(lead: str, clauses: Iterable[tuple[int, str]]) -> str:
    said = [f"{words.count(count)} {clause}" for count, clause in clauses if count]
    return f"{lead}{words.listed(said)}." if said else ""


def _metric_of(gaps: Iterable[Gap]) -> str:
    """The business metric in words, when all results share one."""
    names = {gap.business_metric for gap in gaps}
    return words.label(names.pop()) if len(names) == 1 else "the business metric"


def _without_gaps(index: Index) -> tuple[str, str]:
    experiments = index.results.experiments
    if not experiments and index.results.portfolio.n_experiments:
        return _of_effects(index.results.portfolio)
    if not experiments:
        return (
            "There is no experiment to judge.",
            "The study names no experiment, or none was found in the data.",
        )
    counts = Counter(experiment.decision for experiment in experiments)
    said = [f"{words.count(counts[d])} {_DECISION_WORDS[d]}" for d in DECISION_ORDER if counts[d]]
    total = words.plural(len(experiments), "experiment")
    return f"{total}: {words.listed(said)}.", "No offline metric is held against these experiments."


def _of_effects(portfolio: Portfolio) -> tuple[str, str]:
    """Where nothing but ready-made effects is known, what they say together is the verdict."""
    total = words.plural(portfolio.n_experiments, "experiment")
    told = next(iter(portfolio.sentences), "What the effects say together is not settled.")
    return told, f"{total} known by their effects alone: none of them is judged by itself."
