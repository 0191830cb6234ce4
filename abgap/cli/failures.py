"""What ends a command early, in one sentence and an exit code.

Errors meant for the user (see ``abgap.errors``) and mistakes on the command line are said in words, with ``--json``
as a document on stderr. Anything else is a bug of ours: it says so, and shows its traceback only with
``ABGAP_DEBUG=1``.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import click

from abgap.cli.output import mute, tell
from abgap.errors import AbgapError, EngineError, ExitCode, InternalError, StudyError, UsageError


def run(command: Callable[[], object], arguments: Sequence[str]) -> int:
    """Run a command to its end, whatever that is, and return the exit code."""
    _accept_any_text(sys.stdout)
    _accept_any_text(sys.stderr)
    try:
        with interrupts():
            result = command()
        _flush_stdout()
    except SystemExit:
        # Commands return their exit code; only click ends the process, when nobody reads what it prints.
        return ExitCode.OK
    except (click.Abort, KeyboardInterrupt):
        tell("interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last place where anything can be said in words
        return _tell_error(error, as_json="--json" in _options(arguments))
    return result if isinstance(result, int) else ExitCode.OK


@contextmanager
def interrupts() -> Iterator[None]:
    """Turn the engine's word for Ctrl-C into Python's, wherever in a chain of errors it stands."""
    try:
        yield
    except Exception as error:
        if any(_is_interrupt(cause) for cause in _chain(error)):
            raise KeyboardInterrupt from error
        raise


def _is_interrupt(error: BaseException) -> bool:
    # Spark's own error for a cancelled job hides the interrupt that cancelled it.
    return (
        isinstance(error, KeyboardInterrupt)
        or type(error).__name__ == "InterruptException"
        or str(error) == "Query interrupted"
    )


def _chain(error: BaseException) -> list[BaseException]:
    """The error, what it came from and what it hid, each once: a chain may lead back to where it began."""
    chain = [error]
    for known in chain:
        chain += [e for e in (known.__cause__, known.__context__) if e is not None and e not in chain]
    return chain


def _options(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _accept_any_text(stream: TextIO | None) -> None:
    """Names that the terminal's encoding does not have are written as escapes; in JSON they mean the same."""
    if stream is not None and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def _flush_stdout() -> None:
    """Write what is left. Raises OSError when that is impossible, and nothing when nobody reads it."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError):
            mute(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise


def _tell_error(error: Exception, *, as_json: bool) -> int:
    if isinstance(error, click.ClickException) and not as_json:
        with suppress(OSError):
            error.show()
        return error.exit_code
    known = _as_known(error)
    if as_json:
        tell(json.dumps({"error": _document(known)}, ensure_ascii=False))
    else:
        tell(f"abgap: {known.message}")
        if known.hint:
            tell(f"  hint: {known.hint}")
    if os.environ.get("ABGAP_DEBUG"):
        traceback.print_exception(error)
    return known.exit_code


def _as_known(error: Exception) -> AbgapError:
    match error:
        case AbgapError():
            return error
        case click.ClickException():
            return _mistake(error)
        case ImportError() if _is_foreign(error):
            return EngineError(
                f"a part that abgap needs is missing: {error}", hint="install abgap again with all it needs"
            )
        case MemoryError():
            return EngineError(
                "out of memory", hint="set [engine] memory_limit and temp_directory in the study"
            )
        case OSError() if error.strerror:
            with suppress(OSError):
                _flush_stdout()
            place = f"{error.filename}: " if error.filename else "cannot write the output: "
            return UsageError(f"{place}{error.strerror}")
    return InternalError(
        f"this should not have happened: {_described(error)}",
        hint="please report it as a bug of abgap, with what the same command says under ABGAP_DEBUG=1",
    )


def _mistake(error: click.ClickException) -> UsageError:
    context = error.ctx if isinstance(error, click.UsageError) else None
    help_hint = f"see `{context.command_path} --help`" if context is not None else None
    return UsageError(error.format_message(), hint=help_hint)


def _is_foreign(error: ImportError) -> bool:
    """Whether what cannot be imported belongs to somebody else."""
    return (error.name or "abgap").split(".", maxsplit=1)[0] != "abgap"


def _described(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}{where}"


def _document(error: AbgapError) -> dict[str, object]:
    document: dict[str, object] = {"code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, StudyError):
        document["message"] = error.message.splitlines()[0]
        document["problems"] = [
            {"path": p.path, "message": p.message, "hint": p.hint} for p in error.problems
        ]
    return document
