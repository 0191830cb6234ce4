"""``abgap init``: look at files and write a first study that runs."""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli.common import atomic_write
from abgap.errors import UsageError


@click.command("init")
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--control", help="The variant everything is compared with; needed when no variant has a telling name."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("abgap.toml"), show_default=True
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def command(files: tuple[str, ...], control: str | None, out: Path, *, force: bool) -> None:
    """Guess a study from FILES (paths, globs or folders) and write it, commented; every guess is marked.

    \b
    abgap init users.csv
    abgap init 'logs/exposures/*.parquet' 'logs/events/*.parquet' offline/scores.csv --control A
    """  # noqa: D301 - \b tells click to keep these lines
    from abgap.pipeline.profiling import profile_files  # noqa: PLC0415 - only for this command
    from abgap.study.scaffold import write_study  # noqa: PLC0415

    if out.exists() and not force:
        raise UsageError(f"{out} is there already; name another file with --out, or replace it with --force")
    directory = out.resolve().parent
    text = write_study(
        profile_files([_relative(name, directory) for name in files], directory), control=control
    )
    with atomic_write(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    click.echo(out)
    click.echo(f"Read {out} and mend what is guessed wrong, then: abgap check --study {out}", err=True)


def _relative(name: str, directory: Path) -> str:
    """A path as the study file has to say it: relative to its own folder where that is possible."""
    path = Path.cwd() / name
    return path.relative_to(directory).as_posix() if path.is_relative_to(directory) else str(path)
