"""docs/kpi-trap.md with its pictures: ``python -m abgap.lab.kpi_trap`` in the repository."""

from __future__ import annotations

import tempfile
from pathlib import Path

from abgap.lab.kpi_trap.making import make
from abgap.lab.kpi_trap.page import PAGE, page, picture_in_docs
from abgap.lab.kpi_trap.study import SEED


def main(docs: Path) -> None:
    """Write the page and its pictures below ``docs``."""
    with tempfile.TemporaryDirectory(prefix="abgap-kpi-trap-") as name:
        found = make(Path(name))
        for file in found.files:
            if file.suffix == ".svg":
                (docs / picture_in_docs(file.name)).write_bytes(file.read_bytes())
    (docs / PAGE).write_text(page(found.judged, SEED, in_docs=True), encoding="utf-8")


if __name__ == "__main__":
    main(Path.cwd() / "docs")
