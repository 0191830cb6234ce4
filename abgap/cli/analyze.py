"""``abgap analyze``: the scorecard of the experiments."""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of, checks_of, chosen, gate
from abgap.cli.output import put_part


@options.command(
    "analyze",
    examples=["abgap analyze", "abgap analyze search_v2 --slices", "abgap analyze search_v2 --json"],
)
@click.argument("experiment", required=False)
@options.study_option
@click.option("--slices", is_flag=True, help="Show slices too (exploratory, adjusted per metric).")
@click.option(
    "--trends", is_flag=True, help="Say whether effects wear off or grow; reads the events once more."
)
@options.json_option
@options.quiet_option
@options.fail_on_option("never")
def command(
    experiment: str | None,
    study_file: Path | None,
    *,
    slices: bool,
    trends: bool,
    as_json: bool,
    quiet: bool,
    fail_on: str,
) -> int:
    """Show the decision and the metrics of EXPERIMENT, or of every experiment.

    --json prints all estimates (whole experiments, slices and days), how slices differ, and how effects change with
    the days since exposure.
    """
    with analysis_of(study_file, quiet=quiet, in_words=not as_json) as analysis:
        names = chosen(experiment, analysis.declared)
        heterogeneity = [h for h in analysis.heterogeneity if h.experiment in names]
        wanted = trends or as_json
        changing = [t for t in analysis.trends if t.experiment in names] if wanted else []
        estimates = tuple(e for e in analysis.estimates if e.experiment in names)
        checks = checks_of(analysis.checks, names)
        alpha = analysis.study.study.alpha
        results = [] if as_json else [r for r in analysis.gaps.experiments if r.name in names]
    if as_json:
        put_part("estimates", estimates, heterogeneity=heterogeneity, trends=changing)
    else:
        from abgap.cli.findings import show_experiments  # noqa: PLC0415 - rich is not needed for --json

        shown = [e for e in estimates if e.period is None and (slices or e.slice_name is None)]
        show_experiments(results, shown, checks, alpha=alpha, heterogeneity=heterogeneity, trends=changing)
    return gate(checks, fail_on, as_json=as_json)
