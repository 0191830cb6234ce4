"""An environment of its own for each peer, made once from its pinned requirements.

Peers need versions of numpy and pandas that exclude each other, and abgap's. An environment lies in ``.venvs/NAME`` and
is made anew when ``peers/NAME.txt`` changes. A peer that cannot be installed (no network, no wheel for this Python) is
left out with the reason; the others are measured.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSIONS = (
    "import json, sys; from importlib.metadata import version; "
    "print(json.dumps({n: version(n) for n in sys.argv[1:]}))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """``python`` of a peer, or None with the ``reason``; versions: of the packages that its file names."""

    python: str | None
    versions: dict[str, str]
    reason: str | None = None


def environment(peer: str) -> Environment:
    """Make the environment of ``peer`` if it is not there."""
    requirements = HERE / "peers" / f"{peer}.txt"
    home = HERE / ".venvs" / peer
    python = home / "bin" / "python"
    stamp = home / ".made"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(home, ignore_errors=True)
        problem = _install(home, python, requirements)
        if problem is not None:
            return Environment(python=None, versions={}, reason=problem)
        stamp.write_text(wanted, encoding="utf-8")
    return Environment(python=str(python), versions=_versions(python, _names(requirements)))


def _install(home: Path, python: Path, requirements: Path) -> str | None:
    """Why it could not be installed, or None."""
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    for command in (
        [sys.executable, "-m", "venv", str(home)],
        [*pip, "--requirement", str(requirements)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            return f"could not be installed: {(lines or ['no reason given'])[-1].removeprefix('ERROR: ')}"
    return None


def _names(requirements: Path) -> list[str]:
    lines = requirements.read_text(encoding="utf-8").splitlines()
    named = (line.split("==")[0].split("[")[0] for line in lines if line and not line.startswith("#"))
    return list(dict.fromkeys(named))


def _versions(python: Path, names: list[str]) -> dict[str, str]:
    done = subprocess.run([str(python), "-c", VERSIONS, *names], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found
