"""Where the text files that abgap ships are found: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# name -> (folder inside an installed wheel, folder in a checkout)
_FOLDERS = {
    "queries": ("_queries", "queries"),
    "templates": ("_templates", "reports/templates"),
    "sample_data": ("_sample_data", "sample_data"),
}


def folder(name: str) -> Path:
    """The folder of shipped text files called ``name``: queries, templates or sample_data."""
    shipped, checkout = _FOLDERS[name]
    inside = _PACKAGE / shipped
    return inside if inside.is_dir() else _PACKAGE.parent / checkout
