"""A study may be about models alone; what is left of one about experiments may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

SCORES = "[offline.scores]\npath = 's'\ncolumns = { model = 'm', metric = 'x', value = 'v' }\n"


def test_offline_sources_alone_are_a_study(problems: Callable[[str], list[str]]) -> None:
    assert problems(SCORES) == []


@pytest.mark.parametrize("part", ["experiments.x", "metrics.spend", "facts.events", "gap"])
def test_beside_parts_of_experiments_their_units_are_missed(
    part: str, problems: Callable[[str], list[str]]
) -> None:
    said = problems(f"{SCORES}[{part}]\n")
    assert any("nothing says where the units of the experiments come from" in line for line in said)
