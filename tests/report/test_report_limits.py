"""What a report leaves out is said, in the right number."""

from __future__ import annotations

import pytest

from abgap.report.view.limits import left_out


@pytest.mark.parametrize(
    ("shown", "total", "what", "said"),
    [
        (2, 2, "rows", ""),
        (1, 2, "queries", "1 more query is not shown here; results.json has all of them."),
        (0, 1, "models in arms", "1 more model in arms is not shown here; results.json has all of them."),
        (1, 2, "of them", "1 more of them is not shown here; results.json has all of them."),
        (200, 1500, "rows", "1,300 more rows are not shown here; results.json has all of them."),
    ],
)
def test_what_is_left_out_is_counted_in_words(shown: int, total: int, what: str, said: str) -> None:
    assert left_out(shown, total, what) == said
