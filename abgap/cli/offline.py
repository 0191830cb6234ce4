"""``abgap offline``: candidate models against their baselines."""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of
from abgap.cli.output import put_part, tell
from abgap.errors import UsageError


@options.command("offline", examples=["abgap offline", "abgap offline --slices", "abgap offline --json"])
@options.study_option
@click.option("--slices", is_flag=True, help="Show slices too.")
@options.json_option
@options.quiet_option
def command(study_file: Path | None, *, slices: bool, as_json: bool, quiet: bool) -> None:
    """Evaluate models offline: what got better and what got worse against production, or the control's model.

    --json prints everything that was found: slices, other definitions, curves, history and policies.
    """
    with analysis_of(study_file, quiet=quiet, in_words=not as_json) as analysis:
        found = analysis.offline
        if not found.has_sources:
            raise UsageError(
                f"{analysis.loaded.file.name}: there are no offline results; "
                "declare [offline.scores], [offline.rankings], [offline.predictions], [offline.logged] or "
                "[offline.tracker]"
            )
        parts = found.parts
        if as_json:
            put_part("offline", parts.pop("offline"), **parts, live_quality=analysis.live.quality)
        elif found.rows or found.counterfactual:
            from abgap.cli import offline_findings as shown  # noqa: PLC0415 - rich is not needed for --json

            shown.show_offline(found.rows, alpha=analysis.study.study.alpha, slices=slices)
            shown.show_beside(found.sweeps, found.curves, found.checks)
            shown.show_policies(found.counterfactual)
            shown.show_live(analysis.live.quality, analysis.live.checks)
        else:
            ran = "no experiment ran two models that both have scores"
            tell(f"{ran if found.served else 'nothing to evaluate was found'}; see `abgap check`")
