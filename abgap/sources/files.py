"""Which files a source of the study means: paths, globs, folders, hive partitions, and their format.

Nothing is opened here. Files are ordered by name, each once, whatever order or overlap the patterns have.
"""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from abgap.errors import DataError
from abgap.sources.sql import Sql, comma_list, literal
from abgap.study.model import Source

_SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
_COMPRESSED = (".gz", ".zst")
_URL_SCHEMES = ("http://", "https://", "s3://", "gs://", "gcs://", "az://", "abfss://", "hf://")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFiles:
    """The files of one source, all of one format.

    name: the source's key in the study. files: local files by name (empty for a URL). locations: what the
    engine is given to read. partition_keys: columns that stand in the folders' names as ``key=value``.
    """

    name: str
    files: tuple[Path, ...]
    locations: tuple[str, ...]
    file_format: str
    partition_keys: tuple[str, ...]

    @property
    def location_list(self) -> Sql:
        """The locations as a SQL list literal."""
        return Sql(f"[{comma_list(literal(place) for place in self.locations)}]")


def resolve_files(name: str, source: Source, directory: Path) -> SourceFiles:
    """Find the files of ``source``; paths are relative to ``directory``.

    Raises DataError when nothing matches, or when formats are unknown or mixed.
    """
    patterns = [source.path] if isinstance(source.path, str) else list(source.path or [])
    urls = [pattern for pattern in patterns if pattern.startswith(_URL_SCHEMES)]
    local = [pattern for pattern in patterns if pattern not in urls]
    # TREC has no suffix of its own: all files of a folder are meant.
    any_name = source.format == "trec"
    files = sorted({f for pattern in local for f in _match(name, pattern, directory, any_name=any_name)})
    shown = [*urls, *map(str, files)]
    return SourceFiles(
        name=name,
        files=tuple(files),
        # The engine globs again: a bracket in a file's own name must not be read as a pattern.
        locations=(*urls, *(glob.escape(str(file)) for file in files)),
        file_format=source.format or _one_format(name, shown),
        partition_keys=_partition_keys(files, directory),
    )


def _match(name: str, pattern: str, directory: Path, *, any_name: bool) -> list[Path]:
    try:
        found = _matching(pattern, directory, any_name=any_name)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"{name}: {pattern!r} is no usable path: {reason}") from error
    if not found:
        raise _nothing_found(name, pattern, directory)
    return found


def _matching(pattern: str, directory: Path, *, any_name: bool) -> list[Path]:
    literal_path = directory / pattern
    if literal_path.is_file():
        return [literal_path]
    if literal_path.is_dir():
        below = (path for path in literal_path.rglob("*") if path.is_file() and _is_data(path, literal_path))
        return [path for path in below if any_name or _format_of(str(path)) is not None]
    # The folder of the study is no part of the pattern: brackets in its name stand for themselves.
    hits = glob.glob(pattern, root_dir=directory, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
    return [directory / hit for hit in hits if (directory / hit).is_file()]


def _is_data(path: Path, folder: Path) -> bool:
    """Whether writers of tables mean it as data: not hidden, and not in a log or staging folder."""
    parts = path.relative_to(folder).parts
    return not any(part.startswith((".", "_")) and "=" not in part for part in parts)


def _nothing_found(name: str, pattern: str, directory: Path) -> DataError:
    where = f"looked in {directory}; paths are relative to the study file"
    if glob.has_magic(pattern) or (directory / pattern).is_dir():
        return DataError(f"{name}: no file with data matches {pattern!r} ({where})")
    path = directory / pattern
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, sorted(beside), n=1)
    hint = f"; did you mean {str(Path(pattern).with_name(near[0]))!r}?" if near else ""
    return DataError(f"{name}: there is no file {pattern!r} ({where}){hint}")


def _format_of(place: str) -> str | None:
    path = Path(place.split("?", maxsplit=1)[0] if place.startswith(_URL_SCHEMES) else place)
    suffix = path.suffix.lower()
    if suffix in _COMPRESSED:
        suffix = Path(path.stem).suffix.lower()
    return _SUFFIXES.get(suffix)


def _one_format(name: str, places: list[str]) -> str:
    formats = {_format_of(place) for place in places}
    if None in formats:
        unknown = next(place for place in places if _format_of(place) is None)
        raise DataError(
            f"{name}: cannot tell the format of {Path(unknown).name!r} from its name; "
            "set `format` to parquet, csv or json"
        )
    if len(formats) > 1:
        known = ", ".join(sorted(str(found) for found in formats))
        raise DataError(f"{name}: the files have different formats ({known}); use one format in a source")
    return str(formats.pop())


def _partition_keys(files: Iterable[Path], directory: Path) -> tuple[str, ...]:
    """The keys in the folders' names, below the study where the files lie there."""
    keys: dict[str, None] = {}
    for file in files:
        below = file.relative_to(directory) if file.is_relative_to(directory) else file
        keys |= dict.fromkeys(part.split("=", maxsplit=1)[0] for part in below.parts[:-1] if "=" in part)
    return tuple(keys)
