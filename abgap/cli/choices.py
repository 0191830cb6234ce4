"""A recommended set of metrics for a terminal: seven steps, the set with its reasons, lazy scores, the TOML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from abgap.cli.terminal import Terminal, columns
from abgap.offline.catalogue import find_metric
from abgap.records import words

if TYPE_CHECKING:
    from abgap.offline.choice import Recommendation
    from abgap.offline.choice.recommending import LazyScore
    from abgap.offline.choice.rules import Pick


def show_recommendation(found: Recommendation) -> None:
    """Everything that was recommended, and why."""
    out = Terminal()
    for step in found.steps:
        out.point(
            (f"{step.number}.", "dim"),
            (step.question, "bold"),
            f" {step.answer}",
            (f": {step.consequence}", ""),
        )
    out.line()
    out.line(("Target  ", "bold green"), (found.target.metric, "bold"), f"   {found.target.reason}")
    _picks(out, "Beside it", found.beside)
    _picks(out, "Guardrails", found.guardrails)
    _picks(out, "Hold the gain against", found.business)
    _picks(out, "Not as the target", found.avoid)
    if found.disagreement:
        out.line(("Where they disagree: ", "bold"), found.disagreement)
    out.line()
    out.line(("A lazy solution gets", "bold"))
    out.table(columns("metric", ">score", "how"), [_lazy(lazy) for lazy in found.lazy])
    out.line()
    out.line(("For the study file", "bold"))
    for line in found.toml.splitlines():
        out.line(line)
    out.show()


def _picks(out: Terminal, title: str, picks: Sequence[Pick]) -> None:
    if not picks:
        return
    out.line((title, "bold"))
    for pick in picks:
        out.point(("·", "dim"), (pick.metric, "bold"), f"   {pick.reason}")


def _lazy(lazy: LazyScore) -> list[str]:
    return [lazy.metric, "" if lazy.value is None else _score(lazy.metric, lazy.value), lazy.words]


def _score(metric: str, value: float) -> str:
    """A score between 0 and 1 as a share (99.5 %), any other as it is."""
    entry = find_metric(metric)
    is_share = entry is not None and (entry.low, entry.high) == (0.0, 1.0)
    return words.declared_percent(value) if is_share else f"{value:.4g}"
