"""``abgap analyze``: the scorecard of the experiments."""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli.common import (
    analysis_of,
    fail_on_option,
    gate,
    json_option,
    print_part,
    quiet_option,
    study_option,
)
from abgap.errors import UsageError


@click.command("analyze")
@click.argument("experiment", required=False)
@study_option
@click.option("--slices", is_flag=True, help="Show slices too (exploratory, adjusted per metric).")
@json_option
@quiet_option
@fail_on_option("never")
def command(
    experiment: str | None, study_file: Path | None, *, slices: bool, as_json: bool, quiet: bool, fail_on: str
) -> int:
    """Show each experiment's decision and metrics; EXPERIMENT shows one. --json prints all estimates.

    \b
    abgap analyze
    abgap analyze search_v2 --slices
    """  # noqa: D301 - \b tells click to keep these lines
    with analysis_of(study_file, quiet=quiet) as analysis:
        if experiment is not None and experiment not in analysis.declared:
            raise UsageError(f"no experiment {experiment!r}; the study has: {', '.join(analysis.declared)}")
        estimates = tuple(e for e in analysis.estimates if experiment in {None, e.experiment})
        checks = tuple(c for c in analysis.checks if experiment is None or c.experiment in {None, experiment})
        alpha = analysis.study.study.alpha
        results = [] if as_json else [r for r in analysis.gaps.experiments if experiment in {None, r.name}]
    if as_json:
        print_part("estimates", estimates)
    else:
        from abgap.cli.terminal import show_experiment  # noqa: PLC0415 - rich is not needed for --json

        for result in results:
            shown = (e for e in estimates if e.experiment == result.name and e.period is None)
            show_experiment(result, [e for e in shown if slices or e.slice_name is None], alpha=alpha)
    return gate(checks, fail_on)
