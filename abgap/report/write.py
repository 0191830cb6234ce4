"""Writing a report: all files, or as nearly none as a file system allows.

Every form is rendered before the first byte is written; each file is written beside its place under a temporary name
and then renamed, so that a reader never sees half a report.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from abgap.records import Results
from abgap.report.document import to_json

Format: TypeAlias = Literal["html", "md", "json"]
FORMATS: tuple[Format, ...] = ("html", "md", "json")
FILE_NAMES: dict[Format, str] = {"html": "report.html", "md": "report.md", "json": "results.json"}


def write_report(results: Results, directory: Path, *, formats: Sequence[Format] = FORMATS) -> list[Path]:
    """Write the report into ``directory`` (made when missing) and return the files, in the order of ``FORMATS``.

    Raises OSError when the directory cannot be written; then no file of an earlier report was touched,
    unless the very last step, renaming, failed midway.
    """
    return write_texts(render(results, formats=formats), directory)


def write_texts(rendered: Mapping[Format, str], directory: Path) -> list[Path]:
    """Write what ``render`` gave, as ``write_report`` does."""
    texts = {FILE_NAMES[form]: text for form, text in rendered.items()}
    directory.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as undo:
        waiting = [(_written(directory, text, undo), directory / name) for name, text in texts.items()]
        for temporary, final in waiting:
            os.replace(temporary, final)  # noqa: PTH105 - Path.replace is the same; this one is known to be atomic
    return [final for _, final in waiting]


def render(results: Results, *, formats: Sequence[Format] = FORMATS) -> dict[Format, str]:
    """The text of each form, in the order of ``FORMATS``."""
    texts: dict[Format, str] = {}
    if "html" in formats or "md" in formats:
        # Imported here, because JSON alone needs neither templates nor charts.
        from abgap.report.html import fitting  # noqa: PLC0415
        from abgap.report.markdown import render_markdown  # noqa: PLC0415

        view, texts["html"] = fitting(results)
        texts["md"] = render_markdown(view)
    if "json" in formats:
        texts["json"] = to_json(results)
    return {form: texts[form] for form in FORMATS if form in formats}


def _written(directory: Path, text: str, undo: contextlib.ExitStack) -> Path:
    """A temporary file with the text, on disk; gone at the end unless it was renamed."""
    handle, name = tempfile.mkstemp(dir=directory, prefix=".report-", suffix=".tmp")
    undo.callback(Path(name).unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode("utf-8"))
        file.flush()
        os.fsync(file.fileno())
    Path(name).chmod(0o666 & ~_umask())
    return Path(name)


def _umask() -> int:
    """The permissions that new files do not get; reading it means setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
