"""``abgap init``: look at files and write a first study that runs."""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli import options
from abgap.cli.output import atomic_write, put_paths, put_record, refuse_existing, tell

_LIST = "list"


@options.command(
    "init",
    examples=[
        "abgap init users.csv",
        "abgap init 'exposures/*.parquet' 'events/*.parquet' scores.csv --control A",
        "abgap init exposures.csv events.csv --recipe revenue_per_session --recipe churn",
        "abgap init --recipe list",
    ],
)
@click.argument("files", nargs=-1)
@click.option(
    "--control", help="The variant everything is compared with; needed when no variant has a telling name."
)
@click.option(
    "--recipe",
    "recipes",
    multiple=True,
    metavar="NAME",
    help="A ready-made business metric to place on what the files hold; can be given again. `list` shows all of them.",
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
def command(
    files: tuple[str, ...],
    control: str | None,
    recipes: tuple[str, ...],
    out: Path,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Guess a study from FILES (paths, globs or folders) and write it, commented; every guess is marked."""
    if _LIST in recipes:
        _list_recipes(as_json=as_json)
        return
    if not files:
        raise click.MissingParameter(param_hint="'FILES...'", param_type="argument")
    from abgap.pipeline.profiling import profile_files  # noqa: PLC0415 - only for this command
    from abgap.study.recipes import find_recipe  # noqa: PLC0415
    from abgap.study.scaffold import first_study  # noqa: PLC0415

    chosen = [find_recipe(name) for name in dict.fromkeys(recipes)]
    refuse_existing(out, force=force)
    directory = out.resolve().parent
    profiles = profile_files([_relative(name, directory) for name in files], directory)
    study = first_study(profiles, control=control, recipes=chosen)
    with atomic_write(out) as temporary:
        temporary.write_text(study.text, encoding="utf-8")
    put_paths([out], as_json=as_json)
    for sentence in study.missing:
        tell(sentence)
    if not as_json:
        tell(f"Read {out} and mend what is guessed wrong, then: abgap check --study {out}")


def _list_recipes(*, as_json: bool) -> None:
    """All recipes, with what a change of each says to the business."""
    from abgap.study.recipes import RECIPES, as_data  # noqa: PLC0415 - only for this list

    if as_json:
        put_record("recipes", [as_data(recipe) for recipe in RECIPES.values()])
        return
    from abgap.cli.recipe_pages import show_recipes  # noqa: PLC0415 - rich is not needed for --json

    show_recipes(tuple(RECIPES.values()))


def _relative(name: str, directory: Path) -> str:
    """A path as the study file has to say it: relative to its own folder where that is possible."""
    path = Path.cwd() / name
    return path.relative_to(directory).as_posix() if path.is_relative_to(directory) else str(path)
