"""``abgap init``: look at files and write a first study that runs."""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli import options
from abgap.cli.output import atomic_write, put_paths, refuse_existing, tell


@options.command(
    "init",
    examples=[
        "abgap init users.csv",
        "abgap init 'exposures/*.parquet' 'events/*.parquet' scores.csv --control A",
    ],
)
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--control", help="The variant everything is compared with; needed when no variant has a telling name."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("abgap.toml"),
    show_default=True,
    help="The study file to write; its paths are relative to its folder.",
)
@options.force_option
@options.json_option
def command(files: tuple[str, ...], control: str | None, out: Path, *, force: bool, as_json: bool) -> None:
    """Guess a study from FILES (paths, globs or folders) and write it, commented; every guess is marked."""
    from abgap.pipeline.profiling import profile_files  # noqa: PLC0415 - only for this command
    from abgap.study.scaffold import write_study  # noqa: PLC0415

    refuse_existing(out, force=force)
    directory = out.resolve().parent
    profiles = profile_files([_relative(name, directory) for name in files], directory)
    text = write_study(profiles, control=control)
    with atomic_write(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    put_paths([out], as_json=as_json)
    if not as_json:
        tell(f"Read {out} and mend what is guessed wrong, then: abgap check --study {out}")


def _relative(name: str, directory: Path) -> str:
    """A path as the study file has to say it: relative to its own folder where that is possible."""
    path = Path.cwd() / name
    return path.relative_to(directory).as_posix() if path.is_relative_to(directory) else str(path)
