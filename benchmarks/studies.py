"""Study files for the workloads, put together from the parts in ``studies/``: sources, experiments, metrics."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from string import Template

PARTS = Path(__file__).resolve().parent / "studies"


def write_study(path: Path, parts: Iterable[str], experiments: Iterable[str] = (), **data: Path) -> Path:
    """Write a study of the named parts. experiments: declared with control A. data: what stands for ``$name``."""
    declared = [f'[experiments.{name}]\ncontrol = "A"\n' for name in experiments]
    texts = [(PARTS / f"{part}.toml").read_text(encoding="utf-8") for part in parts]
    names = {name: file.resolve().as_posix() for name, file in data.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(Template("\n".join([*texts, *declared])).substitute(names), encoding="utf-8")
    return path
