"""What the study promises of its metrics: who answers for each, why it was chosen, when it is looked at again.

A metric is a modelling decision: it is chosen for a reason, by somebody, for a while. What is overdue, and what decides
without a reason or an owner, is a finding. A study that makes no such promises is not reminded of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from abgap.offline.catalogue import MetricEntry, find_metric
from abgap.offline.directions import direction_of
from abgap.records import Check, Direction, Role, Status
from abgap.records.checks import make_check, quoted_names
from abgap.records.words import listed
from abgap.study.model import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What the study declares of one metric.

    part: ``metrics`` or ``offline_metrics``. known_as: the entry of the catalogue that it is, None when it is none.
    decides: whether verdicts or launches hang on it.
    """

    name: str
    part: str
    known_as: str | None
    direction: Direction
    decides: bool
    owner: str | None
    why: str | None
    review_by: dt.date | None

    def is_overdue(self, today: dt.date) -> bool:
        """Whether it should have been looked at before this day."""
        return self.review_by is not None and self.review_by < today

    @property
    def lacks(self) -> tuple[str, ...]:
        """What nobody has written down."""
        said = {"an owner": self.owner, "a reason": self.why}
        return tuple(word for word, value in said.items() if value is None)


def contracts_of(study: Study) -> tuple[Contract, ...]:
    """The contracts of all declared metrics, business before offline, as the study has them."""
    return (*_business(study), *_offline(study))


def contract_checks(study: Study, last_day: dt.date | None) -> list[Check]:
    """Overdue reviews, and deciding metrics without owner or reason. last_day: of the data, None when not known.

    Empty when there is nothing to say; a clock is not asked, so that the same data give the same checks.
    """
    contracts = contracts_of(study)
    return [*_overdue(contracts, last_day), *_undocumented(contracts)]


def _business(study: Study) -> Iterator[Contract]:
    for name, metric in study.metrics.items():
        yield Contract(
            name=name,
            part="metrics",
            known_as=_entry_name(find_metric(name)),
            direction=metric.direction,
            decides=metric.role in {Role.PRIMARY, Role.GUARDRAIL} or name in study.gap.business,
            owner=metric.owner,
            why=metric.why,
            review_by=metric.review_by,
        )


def _offline(study: Study) -> Iterator[Contract]:
    for name, metric in study.offline_metrics.items():
        yield Contract(
            name=name,
            part="offline_metrics",
            known_as=_entry_name(find_metric(metric.metric or name)),
            direction=direction_of(study, name),
            decides=name in study.gap.offline,
            owner=metric.owner,
            why=metric.why,
            review_by=metric.review_by,
        )


def _entry_name(entry: MetricEntry | None) -> str | None:
    return None if entry is None else entry.name


def _overdue(contracts: Sequence[Contract], last_day: dt.date | None) -> Iterator[Check]:
    """One check per metric, the longest overdue first."""
    if last_day is None:
        return
    late = [(c.review_by, c) for c in contracts if c.review_by is not None and c.is_overdue(last_day)]
    for review_by, contract in sorted(late, key=lambda pair: pair[0]):
        whom = f"its owner is {contract.owner!r}" if contract.owner is not None else "nobody owns it"
        sentence = (
            f"The review of {contract.part}.{contract.name!r} was due on {review_by}, the data reach to {last_day}: "
            f"{whom}; look at it again, and set a new review_by."
        )
        days = float((last_day - review_by).days)
        yield make_check("overdue_review", None, Status.WARN, sentence, value=days, threshold=0.0)


def _undocumented(contracts: Sequence[Contract]) -> Iterator[Check]:
    """What decides without an owner or a reason, in a study in which others have them."""
    if not any(contract.owner or contract.why for contract in contracts):
        return
    lacking = [contract for contract in contracts if contract.decides and contract.lacks]
    if lacking:
        each = [f"{quoted_names([contract.name])} ({listed(contract.lacks)})" for contract in lacking[:8]]
        more = f" and {len(lacking) - 8} more" if len(lacking) > 8 else ""
        yield make_check(
            "undocumented_metrics",
            None,
            Status.WARN,
            f"Metrics that decide and lack what others of the study have: {', '.join(each)}{more}.",
            value=float(len(lacking)),
            threshold=0.0,
        )
