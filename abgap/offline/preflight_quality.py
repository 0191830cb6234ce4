"""Steps 1, 2 and 5 before a launch, read off the offline rows: sanity, slices, and the comparison with production.

A loss fails a step only when it is established (by its interval, and by the p-value after the correction for many
tests); one that merely shows is a warning. The headline metric decides, when the study names one ([gap] offline, the
first); losses of the others are the price, and warned of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abgap.records import Interval, OfflineRow, Status, words
from abgap.records.preflight import SEVERITY, Evidence, PreflightStep, worst
from abgap.stats.arrays import MIN_UNITS

_MOST_SKIPPED = 0.1
_NOTHING = "Nothing to do."


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The offline rows of a candidate. headline: the metric that decides; None for all. alpha: of the study.

    worthwhile: the smallest gain worth having, by metric, as far as the study declares it.
    """

    candidate: str
    production: str
    rows: Sequence[OfflineRow]
    headline: str | None
    worthwhile: Mapping[str, float]
    alpha: float
    slice_loss: float

    @property
    def against_production(self) -> list[OfflineRow]:
        """Rows over all examples, held against production."""
        return [r for r in self.rows if r.baseline == self.production and r.slice_name is None]

    @property
    def alone(self) -> list[OfflineRow]:
        """One row over all examples for each metric, against production where there is such a row."""
        whole = [r for r in self.rows if r.slice_name is None]
        whole.sort(key=lambda r: r.baseline != self.production)
        return list({r.metric: r for r in reversed(whole)}.values())[::-1]

    @property
    def slices(self) -> list[OfflineRow]:
        """Rows of slices, held against production."""
        return [r for r in self.rows if r.baseline == self.production and r.slice_name is not None]


def sanity_step(judged: Judged) -> PreflightStep:
    """Step 1: are there offline metrics at all, over enough examples, better than what knows nothing?"""
    evidence = [_sane(row) for row in judged.alone]
    if not evidence:
        missing = f"an offline result of {judged.candidate!r}"
        return _untested(
            "offline", missing, "Evaluate it offline: [offline.scores], rankings or predictions."
        )
    status = worst(e.status for e in evidence)
    return PreflightStep(
        name="offline",
        status=status,
        sentence=_worst_sentence(evidence, status),
        next_action=_SANITY_NEXT.get(status, _NOTHING),
        evidence=tuple(evidence),
    )


_SANITY_NEXT = {
    Status.FAIL: "Find out why it does no better than a lazy solution before anything else.",
    Status.WARN: "Look at the evaluation itself: a better metric, or more examples.",
}


def _sane(row: OfflineRow) -> Evidence:
    status, why = _sanity(row)
    value = "has no value" if row.value is None else f"is {words.plain(row.value)}"
    over = "" if row.n is None else f" over {words.plural(row.n, 'example')}"
    return Evidence(
        name=row.metric,
        status=status,
        candidate=row.value,
        production=None,
        change=None,
        limit=None,
        unit="",
        sentence=f"{words.label(row.metric)} {value}{over}{why}.",
    )


def _sanity(row: OfflineRow) -> tuple[Status, str]:
    if row.value is None:
        return Status.WARN, ""
    if row.skill is not None and row.skill <= 0.0:
        return Status.FAIL, ", no better than a solution that learnt nothing"
    if row.n is not None and row.n < MIN_UNITS:
        return Status.WARN, ", too few to say anything"
    if row.n is not None and row.skipped > _MOST_SKIPPED * (row.n + row.skipped):
        return Status.WARN, f", with {words.count(row.skipped)} left out"
    if row.target_ready is False:
        return Status.WARN, ", a metric that a lazy solution satisfies too"
    return Status.PASS, ""


def slices_step(judged: Judged) -> PreflightStep:
    """Step 2: is any slice worse than with production?"""
    rows = sorted(judged.slices, key=_relative)
    if not rows:
        missing = f"an offline result of {judged.candidate!r} by slice, against {judged.production!r}"
        return _untested("slices", missing, "Declare slices = [...] of the source of the offline results.")
    evidence = sorted((_of_slice(row, judged) for row in rows), key=lambda e: SEVERITY.index(e.status))
    status = worst(e.status for e in evidence)
    worse = [e for e in evidence if e.status is not Status.PASS]
    sentence = f"No slice of {len(rows):,} is worse; the weakest: {evidence[0].sentence}"
    if worse:
        first = _worst_sentence(worse, status)
        sentence = f"{words.plural(len(worse), 'slice')} of {len(rows):,} to look at: {first}"
    return PreflightStep(
        name="slices",
        status=status,
        sentence=sentence,
        next_action=_SLICES_NEXT.get(status, _NOTHING),
        evidence=tuple(evidence),
    )


