"""The same on a small cluster of processes: nothing relies on driver and executors sharing memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from abgap.engine.protocol import Engine

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark"), pytest.mark.filterwarnings("ignore")]


def test_a_cluster_gives_the_results_of_duckdb(
    on_a_cluster: Callable[[], Engine],
    compared: Callable[[Path, Callable[[], Engine]], set[str]],
    ready_made: Path,
) -> None:
    assert "cells" in compared(ready_made, on_a_cluster)
