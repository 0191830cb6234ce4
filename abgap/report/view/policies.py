"""Policies judged from logged decisions: every estimate with what it rests on, and what positions earned."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.records import Results, words
from abgap.records.counterfactual import Counterfactual, OffPolicyEstimate
from abgap.report import numbers
from abgap.report.view.cells import cell
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Group, Table

ESTIMATORS = {"ips": "IPS", "clipped_ips": "clipped IPS", "snips": "SNIPS", "dr": "doubly robust"}


def policy_tables(results: Results, limits: Limits) -> Iterator[Table]:
    """The policies, then the positions; nothing for a study without logged decisions."""
    if results.counterfactual:
        yield _policies(results, limits)
    if results.positions:
        yield _positions(results, limits)


def _policies(results: Results, limits: Limits) -> Table:
    kept = results.counterfactual[: limits.models]
    return Table(
        key="policies",
        caption="What other policies would have earned, judged from logged decisions",
        columns=(
            Column(label="Estimator"),
            Column(label="Reward", kind="number", note="per decision"),
            Column(label="Against the log", kind="number"),
        ),
        groups=tuple(
            Group(title=policy_title(policy), rows=tuple(_estimate(e) for e in policy.estimates))
            for policy in kept
        ),
        note=left_out(len(kept), len(results.counterfactual), "policies"),
    )


def policy_title(policy: Counterfactual) -> str:
    """The policy with what its numbers rest on."""
    found = policy.weights
    rests = words.plural(policy.decisions, "decision")
    if found is None:
        return f"{policy.policy}: {rests}"
    return (
        f"{policy.policy}: {rests} worth {words.count(found.effective_sample)}, mean weight "
        f"{numbers.number(found.mean_weight).text}, largest {numbers.number(found.max_weight).text}"
    )


def _estimate(estimate: OffPolicyEstimate) -> tuple[Cell, ...]:
    return (
        Cell(text=ESTIMATORS.get(estimate.name, estimate.name)),
        cell(numbers.plain(estimate.value)),
        cell(numbers.gain(estimate.gain)),
    )


def _positions(results: Results, limits: Limits) -> Table:
    kept = results.positions[: limits.rows]
    return Table(
        key="positions",
        caption="Reward by position, as it was logged",
        columns=(
            Column(label="Logging policy"),
            Column(label="Position", kind="number"),
            Column(label="Decisions", kind="number"),
            Column(label="Reward", kind="number", note="per decision"),
        ),
        groups=(
            Group(
                title="",
                rows=tuple(
                    (
                        Cell(text=rate.logger or "one policy"),
                        Cell(text=rate.position or numbers.NOTHING),
                        cell(numbers.count(rate.decisions)),
                        cell(numbers.plain(rate.value)),
                    )
                    for rate in kept
                ),
            ),
        ),
        note=left_out(len(kept), len(results.positions), "positions"),
    )


def policy_remarks(results: Results, limits: Limits) -> tuple[str, ...]:
    """What each policy's numbers say, and what to do about it."""
    return tuple(f"{c.sentence} {c.next_action}" for c in results.counterfactual[: limits.models])