_SLICES_NEXT = {
    Status.FAIL: "Mend the slices that lose, or keep production for them.",
    Status.WARN: "Look at the slices that may lose: more examples of them would tell.",
}


def _of_slice(row: OfflineRow, judged: Judged) -> Evidence:
    limit = judged.slice_loss * abs(row.baseline_value or 0.0)
    gain, status = row.improvement, Status.PASS
    if isinstance(gain, Interval):
        if _established(row, judged.alpha) and gain.estimate < 0.0:
            status = Status.FAIL if gain.high < -limit else Status.WARN
        elif gain.estimate < -limit:
            status = Status.WARN
    elif _relative(row) < -judged.slice_loss:
        status = Status.WARN
    where = f"{row.slice_name} = {row.slice_value if row.slice_value is not None else 'not known'}"
    return _compared(row, status, f"{where}, {words.label(row.metric)}", limit)


def comparison_step(judged: Judged) -> PreflightStep:
    """Step 5: is it better than what is live?"""
    rows = judged.against_production
    if not rows:
        missing = f"an offline result of {judged.candidate!r} and {judged.production!r} on the same examples"
        return _untested("comparison", missing, "Evaluate both models on the same examples.")
    metrics = {row.metric for row in rows}
    headline = judged.headline if judged.headline in metrics else None
    evidence = [
        _compared(
            row,
            _against(row, judged, decides=headline in {None, row.metric}),
            words.label(row.metric),
            None,
        )
        for row in rows
    ]
    status = worst(e.status for e in evidence)
    gains = [e for e in evidence if e.status is Status.PASS]
    if headline is None and status is Status.WARN and gains and not any(_lost(r, judged.alpha) for r in rows):
        # Without a headline one established gain is a win when nothing else loses.
        status = Status.PASS
    ordered = sorted(evidence, key=lambda e: e.name != words.label(headline or ""))
    return PreflightStep(
        name="comparison",
        status=status,
        sentence=_worst_sentence(ordered, status),
        next_action=_COMPARISON_NEXT.get(status, _NOTHING),
        evidence=tuple(ordered),
    )


_COMPARISON_NEXT = {
    Status.FAIL: "Do not launch what is worse than what is live.",
    Status.WARN: "Evaluate on more examples, or decide what the losses of other metrics are worth.",
}


def _against(row: OfflineRow, judged: Judged, *, decides: bool) -> Status:
    """A metric that decides has to gain; another one must not lose."""
    if _lost(row, judged.alpha):
        return Status.FAIL if decides else Status.WARN
    gain = row.improvement
    if not isinstance(gain, Interval):
        return Status.WARN if decides else Status.PASS
    if not decides:
        return Status.PASS
    if not _established(row, judged.alpha) or gain.high < judged.worthwhile.get(row.metric, 0.0):
        return Status.WARN
    return Status.PASS


def _lost(row: OfflineRow, alpha: float) -> bool:
    gain = row.improvement
    return isinstance(gain, Interval) and gain.estimate < 0.0 and _established(row, alpha)


def _established(row: OfflineRow, alpha: float) -> bool:
    better = row.improvement
    if not isinstance(better, Interval) or not better.excludes_zero():
        return False
    return row.p_adjusted is None or row.p_adjusted < alpha


def _relative(row: OfflineRow) -> float:
    """The bare gain as a share of production's value, up is good; 0 where there is none."""
    better = row.bare_improvement
    return 0.0 if better is None or not row.baseline_value else better / abs(row.baseline_value)


def _compared(row: OfflineRow, status: Status, name: str, limit: float | None) -> Evidence:
    values = "" if None in {row.value, row.baseline_value} else (
        f" {words.plain(row.value or 0.0)} against {words.plain(row.baseline_value or 0.0)}"
    )  # fmt: skip
    gain = words.signed_interval(row.gain) if isinstance(row.gain, Interval) else row.gain.detail
    return Evidence(
        name=name,
        status=status,
        candidate=row.value,
        production=row.baseline_value,
        change=row.gain,
        limit=limit,
        unit="",
        sentence=f"{name}{values}: {gain}.",
    )


def _untested(name: str, missing: str, action: str) -> PreflightStep:
    return PreflightStep(
        name=name,
        status=Status.NOT_TESTABLE,
        sentence=f"Cannot be tested without {missing}.",
        next_action=action,
        missing=(missing,),
    )


def _worst_sentence(evidence: Sequence[Evidence], status: Status) -> str:
    return next((e.sentence for e in evidence if e.status is status), evidence[0].sentence)
