"""The five steps before a launch as a page of its own: Markdown, or one HTML file in the style of the report."""

from __future__ import annotations

from dataclasses import dataclass

from abgap.records.preflight import Preflight, PreflightStep, most_telling
from abgap.report.html import html_environment
from abgap.report.markdown import markdown_environment
from abgap.report.marks import Mark, status_mark

MOST_SHOWN = 12
"""Pieces of evidence of one step that fit on a page; they come with the worst first."""

TITLES = {
    "offline": "Offline sanity check",
    "slices": "Slices",
    "latency": "Latency and errors",
    "cost": "Cost of 1,000 requests",
    "comparison": "Against production",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """A step as it is shown. evidence: marks with their sentences; empty when the step's own sentence says it all.

    more: how many there are beside.
    """

    title: str
    mark: Mark
    sentence: str
    evidence: tuple[tuple[Mark, str], ...]
    more: int
    next_action: str


def preflight_page(found: Preflight, *, html: bool) -> str:
    """The page; user-made names are escaped in it."""
    made = html_environment() if html else markdown_environment()
    template = made.get_template(f"preflight.{'html' if html else 'md'}.j2")
    text = template.render(
        found=found, verdict_mark=status_mark(found.verdict), steps=[_shown(step) for step in found.steps]
    )
    return text.strip() + "\n"


def _shown(step: PreflightStep) -> ShownStep:
    alone = len(step.evidence) == 1 and step.evidence[0].sentence == step.sentence
    told = () if alone else most_telling(step.evidence, MOST_SHOWN)
    return ShownStep(
        title=TITLES[step.name],
        mark=status_mark(step.status),
        sentence=step.sentence,
        evidence=tuple((status_mark(e.status), e.sentence) for e in told),
        more=max(len(step.evidence) - MOST_SHOWN, 0),
        next_action=step.next_action,
    )
