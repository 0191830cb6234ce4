"""The cookbook is executed: files are written, commands run, outputs compared; a part of the page has one folder."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from abgap.cli.main import main
from abgap.errors import StudyError
from abgap.study.load import load_study

ROOT = Path(__file__).resolve().parents[2]
COOKBOOK = (ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8")
# The studies of docs/study.md are fragments, and have a test of their own.
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.stem != "study")]
_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = frozenset({"|", "||", "&&", ";", ">", "<"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: its language, the file it is (or none), and its text."""

    language: str
    file: str | None
    text: str


def blocks(text: str) -> Iterator[Block]:
    for language, file, body in _FENCE.findall(text):
        yield Block(language=language, file=file or None, text=body)


def parts() -> list[str]:
    """The parts of the page: what shares a folder."""
    return [part for part in re.split(r"^## ", COOKBOOK, flags=re.MULTILINE) if "```" in part]


class Reader:
    """Somebody who follows the recipes of one part in a folder."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capture = folder, capture
        self.printed = ""

    def follow(self, block: Block) -> None:
        if block.language == "text":
            assert self.printed.strip() == block.text.strip(), (
                "the output shown in the cookbook is not what is printed"
            )
            return
        if block.file is not None:
            (self.folder / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            (self.folder / "recipe.py").write_text(block.text, encoding="utf-8")
            runpy.run_path("recipe.py")
            self.printed = self.capture.readouterr().out
        elif block.language == "sh":
            self.printed = "".join(self.run(line) for line in block.text.splitlines())

    def run(self, line: str) -> str:
        words = shlex.split(line)
        if words[0] != "abgap" or _SHELL & set(words):
            return self.run_in_shell(line)
        with pytest.raises(SystemExit) as ended:
            main(words[1:])
        output = self.capture.readouterr()
        assert ended.value.code == 0, f"{line}\n{output.out}\n{output.err}"
        return output.out

    def run_in_shell(self, line: str) -> str:
        """What ``abgap`` is in a shell, whether or not it is installed here; ``python`` is this one."""
        commands = (
            f'abgap() {{ "{sys.executable}" -m abgap "$@"; }}\npython() {{ "{sys.executable}" "$@"; }}\n'
        )
        done = subprocess.run(
            ["bash", "-c", commands + line],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.mark.parametrize("part", parts(), ids=lambda part: part.splitlines()[0])
def test_every_recipe_of_the_cookbook_runs(
    part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path, capsys)
    for block in blocks(part):
        reader.follow(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_study_in_the_documents_loads(page: Path, tmp_path: Path) -> None:
    for position, block in enumerate(blocks(page.read_text(encoding="utf-8"))):
        if block.language == "toml":
            file = tmp_path / f"{position}.toml"
            file.write_text(block.text, encoding="utf-8")
            try:
                load_study(file)
            except StudyError as error:
                pytest.fail(f"{page.name}: {error}\n{block.text}")
