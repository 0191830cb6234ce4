"""``abgap demo``: the sample data and its report."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from abgap.cli import options
from abgap.cli.output import put_paths, refuse_unwritable, tell
from abgap.cli.progress import Progress
from abgap.cli.report import make_report
from abgap.errors import UsageError

RARE = "rare_events.toml"


@options.command("demo", examples=["abgap demo", "abgap demo --out demo"])
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("abgap-demo"),
    show_default=True,
    help="Folder for the report, and for the study with its data.",
)
@click.option(
    "--data",
    "data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the study with its data, if elsewhere.  [default: data below --out]",
)
@options.json_option
@options.quiet_option
def command(directory: Path, data: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Make a year of a search team (a dozen experiments whose truth is known), and report on it.

    Data that is there already is used as it is; the report is written anew.
    """
    home = data if data is not None else directory / "data"
    refuse_unwritable(home)
    refuse_unwritable(directory)
    study = _sample(home, quiet=quiet)
    written = make_report(study, directory, quiet=quiet).files
    put_paths(written, as_json=as_json)
    if not as_json:
        tell(f"The study is {study}; {home / 'truth.json'} says what is planted in its data.")
        tell(f"Look further with: abgap gap search_v2 --study {study}")
        tell(f"A metric that rewards doing nothing: abgap offline --study {home / RARE}")


def _sample(home: Path, *, quiet: bool) -> Path:
    """The sample study with its data and its truth, each made unless it is there."""
    from abgap.lab.sample import generate  # noqa: PLC0415 - only for this command
    from abgap.lab.sample.truthfile import as_json  # noqa: PLC0415
    from abgap.resources import folder  # noqa: PLC0415

    study, truth = home / "abgap.toml", home / "truth.json"
    try:
        home.mkdir(parents=True, exist_ok=True)
        for file in (study, home / RARE):
            if not file.exists():
                shutil.copyfile(folder("sample_data") / file.name, file)
        if not truth.exists():
            truth.write_text(as_json(), encoding="utf-8")
        with Progress(quiet=quiet) as progress:
            generate(home, progress=lambda what, share: progress(f"making {what} ({share:.0%})"))
    except OSError as error:
        raise UsageError(f"cannot write to {home}: {error.strerror or error}") from error
    return study
