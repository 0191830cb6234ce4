"""``abgap offline``: candidate models against their baselines."""

from __future__ import annotations

from pathlib import Path

from abgap.cli import options
from abgap.cli.opening import analysis_of
from abgap.cli.output import put_part, tell
from abgap.errors import UsageError


@options.command("offline", examples=["abgap offline", "abgap offline --json"])
@options.study_option
@options.json_option
@options.quiet_option
def command(study_file: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Evaluate models offline: what got better and what got worse against production, or the control's model."""
    with analysis_of(study_file, quiet=quiet, in_words=not as_json) as analysis:
        if not analysis.offline.has_sources:
            raise UsageError(
                f"{analysis.loaded.file.name}: there are no offline results; "
                "declare [offline.scores], [offline.rankings], [offline.predictions], [offline.logged] or "
                "[offline.tracker]"
            )
        rows = analysis.offline.rows
        policies, positions = analysis.offline.counterfactual, analysis.offline.positions
        curves, confusions = analysis.offline.curves, analysis.offline.confusions
    if as_json:
        put_part(
            "offline",
            rows,
            counterfactual=policies,
            positions=positions,
            curves=curves,
            confusions=confusions,
        )
    elif rows or policies:
        from abgap.cli import offline_findings as shown  # noqa: PLC0415 - rich is not needed for --json

        shown.show_offline(rows, alpha=analysis.study.study.alpha)
        shown.show_policies(policies)
    else:
        tell("no experiment ran two models that both have scores; see `abgap check`")
