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
    """Say what offline gains bring, which metric to trust, and what launching by a rule earned."""
    with analysis_of(study_file, quiet=quiet, in_words=not as_json) as analysis:
        portfolio, currency = analysis.portfolio.found, analysis.study.study.currency
    if as_json:
        put_part("portfolio", portfolio)
        return
    from abgap.cli.portfolio_findings import show_portfolio  # noqa: PLC0415 - rich is not needed for --json

    show_portfolio(portfolio, currency=currency)
