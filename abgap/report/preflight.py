"""The five steps before a launch as a page of its own: Markdown, or one HTML file in the style of the report."""

from __future__ import annotations

from dataclasses import dataclass

from abgap.records.preflight import Preflight, PreflightStep
from abgap.report.html import html_environment
from abgap.report.markdown import markdown_environment
from abgap.report.marks import Mark, status_mark

TITLES = {
    "offline": "Offline sanity check",
    "slices": "Slices",
    "latency": "Latency and errors",
    "cost": "Cost of 1,000 requests",
    "comparison": "Against production",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """A step as it is shown. evidence: marks with their sentences; empty when the step's own sentence says it all."""

    title: str
    mark: Mark
    sentence: str
    evidence: tuple[tuple[Mark, str], ...]
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
    sentences = [(status_mark(e.status), e.sentence) for e in step.evidence]
    alone = len(sentences) == 1 and sentences[0][1] == step.sentence
    return ShownStep(
        title=TITLES[step.name],
        mark=status_mark(step.status),
        sentence=step.sentence,
        evidence=() if alone else tuple(sentences),
        next_action=step.next_action,
    )
