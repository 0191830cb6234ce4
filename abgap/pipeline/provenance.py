"""Where the numbers come from: files with their hashes, sources with their rows, queries, versions."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable
from pathlib import Path

from abgap import __version__
from abgap.errors import DataError
from abgap.pipeline.fingerprint import FileHashes
from abgap.records import InputFile

_PACKAGES = ("duckdb", "numpy", "scipy", "sqlglot")


def hash_files(source: str, files: Iterable[Path], directory: Path, hashes: FileHashes) -> list[InputFile]:
    """Size and sha256 of every input file, with its path relative to the study where it lies below it."""
    return [_hash_file(source, path, directory, hashes) for path in files]


def _hash_file(source: str, path: Path, directory: Path, hashes: FileHashes) -> InputFile:
    try:
        sha256, size = hashes.of(path), path.stat().st_size
    except OSError as error:
        raise DataError(f"{source}: cannot read {path.name}: {error.strerror}") from error
    return InputFile(source=source, path=shown_path(path, directory), size_bytes=size, sha256=sha256)


def shown_path(path: Path, directory: Path) -> str:
    """The path as a reader of the report can use it: relative to the study, else the file's name alone."""
    try:
        return path.resolve().relative_to(directory.resolve()).as_posix()
    except ValueError:
        return path.name


def versions() -> dict[str, str]:
    """Versions of Python, abgap and the packages that compute."""
    found = {"python": platform.python_version(), "abgap": __version__}
    return found | {name: importlib.metadata.version(name) for name in _PACKAGES}
