"""The report in a real browser: tests/browser/look.mjs opens it, here is judged what it found.

``tests/browser/install.sh`` gets what is needed. Set ABGAP_SCREENSHOTS to a folder to keep the pictures.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from abgap.report.write import write_report

pytestmark = pytest.mark.browser

BROWSER = Path(__file__).parents[1] / "browser"
VIEWS = ["desk-light", "desk-dark", "phone-light", "phone-dark", "print", "no-script"]
CASES = ["few", "few_hostile", "empty"]
NAMES = ("chromium", "chromium-browser", "google-chrome")


def needed() -> tuple[str, str]:
    """Node and Chromium; without them the tests skip by name, but not where CI promises that they run."""
    node = shutil.which("node")
    chromium = os.environ.get("ABGAP_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    missing = [
        name
        for name, found in (
            ("node", node),
            ("Chromium (or ABGAP_CHROMIUM)", chromium),
            ("the packages of tests/browser", (BROWSER / "node_modules" / "axe-core").is_dir()),
        )
        if not found
    ]
    if node and chromium and not missing:
        return node, chromium
    reason = f"{' and '.join(missing)} missing; run tests/browser/install.sh"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def looks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    node, chromium = needed()
    folder = Path(os.environ.get("ABGAP_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    found = {}
    for case in CASES:
        report = write_report(request.getfixturevalue(case), folder / case, formats=["html"])[0]
        command = [node, str(BROWSER / "look.mjs"), chromium, str(report), str(folder / case)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stderr
        found[case] = {look["view"]: look for look in json.loads(done.stdout)}
        assert list(found[case]) == VIEWS
    return found


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, looks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return looks[request.param]


@pytest.mark.parametrize("view", VIEWS)
def test_the_console_is_silent_and_nothing_is_requested(case: dict[str, Any], view: str) -> None:
    assert case[view]["console"] == []
    assert case[view]["requests"] == []


@pytest.mark.parametrize("view", VIEWS[:-1])
def test_axe_finds_nothing_even_with_every_fold_open(case: dict[str, Any], view: str) -> None:
    assert case[view]["violations"] == []


@pytest.mark.parametrize("view", VIEWS[:-1])
def test_the_page_itself_never_scrolls_sideways(case: dict[str, Any], view: str) -> None:
    assert case[view]["overflow"] <= 0


def test_the_verdict_is_read_without_scripts(looks: dict[str, dict[str, Any]]) -> None:
    assert looks["few"]["no-script"]["heading"].startswith("1 of 3 offline gains reached revenue per user")
    assert looks["empty"]["no-script"]["heading"] == "There is no experiment to judge."
