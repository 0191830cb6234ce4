"""Robustness: the gain is one on clean inputs, and live inputs are perturbed (typos, case, cut off) more often.

The test set tags perturbed inputs with a slice. The amount is what the claimed gain, over all examples, loses when
perturbed ones have the share that they have live: as live sources tell it, else as the study declares it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.sliced_gains import SlicedGain, as_interval, is_mean, sliced_gain, sliced_rows
from abgap.gap.reasons.weighing import Words, interval_row, untestable, weigh, without_claim
from abgap.records import EvidenceRow, Finding, Measure, Side
from abgap.records.moments import FloatArray
from abgap.records.words import label, percent, signed_interval
from abgap.study.model import Perturbed

NAME, TITLE = "robustness", "Robustness to perturbed inputs"
_QUERY = "offline_sums"
_CLEAN, _PERTURBED = "clean", "perturbed"
_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _LiveShare:
    """Share of live requests that are perturbed. draws: that it was counted over, infinite where it is declared."""

    perturbed: float
    draws: float

    @property
    def shares(self) -> FloatArray:
        """Of clean and perturbed ones."""
        return np.array([1.0 - self.perturbed, self.perturbed])


def judge(case: Case) -> Finding:
    """Hold the gain on clean inputs against that on perturbed ones."""
    perturbed = case.study.gap.perturbed
    if perturbed is None:
        detail = "the study does not say which test examples are perturbed"
        return untestable(NAME, TITLE, detail, missing=["[gap] perturbed"], sql=_QUERY)
    if case.target is None:
        return without_claim(NAME, TITLE)
    rows = sliced_rows(case).get(perturbed.slice)
    gain = sliced_gain(perturbed.slice, rows or ())
    if rows is None or gain is None or len(gain.values) < 2 or perturbed.clean not in gain.values:
        return _without_slice(perturbed, gain, has_rows=rows is not None)
    if not is_mean(case):
        detail = (
            f"{label(case.offline_metric)} is no mean over examples, so that inputs have no gain of their own"
        )
        return untestable(NAME, TITLE, detail, sql=_QUERY)
    live = _live_share(case, perturbed)
    if live is None:
        detail = "nothing tells how many live requests are perturbed"
        return untestable(NAME, TITLE, detail, missing=["[gap.perturbed] live_share"], sql=_QUERY)
    return _weighed(case, gain, _of_two(gain, perturbed.clean), live)


def _without_slice(perturbed: Perturbed, gain: SlicedGain | None, *, has_rows: bool) -> Finding:
    """What of the test set is missing."""
    if not has_rows:
        detail, missing = (
            f"the test set has no slice {perturbed.slice!r}",
            [f"slice {perturbed.slice} of the test set"],
        )
    elif gain is None or perturbed.clean not in gain.values:
        detail = f"the test set has too few clean examples ({perturbed.slice!r} is {perturbed.clean!r})"
        missing = [f"clean examples in slice {perturbed.slice}"]
    else:
        detail = f"the test set has too few perturbed examples (other values of {perturbed.slice!r})"
        missing = [f"perturbed examples in slice {perturbed.slice}"]
    return untestable(NAME, TITLE, detail, missing=missing, sql=_QUERY)


def _live_share(case: Case, perturbed: Perturbed) -> _LiveShare | None:
    mixes = case.evidence.live_mixes(case.experiment, case.treatment, case.business_metric)
    mix = mixes.get(perturbed.slice)
    known = {} if mix is None else {value: n for value, n in mix.counts.items() if value is not None}
    total = sum(known.values())
    if mix is not None and total:
        draws = float(total if mix.draws is None else mix.draws)
        return _LiveShare(perturbed=1.0 - known.get(perturbed.clean, 0) / total, draws=draws)
    if perturbed.live_share is None:
        return None
    return _LiveShare(perturbed=perturbed.live_share, draws=np.inf)


def _of_two(gain: SlicedGain, clean: str) -> SlicedGain:
    """All kinds of perturbed examples as one, in the mix that the test set has."""
    at = gain.row(clean)
    rest = gain.only([i for i in range(len(gain.values)) if i != at])
    n, mean = rest.examples, rest.gain
    total = float(np.sum(n))
    centre = float(np.sum(n * mean)) / total
    second = float(np.sum((n - 1.0) * rest.variance + n * (mean - centre) ** 2))
    return SlicedGain(
        slice_name=gain.slice_name,
        values=(_CLEAN, _PERTURBED),
        examples=np.array([float(gain.examples[at]), total]),
        gain=np.array([float(gain.gain[at]), centre]),
        variance=np.array([float(gain.variance[at]), second / (total - 1.0)]),
    )


def _weighed(case: Case, gain: SlicedGain, two: SlicedGain, live: _LiveShare) -> Finding:
    if case.target is None:
        raise TypeError("without a claim there is nothing to weigh")
    alpha = case.study.study.alpha
    clean, perturbed = (two.interval(value, alpha) for value in two.values)
    told = (
        f"the gain in {label(case.offline_metric)} is {signed_interval(perturbed)} for perturbed inputs and "
        f"{signed_interval(clean)} for clean ones, and of live requests {percent(live.perturbed)} are perturbed"
    )
    words = Words(
        supported=told,
        contradicted=told,
        next_action="Train on perturbed inputs too, or mend inputs before the model, and test it on both.",
    )
    amount = as_interval(two.lost_at(live.shares, live.draws), alpha, "re-weighted")
    evidence = tuple(_evidence(gain, two, live, alpha))
    return weigh(case, NAME, TITLE, case.target.in_lift(amount), words, sql=_QUERY, evidence=evidence)


def _evidence(gain: SlicedGain, two: SlicedGain, live: _LiveShare, alpha: float) -> Iterator[EvidenceRow]:
    shown = [(two, value, f"{value} inputs") for value in two.values]
    if len(gain.values) > 2:
        shown += [(gain, value, f"{gain.slice_name} = {value}") for value in gain.values[:_SHOWN]]
    for of, value, name in shown:
        yield interval_row(f"gain, {name}", of.interval(value, alpha))
    yield EvidenceRow(name="perturbed, of the test set", value=float(two.shares[1]), measure=Measure.SHARE)
    yield EvidenceRow(name="perturbed, of live requests", value=live.perturbed, measure=Measure.SHARE)


REASON = Reason(name=NAME, title=TITLE, judge=judge, side=Side.OFFLINE)
