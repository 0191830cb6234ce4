"""The ``abgap`` command: a group whose commands are imported only when they are called.

``abgap --help`` imports click and nothing else of weight. What ends a command early is told in ``failures``.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import click

from abgap import __version__
from abgap.cli.failures import run
from abgap.cli.options import HELP

# name -> (module, one line for --help); the order is the order of a first day with abgap.
COMMANDS = {
    "demo": ("abgap.cli.demo", "Make the sample data and its report."),
    "init": ("abgap.cli.init", "Look at files and write a first study."),
    "check": ("abgap.cli.check", "Can the data be trusted? Exit code 1 when not."),
    "analyze": ("abgap.cli.analyze", "Scorecard of the experiments."),
    "offline": ("abgap.cli.offline", "Candidate models against their baselines."),
    "metrics": ("abgap.cli.metrics", "What each metric is, how it misleads, and which to choose."),
    "preflight": ("abgap.cli.preflight", "The five steps before a launch, on one page."),
    "gap": ("abgap.cli.gap", "Did the offline gain reach the business?"),
    "portfolio": ("abgap.cli.portfolio", "All experiments together."),
    "forecast": ("abgap.cli.forecast", "What an offline gain would bring, and whether to test it."),
    "plan": ("abgap.cli.plan", "Units, weeks and detectable effects of the next test."),
    "selftest": ("abgap.cli.selftest", "Would the study's tests find something where there is nothing?"),
    "lab": ("abgap.cli.lab", "Made-up experiments with a known truth, diagnosed."),
    "report": ("abgap.cli.report", "Write the report: HTML, Markdown and JSON."),
    "sql": ("abgap.cli.sql", "Query the same logs and results, read-only."),
    "export": ("abgap.cli.export", "Write the moments, or a database file."),
    "cache": ("abgap.cli.cache", "What is kept of earlier runs, and how to remove it."),
    "schema": ("abgap.cli.schema", "JSON Schema of the study file or of results.json."),
}
FIRST_STEPS = (
    ("A first look:", "abgap demo"),
    ("Your own data:", "abgap init users.csv"),
    ("", "abgap check"),
    ("", "abgap report"),
)
EXIT_CODES = (
    ("0", "done"),
    ("1", "a data check, or a step of preflight, has the status that --fail-on names"),
    ("2", "the command line or the study file is wrong, or a file cannot be written"),
    ("3", "data cannot be read, or a query failed"),
    ("4", "the engine or another part is missing or too small"),
    ("70", "a bug in abgap"),
    ("130", "interrupted"),
)


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
            import difflib  # noqa: PLC0415 - for mistakes only

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(COMMANDS)}."
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("First steps"):
            formatter.write_dl(FIRST_STEPS)
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])
        with formatter.section("Exit codes"):
            formatter.write_dl(EXIT_CODES)


@click.group(cls=LazyGroup, context_settings=HELP)
@click.version_option(__version__, prog_name="abgap")
def cli() -> None:
    """Did the offline gain reach the business, how sure are we, and where did the rest go?"""


_OBJECTS_BEFORE_COLLECTION = 200_000


def _start_lightly() -> None:
    """Settings of the process for commands that are over within a second."""
    # Loading packages makes a hundred thousand objects that stay. By default Python looks through them for garbage
    # again and again, a tenth of the time.
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    # Matrices here have a few rows: more threads would be started only to wait, in a loop that takes a core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    _start_lightly()
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(lambda: cli.main(args=given, prog_name="abgap", standalone_mode=False), given))


def command_line() -> NoReturn:
    """Run the command of this process, then end it without taking apart what is in memory, as mypy does.

    A hundred thousand objects, most of them of packages, would be freed one by one: a tenth of a second, which nobody
    has anything of. Where a thread is still at work, or a profiler or debugger looks on, Python ends as it always does.
    """
    try:
        main()
    except SystemExit as end:
        if threading.active_count() > 1 or sys.getprofile() is not None or sys.gettrace() is not None:
            raise
        _leave(end.code if isinstance(end.code, int) else 0)
    raise AssertionError("main() ends with SystemExit")


def _leave(code: int) -> NoReturn:
    atexit._run_exitfuncs()  # noqa: SLF001 - what others have asked to be done is done; there is no public way
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)
