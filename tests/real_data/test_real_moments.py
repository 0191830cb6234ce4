"""Moments are the narrow waist: exported and brought back, they give the same findings as the raw data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from abgap.cli.main import cli
from abgap.records import Check, Results

pytestmark = pytest.mark.data


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize(
    ("raw", "brought"), [("peska_ht2020", "peska_moments"), ("udacity_logs", "udacity_moments")]
)
def test_exported_moments_give_the_same_estimates_and_splits(
    study_file: Callable[..., Path],
    results: Callable[..., Results],
    tmp_path: Path,
    raw: str,
    brought: str,
    suffix: str,
) -> None:
    moments = tmp_path / f"moments{suffix}"
    arguments = ["export", "moments", "--study", str(study_file(raw)), "--out", str(moments), "--quiet"]
    CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
    before, after = results(raw), results(brought, moments=moments.as_posix())
    assert after.estimates == before.estimates
    assert split_checks(after) == split_checks(before)


def split_checks(found: Results) -> list[Check]:
    """The checks of units per arm, but for the query they rest on: that is where the moments come from."""
    splits = ("sample_ratio", "sample_ratio_by_part", "arm_sizes")
    return [replace(check, sql=None) for check in found.checks if check.name in splits]
