"""The command-line reference, made of the commands' own help: ``python -m abgap.cli.reference > docs/cli.md``.

Help is written once, in the commands. A test fails when docs/cli.md says something else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from abgap.cli.main import COMMANDS, cli
from abgap.cli.options import ExampleCommand

_WIDTH = 100
_INTRODUCTION = """\
# Command line

This page is the output of `python -m abgap.cli.reference`: the help of every command, as `--help` prints it.

Data goes to stdout, everything else to stderr. Exit codes and the JSON of `--json` are described in
[results.md](results.md), the study file in [study.md](study.md), worked examples in [cookbook.md](cookbook.md)."""


def reference() -> str:
    """The text of docs/cli.md, ending in a newline."""
    return "\n\n".join(_sections()) + "\n"


def _sections() -> Iterator[str]:
    top = click.Context(cli, info_name="abgap", terminal_width=_WIDTH, **cli.context_settings)
    yield _INTRODUCTION
    yield _section(top)
    for name in COMMANDS:
        command = cli.get_command(top, name)
        if command is None:
            continue
        yield _section(click.Context(command, info_name=name, parent=top, **command.context_settings))
        for part, own in command.parts.items() if isinstance(command, ExampleCommand) else ():
            yield _section(click.Context(own, info_name=f"{name} {part}", parent=top, **own.context_settings))


def _section(context: click.Context) -> str:
    lines = (line.rstrip() for line in context.get_help().splitlines())
    return "\n".join([f"## {context.command_path}", "", "```text", *lines, "```"])


if __name__ == "__main__":
    sys.stdout.write(reference())
