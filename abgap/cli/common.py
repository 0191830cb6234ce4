"""What the commands share: options, opening a study, progress on stderr, printing a part of the results."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from abgap.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from abgap.pipeline.analysis import Analysis
    from abgap.records import Results

_SILENT_SECONDS = 2.0

Command = TypeVar("Command", bound=Callable[..., Any])


def study_option(command: Command) -> Command:
    """``--study``: the study file, by default the nearest abgap.toml."""
    return click.option(
        "--study",
        "study_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The study file. Default: the nearest abgap.toml, here or in a folder above.",
    )(command)


def json_option(command: Command) -> Command:
    """``--json``: one JSON document on stdout instead of words."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(command)


def quiet_option(command: Command) -> Command:
    """``--quiet``: no progress."""
    return click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")(command)


def fail_on_option(default: str) -> Callable[[Command], Command]:
    """``--fail-on``: when a finding shall become exit code 1."""

    def decorate(command: Command) -> Command:
        return click.option(
            "--fail-on",
            type=click.Choice(["fail", "warn", "never"]),
            default=default,
            show_default=True,
            help="Exit with 1 when a data check has this status or worse.",
        )(command)

    return decorate


class ProgressLine:
    """Progress on a terminal's stderr: one line that is rewritten.

    It shows after two seconds; in a pipe nothing is written.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._shown = not quiet and sys.stderr.isatty()
        self._began = time.monotonic()
        self._written = False

    def __call__(self, message: str) -> None:
        """Show what is being done now."""
        if self._shown and time.monotonic() - self._began > _SILENT_SECONDS:
            sys.stderr.write(f"\r\x1b[K{message} ...")
            sys.stderr.flush()
            self._written = True

    def done(self) -> None:
        """Remove the line."""
        if self._written:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._written = False


@contextmanager
def analysis_of(study_file: Path | None, *, quiet: bool) -> Iterator[Analysis]:
    """Load the study and open its analysis."""
    from abgap.pipeline.analysis import open_analysis  # noqa: PLC0415 - commands load what they need, when they run
    from abgap.study.load import find_study, load_study  # noqa: PLC0415

    progress = ProgressLine(quiet=quiet)
    loaded = load_study(study_file if study_file is not None else find_study(Path.cwd()))
    try:
        with open_analysis(loaded, progress=progress) as analysis:
            yield analysis
    finally:
        progress.done()


def results_of(study_file: Path | None, *, quiet: bool) -> Results:
    """Everything the study says."""
    from abgap.pipeline.results import make_results  # noqa: PLC0415

    with analysis_of(study_file, quiet=quiet) as analysis:
        return make_results(analysis)


def print_part(name: str, records: object) -> None:
    """One part of the results contract as JSON on stdout."""
    from abgap.report.document import dumped, part  # noqa: PLC0415

    click.echo(dumped(part(name, records)), nl=False)


def gate(checks: object, fail_on: str) -> int:
    """The exit code that the data checks call for."""
    from abgap.records import Check, Status  # noqa: PLC0415

    bad = {"fail": {Status.FAIL}, "warn": {Status.FAIL, Status.WARN}, "never": set()}[fail_on]
    found = isinstance(checks, tuple) and any(isinstance(c, Check) and c.status in bad for c in checks)
    return ExitCode.GATE_FAILED if found else ExitCode.OK


@contextmanager
def atomic_write(out: Path) -> Iterator[Path]:
    """A temporary path beside ``out`` to write to.

    It takes the place of ``out`` at the end, or vanishes on an error. Raises UsageError when it cannot be written.
    """
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent} to write {out.name} to; make it first")
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(out)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
