"""A study that has nothing but ready-made effects: its portfolio is whole, single experiments are not judged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from abgap.errors import UsageError
from abgap.pipeline.analysis import open_analysis
from abgap.pipeline.results import make_results
from abgap.records import Interval, Results
from abgap.study.load import load_study

STUDY = """
[portfolio.effects]
path = "effects.csv"
columns = { experiment = "test", metric = "metric", effect = "effect", standard_error = "se", start = "start" }
[metrics.revenue]
kind = "mean"
[gap]
offline = ["ndcg@10"]
business = ["revenue"]
[offline_metrics."ndcg@10"]
direction = "up"
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    folder = tmp_path_factory.mktemp("effects")
    rng = np.random.default_rng(5)
    gains = rng.normal(0.01, 0.02, 12)
    lifts = 0.5 * gains + rng.normal(0.0, 0.004, 12)
    rows = [
        f"<b>{at}</b>,{metric},{value},0.004,2026-01-{at + 1:02d}"
        for at in range(12)
        for metric, value in (("ndcg@10", gains[at]), ("revenue", lifts[at]))
    ]
    (folder / "effects.csv").write_text("\n".join(["test,metric,effect,se,start", *rows]), encoding="utf-8")
    (folder / "abgap.toml").write_text(STUDY, encoding="utf-8")
    with open_analysis(load_study(folder / "abgap.toml"), progress=lambda message: None) as analysis:  # noqa: ARG005
        yield make_results(analysis)


def test_the_portfolio_is_whole(found: Results) -> None:
    assert found.experiments == ()
    assert found.gaps == ()
    portfolio = found.portfolio
    assert portfolio.n_experiments == 12
    assert isinstance(portfolio.slope, Interval)
    assert portfolio.transfer is not None
    assert portfolio.transfer.b.low < 0.5 < portfolio.transfer.b.high
    (pair,) = portfolio.pairs
    assert (pair.experiments, pair.arms, pair.untrusted) == (12, 12, 0)
    assert [point.start for point in pair.points][:2] == ["2026-01-01", "2026-01-02"]
    assert pair.points[0].experiment == "<b>0</b>"


def test_the_source_of_the_effects_is_named(found: Results) -> None:
    (source,) = found.provenance.sources
    assert (source.source, source.rows) == ("portfolio.effects", 24)
    assert [query.name for query in found.provenance.queries] == ["given_effects"]


def test_metrics_of_ready_made_gains_are_not_called_absent(found: Results) -> None:
    assert "absent_metrics" not in {check.name for check in found.checks}


def test_a_pair_without_partner_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "effects.csv").write_text(
        "test,metric,effect,se,start\na,revenue,0.01,0.01,\n", encoding="utf-8"
    )
    (tmp_path / "abgap.toml").write_text(STUDY, encoding="utf-8")
    with open_analysis(load_study(tmp_path / "abgap.toml"), progress=lambda message: None) as analysis:  # noqa: ARG005
        portfolio = analysis.portfolio.found
        with pytest.raises(UsageError, match="no data"):
            _ = analysis.made_wide
    assert portfolio.refusals[0] == "No correlation and no slope: 0 experiments, at least 5 are needed."
