"""All experiments together, as far as counting goes: verdicts and the nine cells.

What needs a model of the portfolio is not guessed from these counts: both axes carry noise, and sizes differ by orders
of magnitude.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from abgap.gap.pairs import JudgedPair
from abgap.gap.verdict import Sign
from abgap.records import NineCells, Portfolio, VerdictName
from abgap.records.words import plural


def count_portfolio(pairs: Sequence[JudgedPair], *, n_experiments: int) -> Portfolio:
    """Counts over the pairs of all experiments; verdicts once per treatment arm, by its first pair."""
    found = Counter(pair.gap.verdict for pair in pairs if pair.first)
    return Portfolio(
        n_experiments=n_experiments,
        verdicts={name.value: found[name] for name in VerdictName},
        nine_cells=_nine_cells(pairs),
        refusals=tuple(_refusals(pairs)),
    )


def _nine_cells(pairs: Sequence[JudgedPair]) -> tuple[NineCells, ...]:
    """One table for each pair of metrics, in the order of the study."""
    groups: dict[tuple[str, str], list[JudgedPair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.gap.offline_metric, pair.gap.business_metric].append(pair)
    return tuple(_cells(offline, business, group) for (offline, business), group in groups.items())


def _cells(offline_metric: str, business_metric: str, group: Sequence[JudgedPair]) -> NineCells:
    found = Counter((pair.verdict.offline, pair.verdict.online) for pair in group if _trusted(pair))
    down, flat, up = (
        (found[row, Sign.DOWN], found[row, Sign.FLAT], found[row, Sign.UP])
        for row in (Sign.DOWN, Sign.FLAT, Sign.UP)
    )
    return NineCells(
        offline_metric=offline_metric,
        business_metric=business_metric,
        counts=(down, flat, up),
        untrustworthy=sum(not _trusted(pair) for pair in group),
    )


def _refusals(pairs: Sequence[JudgedPair]) -> list[str]:
    """What is not said about the portfolio, and why."""
    refusals = []
    trusted = [pair for pair in pairs if _trusted(pair)]
    unknown = sum(not _known(pair) for pair in trusted)
    if unknown:
        refusals.append(
            f"{plural(unknown, 'pair')} of metrics not counted in the nine cells: "
            "the offline gain or the online lift is not known."
        )
    bare = len({_gain(pair) for pair in trusted if pair.gap.offline_face_value is not None})
    if bare:
        refusals.append(
            f"{plural(bare, 'offline gain')} came without an interval and counted by sign: "
            "the reliability of that axis is unknown."
        )
    return refusals


def _gain(pair: JudgedPair) -> tuple[str, str, str]:
    """A gain is one, however many business metrics it is held against."""
    return pair.gap.experiment, pair.gap.treatment, pair.gap.offline_metric


def _trusted(pair: JudgedPair) -> bool:
    return pair.gap.verdict is not VerdictName.UNTRUSTWORTHY


def _known(pair: JudgedPair) -> bool:
    return pair.verdict.offline is not None and pair.verdict.online is not None
