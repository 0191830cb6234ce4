from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from abgap.gap import analyse_gaps
from abgap.records import NotEstimable, Portfolio, Reason, VerdictName

Make = Callable[..., Any]
GAINS = {"+": (0.05, 0.07), "0": (-0.01, 0.01), "-": (-0.07, -0.05)}
LIFTS = {"+": (0.02, 0.04), "0": (-0.02, 0.03), "-": (-0.04, -0.02)}


@pytest.fixture
def portfolio(
    make_study: Make, make_facts: Make, make_offline: Make, make_estimate: Make, make_interval: Make
) -> Make:
    """The portfolio of one experiment for each (offline sign, business sign)."""

    def make(
        signs: Sequence[str], *, rows: dict[int, Any] | None = None, checks: Sequence[Any] = ()
    ) -> Portfolio:
        experiments, estimates, offline_rows = [], [], []
        for number, pair in enumerate(signs):
            offline, online = pair[0], pair[1]
            name, model = f"e{number}", f"model-{number}"
            experiments.append(make_facts(name=name, models={"A": "base", "B": model}))
            estimates.append(make_estimate(*LIFTS[online], experiment=name))
            changes = (rows or {}).get(number, {"gain": make_interval(*GAINS[offline])})
            offline_rows.append(make_offline(model=model, baseline="base", **changes))
        return analyse_gaps(
            make_study(),
            experiments=experiments,
            estimates=estimates,
            offline_rows=offline_rows,
            checks=checks,
        ).portfolio

    return make


def test_the_nine_cells_count_offline_by_business(portfolio: Make) -> None:
    signs = ["++", "++", "+0", "+-", "0+", "00", "0-", "-+", "-0", "--", "--", "--"]
    found = portfolio(signs)
    cells = found.nine_cells[0]
    assert (cells.offline_metric, cells.business_metric) == ("ndcg@10", "revenue_per_user")
    assert cells.counts == ((3, 1, 1), (1, 1, 1), (1, 1, 2))
    assert cells.untrustworthy == 0
    assert found.n_experiments == 12
    assert sum(found.verdicts.values()) == 12
    assert list(found.verdicts) == [name.value for name in VerdictName]
    assert found.verdicts["translated"] == 2
    assert found.verdicts["loss confirmed"] == 3


def test_untrustworthy_pairs_are_counted_apart(portfolio: Make, make_check: Make) -> None:
    found = portfolio(["++", "++"], checks=[make_check(experiment="e1")])
    assert found.nine_cells[0].counts == ((0, 0, 0), (0, 0, 0), (0, 0, 1))
    assert found.nine_cells[0].untrustworthy == 1


def test_what_is_not_counted_or_not_reliable_is_said(portfolio: Make) -> None:
    bare = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail="bare")
    found = portfolio(["++", "++", "++"], rows={0: {"gain": bare}, 1: {"metric": "another"}})
    assert found.nine_cells[0].counts == ((0, 0, 0), (0, 0, 0), (0, 0, 2))
    assert any(text.startswith("1 pair of metrics not counted in the nine cells") for text in found.refusals)
    assert any(text.startswith("1 offline gain came without an interval") for text in found.refusals)


def test_an_empty_portfolio_counts_nothing(portfolio: Make) -> None:
    found = portfolio([])
    assert found.nine_cells == ()
    assert set(found.verdicts.values()) == {0}
    assert found.refusals == ()
