"""Which files a source of the study means: paths, globs, folders, hive partitions, and their format.

Nothing is opened here. The order of files is by name, so that it does not depend on the file system.
"""

from __future__ import annotations

import glob
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
    engine is given to read. partitioned: whether folders carry ``key=value`` columns.
    """

    name: str
    files: tuple[Path, ...]
    locations: tuple[str, ...]
    file_format: str
    partitioned: bool

    @property
    def location_list(self) -> Sql:
        """The locations as a SQL list literal."""
        return Sql(f"[{comma_list(literal(place) for place in self.locations)}]")


def resolve_files(name: str, source: Source, directory: Path) -> SourceFiles:
    """Find the files of ``source``; paths are relative to ``directory``.

    Raises DataError when nothing matches, or when formats are unknown or mixed.
    """
    patterns = [source.path] if isinstance(source.path, str) else list(source.path or [])
    urls = [p for p in patterns if p.startswith(_URL_SCHEMES)]
    files = [f for p in patterns if p not in urls for f in _match(name, p, directory)]
    shown = [*urls, *(str(f) for f in files)]
    file_format = source.format or _one_format(name, shown)
    return SourceFiles(
        name=name,
        files=tuple(files),
        # The engine globs again: a bracket in a file's own name must not be read as a pattern.
        locations=(*urls, *(glob.escape(str(f)) for f in files)),
        file_format=file_format,
        partitioned=any("=" in part for place in shown for part in Path(place).parts[:-1]),
    )


def _match(name: str, pattern: str, directory: Path) -> list[Path]:
    literal_path = directory / pattern
    if literal_path.is_file():
        return [literal_path]
    if literal_path.is_dir():
        found = [p for p in literal_path.rglob("*") if p.is_file() and _format_of(str(p)) is not None]
        found = [p for p in found if not p.name.startswith((".", "_"))]
    else:
        found = [Path(p) for p in glob.glob(str(literal_path), recursive=True) if Path(p).is_file()]  # noqa: PTH207 - Path.glob refuses absolute patterns
    if not found:
        raise DataError(
            f"{name}: no file matches {pattern!r} in {directory}; check `path`, it is relative to the study file"
        )
    return sorted(found)


def _format_of(place: str) -> str | None:
    path = Path(place.split("?", maxsplit=1)[0])
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
        raise DataError(
            f"{name}: files of different formats ({', '.join(sorted(map(str, formats)))}); use one per source"
        )
    return str(formats.pop())
