"""What the commands have in common: their options, and help that ends with examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


HELP = {"help_option_names": ["-h", "--help"]}
"""Of every command by itself: click keeps the first help option that it made, whatever the context was."""


class ExampleCommand(click.Command):
    """A command whose help ends with examples, each a line that can be pasted.

    parts: commands in place of this one when the first word after its name is theirs (``abgap metrics choose``).
    """

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str],
        parts: Mapping[str, click.Command] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.parts = dict(parts or {})

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the arguments of this command, or of the part that the first of them names."""
        part = self.parts.get(args[0]) if args else None
        if part is None:
            self._refuse_unknown_part(args, parent)
            return super().make_context(info_name, args, parent=parent, **extra)
        return part.make_context(f"{info_name} {args[0]}", args[1:], parent=parent, **extra)

    def _refuse_unknown_part(self, args: Sequence[str], parent: click.Context | None) -> None:
        """Where only a part can be meant by the first word, say which there are."""
        takes_words = any(isinstance(param, click.Argument) for param in self.params)
        if self.parts and args and not args[0].startswith("-") and not takes_words:
            known = ", ".join(f"'{self.name} {part}'" for part in self.parts)
            raise click.UsageError(f"There is no command '{self.name} {args[0]}'; there are {known}.", parent)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are: a wrapped command line could not be pasted."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def command(
    name: str, *, examples: Sequence[str], parts: Mapping[str, click.Command] | None = None
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function the command ``name``."""
    return click.command(name, cls=ExampleCommand, examples=examples, parts=parts, context_settings=HELP)


def study_option(decorated: Decorated) -> Decorated:
    """``--study``: the study file, by default the nearest abgap.toml; and how it is computed."""
    for option in reversed(_COMPUTING):
        decorated = option(decorated)
    return click.option(
        "--study",
        "study_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The study file. Default: the nearest abgap.toml, here or in a folder above.",
    )(decorated)


def _noted(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """Leave the value where ``opening`` finds it: commands have no use for it."""
    ctx.meta[f"abgap.{param.name}"] = value


def noted(name: str) -> Any:
    """The value of an option of ``study_option`` in the command that runs; None when it has no such option."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(f"abgap.{name}")


_COMPUTING = (
    click.option(
        "--engine",
        type=click.Choice(["duckdb", "spark"]),
        expose_value=False,
        callback=_noted,
        help="What runs the queries. Default: [engine] name of the study.",
    ),
    click.option(
        "--no-cache",
        is_flag=True,
        expose_value=False,
        callback=_noted,
        help="Compute everything, and keep nothing for the next time.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(1, 1024),
        expose_value=False,
        callback=_noted,
        help="Threads of the engine. Default: [engine] threads, else all cores.",
    ),
    click.option(
        "--memory-limit",
        metavar="SIZE",
        expose_value=False,
        callback=_noted,
        help="Memory of the engine, such as 4GB. Default: [engine] memory_limit, else most of the machine's.",
    ),
    click.option(
        "--temp-directory",
        type=click.Path(file_okay=False),
        expose_value=False,
        callback=_noted,
        help="Where the engine puts what does not fit into memory. Default: [engine] temp_directory.",
    ),
)


def json_option(decorated: Decorated) -> Decorated:
    """``--json``: one JSON document on stdout instead of words."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print one JSON document on stdout; an error is a JSON document on stderr.",
    )(decorated)


def quiet_option(decorated: Decorated) -> Decorated:
    """``--quiet``: no progress."""
    return click.option("-q", "--quiet", is_flag=True, help="Show no progress on stderr.")(decorated)


def force_option(decorated: Decorated) -> Decorated:
    """``--force``: replace the file that is written."""
    return click.option("--force", is_flag=True, help="Replace the file if it is there.")(decorated)


def fail_on_option(default: str, *, what: str = "a data check") -> Callable[[Decorated], Decorated]:
    """``--fail-on``: when a data check, or ``what`` else has a status, shall become exit code 1."""

    def decorate(decorated: Decorated) -> Decorated:
        return click.option(
            "--fail-on",
            type=click.Choice(["fail", "warn", "never"]),
            default=default,
            show_default=True,
            help=f"Exit with 1 when {what} has this status or worse.",
        )(decorated)

    return decorate
