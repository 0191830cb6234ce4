"""How the sample data come to stand on disk: whole or not at all.

Everything is written into ``logs/.partial`` first and moved to its place at the end; the manifest, which says
what is there, is written last. Whoever finds no matching manifest makes the set again. Only what a manifest
of ours names as ours is ever removed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from abgap.errors import DataError

LOGS = "logs"
OFFLINE = "offline"
PARTIAL = ".partial"
MANIFEST = "manifest.json"
UNFINISHED = "manifest.tmp"
MADE_BY = "abgap.lab.sample"
ROW_GROUP = 122_880
COMPRESSION_LEVEL = 6


class Folder:
    """A place for the sample data: ``directory/logs`` and ``directory/offline``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.manifest_file = directory / LOGS / MANIFEST
        self.partial = directory / LOGS / PARTIAL

    def matches(self, recipe: dict[str, object]) -> bool:
        """Whether a whole set made by this recipe is there, every file at its size, and nothing else."""
        manifest = self._manifest()
        if manifest.get("complete") is not True or manifest.get("recipe") != recipe:
            return False
        return manifest.get("files") == self._files()

    @contextmanager
    def replaced(self, recipe: dict[str, object]) -> Iterator[Path]:
        """An empty folder to write into, whose content takes the place of the old when the block ends well.

        DataError when ``logs`` or ``offline`` hold something that this generator did not make.
        """
        self._refuse_foreign()
        self._write_manifest(recipe, files=None)
        shutil.rmtree(self.partial, ignore_errors=True)
        self.partial.mkdir()
        try:
            yield self.partial
            self._move_in()
        finally:
            shutil.rmtree(self.partial, ignore_errors=True)
        self._write_manifest(recipe, files=self._files())

    def _manifest(self) -> dict[str, object]:
        try:
            manifest = json.loads(self.manifest_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return manifest if isinstance(manifest, dict) and manifest.get("made_by") == MADE_BY else {}

    def _refuse_foreign(self) -> None:
        if self._manifest():
            return
        for name in (LOGS, OFFLINE):
            folder = self.directory / name
            if folder.is_dir() and any(path.name not in (PARTIAL, UNFINISHED) for path in folder.iterdir()):
                raise DataError(
                    f"{folder} holds files that were not made by the sample data generator",
                    hint="choose another directory for the sample data",
                )

    def _move_in(self) -> None:
        for old in self._parts():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        (self.partial / OFFLINE).rename(self.directory / OFFLINE)
        for new in sorted((self.partial / LOGS).iterdir()):
            new.rename(self.directory / LOGS / new.name)

    def _parts(self) -> list[Path]:
        logs = self.directory / LOGS
        ours = [path for path in logs.iterdir() if path not in (self.manifest_file, self.partial)]
        offline = self.directory / OFFLINE
        return [*ours, offline] if offline.is_dir() else ours

    def _files(self) -> dict[str, int]:
        found = (file for part in (LOGS, OFFLINE) for file in (self.directory / part).rglob("*.parquet"))
        return {file.relative_to(self.directory).as_posix(): file.stat().st_size for file in sorted(found)}

    def _write_manifest(self, recipe: dict[str, object], *, files: dict[str, int] | None) -> None:
        content = {"made_by": MADE_BY, "complete": files is not None, "recipe": recipe, "files": files or {}}
        self.manifest_file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.manifest_file.with_name(UNFINISHED)
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        temporary.replace(self.manifest_file)


def write_table(table: pa.Table, file: Path) -> None:
    """One parquet file; the same table gives the same bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    counters = {"ts", "session_id"} & set(table.column_names)
    pq.write_table(
        table,
        file,
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        row_group_size=ROW_GROUP,
        use_dictionary=[name for name in table.column_names if name not in counters],
        column_encoding=dict.fromkeys(sorted(counters), "DELTA_BINARY_PACKED"),
    )


def write_by_month(table: pa.Table, folder: Path, name: str) -> None:
    """One file per month of ``ts``, under ``folder/month=YYYY-MM/name.parquet``."""
    months = table["ts"].to_numpy().astype("datetime64[M]")
    for month in np.arange(months.min(), months.max() + 1):
        rows = table.filter(pa.array(months == month))
        if rows.num_rows:
            write_table(rows, folder / f"month={month}" / f"{name}.parquet")


def digest(text: str) -> str:
    """The fingerprint by which a manifest knows the truth it was made from."""
    return hashlib.sha256(text.encode()).hexdigest()
