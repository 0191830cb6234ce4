"""``abgap portfolio``: all experiments together."""

from __future__ import annotations

from pathlib import Path

from abgap.cli import options
from abgap.cli.opening import analysis_of
from abgap.cli.output import put_part


@options.command("portfolio", examples=["abgap portfolio", "abgap portfolio --json"])
@options.study_option
@options.json_option
@options.quiet_option
def command(study_file: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Count the verdicts and cross offline with business signs over all experiments."""
    with analysis_of(study_file, quiet=quiet, in_words=not as_json) as analysis:
        portfolio = analysis.portfolio.found
    if as_json:
        put_part("portfolio", portfolio)
        return
    from abgap.cli.findings import show_portfolio  # noqa: PLC0415 - rich is not needed for --json

    show_portfolio(portfolio)
