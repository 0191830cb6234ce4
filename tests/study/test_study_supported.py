"""What the schema knows and this version cannot do is refused in words, never ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from abgap import __version__

YET = f"not supported yet by abgap {__version__}"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            (
                "[offline.rankings]\npath = 'r'\n"
                "columns = { model = 'm', query = 'q', item = 'i', score = 's', position = 'k', propensity = 'p' }\n"
                "[offline.judgements]\npath = 'j'\ncolumns = { query = 'q', item = 'i', relevance = 'r' }"
            ),
            [
                f"offline.rankings.columns.{role}: weighing by where items were shown is {YET}; remove it"
                for role in ("position", "propensity")
            ],
        ),
    ],
)
def test_a_part_for_later_is_refused(
    lines: str, expected: list[str], problems: Callable[[str], list[str]], sound: Mapping[str, str]
) -> None:
    assert problems(f"{sound['logs']}\n{lines}") == expected


def test_covariates_out_of_a_units_table_are_there_already(
    problems: Callable[[str], list[str]], sound: Mapping[str, str]
) -> None:
    lines = (
        "[units]\npath = 'u'\ncolumns = { unit = 'u' }\n"
        "[metrics.spend]\nkind = 'mean'\nfact = 'events'\nvalue = 'a'\ncovariate = { column = 'pre' }"
    )
    assert problems(f"{sound['logs']}\n{lines}") == []
