"""What a command imports: heavy packages cost more than the work, so that each is loaded only where it is used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "duckdb",
    "jinja2",
    "matplotlib",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "rich",
    "scipy",
    "sqlglot",
    "statsmodels",
}

STUDY = """
[unit_values]
path = "units.parquet"
columns = { experiment = { value = "mail" }, variant = "variant" }

[experiments.mail]
control = "A"

[metrics.revenue]
kind = "mean"
value = "revenue"
role = "primary"

[metrics.conversion]
kind = "proportion"
value = "converted"
"""

LIST_IMPORTS = """
import json, sys
from abgap.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""

# Of abgap, what is for other studies, for statistics and for results that are kept.
NOT_FOR_MOMENTS = {
    "abgap.gap",
    "abgap.offline",
    "abgap.online.diagnostics",
    "abgap.online.imported",
    "abgap.online.logs",
    "abgap.online.scorecard",
    "abgap.pipeline.cache",
    "abgap.pipeline.kept",
    "abgap.records.results",
    "abgap.report",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import duckdb  # noqa: PLC0415

    found = tmp_path_factory.mktemp("start")
    (found / "abgap.toml").write_text(STUDY)
    duckdb.sql(
        "COPY (SELECT CASE i % 2 WHEN 0 THEN 'A' ELSE 'B' END AS variant, i % 7 + 0.5 AS revenue, (i % 5 = 0)::INT AS "
        f"converted FROM range(1000) t(i)) TO '{found / 'units.parquet'}' (FORMAT parquet)"
    )
    return found


def _imported(folder: Path, *arguments: str) -> set[str]:
    """The heavy packages that a command has loaded when it ends well."""
    return HEAVY & {name.partition(".")[0] for name in _modules(folder, *arguments)}


def _modules(folder: Path, *arguments: str) -> set[str]:
    """The modules that a command has loaded when it ends well."""
    environment = os.environ | {"ABGAP_CACHE_DIR": str(folder / "kept")}
    done = subprocess.run(
        [sys.executable, "-c", LIST_IMPORTS, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    code, names = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    assert "scipy.stats" not in names
    return set(names)


def test_help_and_version_load_nothing_heavy(folder: Path) -> None:
    assert _imported(folder, "--help") == set()
    assert _imported(folder, "--version") == set()
    assert _imported(folder, "analyze", "--help") == set()


@pytest.mark.parametrize("name", ["moments.parquet", "moments.csv"])
def test_moments_need_the_engine_and_no_statistics(folder: Path, name: str) -> None:
    found = _imported(folder, "export", "moments", "--out", name, "--force", "--no-cache")
    assert found == {"duckdb", "jinja2", "numpy", "pydantic"}


def test_moments_load_nothing_of_abgap_that_they_do_not_use(folder: Path) -> None:
    found = _modules(folder, "export", "moments", "--out", "moments.parquet", "--force", "--no-cache")
    assert not NOT_FOR_MOMENTS & found
    assert {"abgap.online.unit_values", "abgap.online.sums"} <= found


def test_estimates_need_scipy_special_and_no_frames(folder: Path) -> None:
    assert _imported(folder, "analyze", "--json", "--no-cache") == {
        "duckdb",
        "jinja2",
        "numpy",
        "pydantic",
        "scipy",
    }
    assert "rich" in _imported(folder, "analyze", "--no-cache")


def test_a_report_that_was_kept_needs_no_statistics_and_no_pictures(folder: Path) -> None:
    first = _imported(folder, "report", "--out", "report")
    assert {"matplotlib", "scipy"} <= first
    before = {path.name: path.read_bytes() for path in (folder / "report").iterdir()}
    second = _imported(folder, "report", "--out", "report")
    assert second <= {"duckdb", "jinja2", "numpy", "pydantic"}
    assert {path.name: path.read_bytes() for path in (folder / "report").iterdir()} == before
