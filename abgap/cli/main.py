"""The ``abgap`` command: a group whose commands are imported only when they are called.

``abgap --help`` imports click and nothing else of weight. Errors meant for the user become one sentence on
stderr and an exit code (see ``abgap.errors``); with ``--json`` the error is a JSON document on stderr.
stdout carries data only.
"""

from __future__ import annotations

import difflib
import importlib
import json
import os
import sys
from collections.abc import Sequence

import click

from abgap import __version__
from abgap.errors import AbgapError, ExitCode, StudyError

# name -> (module, one line for --help); the order is the order of a first day with abgap.
COMMANDS = {
    "demo": ("abgap.cli.demo", "Make the sample data and its report."),
    "init": ("abgap.cli.init", "Look at files and write a first study."),
    "check": ("abgap.cli.check", "Can the data be trusted? Exit code 1 when not."),
    "analyze": ("abgap.cli.analyze", "Scorecard of the experiments."),
    "offline": ("abgap.cli.offline", "Candidate models against their baselines."),
    "gap": ("abgap.cli.gap", "Did the offline gain reach the business?"),
    "portfolio": ("abgap.cli.portfolio", "All experiments together."),
    "report": ("abgap.cli.report", "Write the report: HTML, Markdown and JSON."),
    "sql": ("abgap.cli.sql", "Query the same logs and results, read-only."),
    "export": ("abgap.cli.export", "Write the moments, or a database file."),
    "schema": ("abgap.cli.schema", "JSON Schema of the study file or of results.json."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All command names, in the order of first use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]}.command is no click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, naming the nearest one when there is none."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(COMMANDS)}."
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 a data gate failed, 2 usage or study file, 3 data cannot be read, "
    "4 engine or optional part missing, 130 interrupted.",
)
@click.version_option(__version__, prog_name="abgap")
def cli() -> None:
    """Did the offline gain reach the business, how sure are we, and where did the rest go?

    \b
    A first look:       abgap demo
    Your own data:      abgap init users.csv, then abgap report
    """  # noqa: D301 - \b tells click to keep these lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(given))


def _run(arguments: list[str]) -> int:
    try:
        result = cli.main(args=arguments, prog_name="abgap", standalone_mode=False)
        sys.stdout.flush()
    except AbgapError as error:
        return _report(error, as_json="--json" in arguments)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough (`| head`): not an error, and nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    return result if isinstance(result, int) else ExitCode.OK


def _report(error: AbgapError, *, as_json: bool) -> int:
    if as_json:
        document: dict[str, object] = {"code": error.code, "message": error.message, "hint": error.hint}
        if isinstance(error, StudyError):
            document["problems"] = [
                {"path": p.path, "message": p.message, "hint": p.hint} for p in error.problems
            ]
        click.echo(json.dumps({"error": document}, ensure_ascii=False), err=True)
    else:
        click.echo(f"abgap: {error.message}", err=True)
        if error.hint:
            click.echo(f"  hint: {error.hint}", err=True)
    return error.exit_code
