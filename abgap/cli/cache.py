"""``abgap cache``: what is kept of earlier runs, and how to be rid of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from abgap.cli import options
from abgap.cli.output import one_line, put, tell

if TYPE_CHECKING:
    from abgap.pipeline.cache import Cache


@options.command("cache", examples=["abgap cache show", "abgap cache show --json", "abgap cache clear"])
@click.argument("what", type=click.Choice(["show", "clear"]))
@options.json_option
def command(what: str, *, as_json: bool) -> None:
    """Show the folder where results of earlier runs are kept, and what is in it; or remove all of that.

    The folder is $ABGAP_CACHE_DIR when that is set. Removing it costs time, and changes no result.
    """
    from abgap.pipeline.cache import Cache, cache_folder  # noqa: PLC0415 - numpy, only when the command runs

    cache = Cache(cache_folder(), note=lambda text: tell(f"abgap: {text}"))
    if what == "clear":
        removed = cache.clear()
        _put({"folder": str(cache.folder), "removed": removed}, as_json=as_json)
    else:
        _put(_contents(cache), as_json=as_json)


def _contents(cache: Cache) -> dict[str, Any]:
    """What is in the folder, the most recently used first."""
    results = [
        {
            "stage": None if head is None else head.stage,
            "study": None if head is None else head.study,
            "input_files": None if head is None else len(head.files),
            "size_bytes": entry.size,
        }
        for entry, head in cache.heads()
    ]
    size = sum(entry.size for entry in cache.entries())
    return {"folder": str(cache.folder), "size_bytes": size, "results": results}


def _put(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        from abgap.report.document import SCHEMA_VERSION, dumped  # noqa: PLC0415 - only for JSON

        put(dumped({"schema_version": SCHEMA_VERSION, **found}))
    else:
        put("".join(f"{one_line(line)}\n" for line in _lines(found)))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    if "removed" in found:
        yield f"{found['removed']:,} results removed from {found['folder']}"
        return
    yield f"{found['folder']}: {len(found['results']):,} results, {found['size_bytes'] / 1e6:.1f} MB"
    for result in found["results"]:
        what = f"{result['stage']} of {result['study']}" if result["stage"] else "unreadable"
        yield f"  {what}, {result['input_files'] or 0:,} input files, {result['size_bytes']:,} bytes"
