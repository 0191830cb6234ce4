"""The five steps before a launch as one page for a terminal."""

from __future__ import annotations

from abgap.cli.terminal import COLOURS, Terminal
from abgap.records import Status, words
from abgap.records.preflight import Preflight, most_telling
from abgap.report import marks
from abgap.report.preflight import MOST_SHOWN


def show_preflight(found: Preflight) -> None:
    """The verdict, the five steps with their evidence, and what to do next."""
    out = Terminal()
    mark = marks.status_mark(found.verdict)
    out.line((f"{found.candidate} before its launch", "bold"), f"   live: {found.production}")
    out.line((f"{mark.sign} {mark.word}: ", f"bold {COLOURS[mark.tone]}"), found.sentence)
    out.line(("Next: ", "bold"), found.next_action)
    for number, step in enumerate(found.steps, start=1):
        mark = marks.status_mark(step.status)
        out.line()
        out.line((f"{number}. {step.name}", "bold"), (f"   {mark.sign} {mark.word}", COLOURS[mark.tone]))
        shown = step.evidence
        if not any(e.sentence == step.sentence for e in shown):
            out.line(step.sentence)
        for evidence in most_telling(shown, MOST_SHOWN):
            mark = marks.status_mark(evidence.status)
            out.point((mark.sign, COLOURS[mark.tone]), evidence.sentence)
        if len(shown) > MOST_SHOWN:
            out.line((f"  and {len(shown) - MOST_SHOWN:,} more, none of them worse; --json has all", "dim"))
        if step.status is not Status.PASS:
            out.line((f"Next: {step.next_action}", "dim"))
    if found.shadow is not None:
        out.line()
        out.line((f"Shadow run: {words.plural(found.shadow.requests, 'request')} that both answered.", "dim"))
    out.show()
