"""The fixed words of the report: headings and labels that every form shares."""

from __future__ import annotations

HEADINGS: dict[str, str] = {
    "skip": "Skip to the verdict",
    "parts": "Parts of the report",
    "next": "To do next",
    "portfolio": "All together",
    "overview": "All experiments",
    "other_pairs": "Other pairs of metrics",
    "each": "One by one",
    "how_sure": "How sure",
    "why": "Why",
    "explains": "explains",
    "budget": "Gap budget",
    "sql": "SQL",
    "what_next": "What to do next",
    "decision": "Decision",
    "next_step": "Next",
    "hypothesis": "Hypothesis",
    "untrusted": "Not to be trusted.",
    "pairs": "All pairs of metrics",
    "slices": "Slices",
    "slices_note": "exploratory, adjusted",
    "checks": "Data checks",
    "offline": "Offline evaluation",
    "by_slice": "By slice",
    "quality": "Data quality",
    "methods": "Methods and definitions",
    "sources": "Sources",
    "queries": "Queries",
    "queries_note": "Every statement behind the numbers, ready to paste into a DuckDB client.",
    "template_hash": "Template sha256",
    "made_by": "Made by abgap from the files named above; the same inputs give the same report. "
    "results.json has all numbers.",
}
