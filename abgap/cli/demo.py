"""``abgap demo``: the sample data and its report."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from abgap.cli.common import ProgressLine, quiet_option, results_of


@click.command("demo")
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("abgap-demo"),
    show_default=True,
    help="Folder for the study, its data and the report.",
)
@click.option(
    "--data",
    "data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the study and its data, if elsewhere.",
)
@quiet_option
def command(directory: Path, data: Path | None, *, quiet: bool) -> None:
    """Make a year of an e-commerce search team (a dozen experiments whose truth is known), and report on it.

    \b
    abgap demo --out demo
    """  # noqa: D301 - \b tells click to keep these lines
    from abgap.lab.sample import generate  # noqa: PLC0415 - only for this command
    from abgap.report.write import write_report  # noqa: PLC0415
    from abgap.resources import folder  # noqa: PLC0415

    home = data if data is not None else directory / "data"
    home.mkdir(parents=True, exist_ok=True)
    study = home / "abgap.toml"
    if not study.exists():
        shutil.copyfile(folder("sample_data") / "abgap.toml", study)
    progress = ProgressLine(quiet=quiet)
    generate(home, progress=lambda what, share: progress(f"{what} ({share:.0%})"))
    progress.done()
    for path in write_report(results_of(study, quiet=quiet), directory):
        click.echo(path)
    click.echo(
        f"The study is {study}; what was planted stands in the truth beside the sample data.", err=True
    )
