"""The prompt of ``abgap sql``: statements that end with a semicolon, one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

import click

from abgap.cli.failures import interrupts
from abgap.cli.output import is_terminal, tell
from abgap.cli.rows import Rows
from abgap.cli.shell import Shell
from abgap.errors import AbgapError

_LEAVE = {"\\q", "exit", "quit"}
_HELP = r"End a statement with ;   \d lists what there is, \d NAME its columns, \q leaves."


def prompt(shell: Shell, show: Callable[[Rows], None]) -> None:
    """Read statements until the end of input; what is wrong with one is said, and the next may come."""
    tell(f"{', '.join(shell.names())}\n{_HELP}")
    text = ""
    while True:
        try:
            line = _line("     > " if text else "abgap> ")
            if line is None or (not text and line.strip() in _LEAVE):
                return
            text = _taken(shell, show, text, line)
        except KeyboardInterrupt:
            # Ctrl-C drops the statement that is typed or runs, as in other shells; Ctrl-D leaves.
            tell("")
            text = ""


def _taken(shell: Shell, show: Callable[[Rows], None], text: str, line: str) -> str:
    """Run what is complete after ``line``; what is not is returned."""
    if not text and not line.strip():
        return ""
    if not text and line.lstrip().startswith("\\"):
        _command(shell, show, line.split())
        return ""
    text += line + "\n"
    if not line.rstrip().endswith(";") or not shell.is_whole(text):
        return text
    _run(shell, show, text)
    return ""


def _command(shell: Shell, show: Callable[[Rows], None], words: list[str]) -> None:
    match words:
        case ["\\d"]:
            tell("\n".join(shell.names()))
        case ["\\d", name]:
            _run(shell, show, f'DESCRIBE "{name.replace(chr(34), chr(34) * 2)}"')
        case _:
            tell(_HELP)


def _run(shell: Shell, show: Callable[[Rows], None], statement: str) -> None:
    try:
        with interrupts():
            show(shell.run(statement))
    except AbgapError as error:
        tell(error.message)


def _line(mark: str) -> str | None:
    """One line of input, None at its end. The mark goes to stderr unless stdout is the terminal too."""
    if not is_terminal(sys.stdout):
        click.echo(mark, nl=False, err=True)
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None
    with suppress(ImportError):
        import readline  # noqa: F401, PLC0415 - gives input() its history and its keys
    try:
        return input(mark)
    except EOFError:
        tell("")
        return None
