"""Where output goes: data to stdout, words to stderr, files whole or not at all.

Names out of data may hold anything; what a terminal would obey is shown as a replacement character.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from abgap.errors import UsageError

_JOINERS = "\u200c\u200d"
"""Invisible, but part of words in Persian and of some emoji."""


def one_line(text: str) -> str:
    """Text out of data on one line, without control characters that a terminal would obey."""
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return character
    return "\N{REPLACEMENT CHARACTER}"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person may sit there; a stream that was closed before we began is None."""
    return stream is not None and stream.isatty()


def put(text: str) -> bool:
    """Write data to stdout; False when nobody reads it any more (`| head`), which is no error."""
    return _write(text, sys.stdout)


def tell(text: str) -> None:
    """Write words to stderr, line by line."""
    _write("".join(f"{one_line(line)}\n" for line in text.split("\n")), sys.stderr)


def _write(text: str, stream: TextIO | None) -> bool:
    try:
        click.echo(text, file=stream, nl=False)
    except BrokenPipeError:
        mute(stream)
        return False
    return True


def mute(stream: TextIO | None) -> None:
    """Send the rest of a stream nowhere: nothing can be written to it, and Python would complain when it ends."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def put_paths(paths: Iterable[Path], *, as_json: bool) -> None:
    """Write the names of files that were made to stdout."""
    names = [str(path) for path in paths]
    if as_json:
        from abgap.report.document import SCHEMA_VERSION, dumped  # noqa: PLC0415 - only for JSON

        put(dumped({"schema_version": SCHEMA_VERSION, "files": list(names)}))
    else:
        put("".join(f"{one_line(name)}\n" for name in names))


def put_part(name: str, records: object, **more: object) -> None:
    """Write one part of the results contract to stdout, as JSON, or that part and ``more``."""
    from abgap.report.document import dumped, part  # noqa: PLC0415 - only for JSON

    document = part(name, records)
    for other, found in more.items():
        document |= part(other, found)
    put(dumped(document))


def put_record(name: str, record: object) -> None:
    """Write one record that is no part of results.json to stdout, in the same way."""
    from abgap.report.document import SCHEMA_VERSION, dumped, plain_data  # noqa: PLC0415 - only for JSON

    put(dumped({"schema_version": SCHEMA_VERSION, name: plain_data(record)}))


def refuse_existing(out: Path, *, force: bool) -> None:
    """Raise UsageError when ``out`` is there and may not be replaced."""
    if out.exists() and not force:
        raise UsageError(f"{out} is there already; name another file, or replace it with --force")


@contextmanager
def atomic_write(out: Path) -> Iterator[Path]:
    """A path to write to, in a folder beside ``out`` that vanishes at the end.

    The file takes the place of ``out`` when the block ends well. Raises UsageError when it cannot be written.
    """
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent} to write {out.name} to; make it first")
    try:
        place = Path(tempfile.mkdtemp(prefix=".abgap-", dir=out.parent))
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror or error}") from error
    try:
        yield place / out.name
        (place / out.name).replace(out)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)


def refuse_unwritable(directory: Path) -> None:
    """Raise UsageError when no files can be made in ``directory``: better before long work than after it."""
    there = directory.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise UsageError(f"cannot write to {directory}: {there} is not a folder; name another one with --out")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(
            f"cannot write to {directory}: no permission for {there}; name another one with --out"
        )
