"""What is empty in predictions: an example without one is left out of both models, one without a slice has its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.offline.contest import Contest
from abgap.offline.tasks.run import measure_task
from abgap.records import Interval, NotEstimable
from abgap.study.model import Study

Measured = Callable[..., dict[str, Contest]]
N = 40


def table(task: str) -> pd.DataFrame:
    """Two models over the same examples: numbers, or labels."""
    truth = [float(i % 3) for i in range(N)]
    said = {"new": [(i * 7 % 5) / 2.0 for i in range(N)], "old": [(i * 3 % 4) / 2.0 for i in range(N)]}
    frames = [
        pd.DataFrame(
            {"model": model, "example": [f"e{i}" for i in range(N)], "y_true": truth, "y_pred": predictions}
        )
        for model, predictions in said.items()
    ]
    found = pd.concat(frames, ignore_index=True)
    return found.astype({"y_true": str, "y_pred": str}) if task == "multiclass" else found


@pytest.fixture
def measured(study_of: Callable[..., Study], tmp_path: Path) -> Measured:
    """The contests of the candidate over all examples, by metric."""

    def found(frame: Any, **keys: Any) -> dict[str, Contest]:
        with DuckDBEngine(directory=tmp_path) as engine:
            study = study_of(frame, offline={"production": "old"}, **keys)
            contests = measure_task(engine, study, tmp_path, []).contests
        return {c.metric: c for c in contests if c.model == "new" and c.slice_name is None}

    return found


@pytest.mark.parametrize("task", ["regression", "multiclass"])
@pytest.mark.parametrize("side", ["new", "old"])
def test_an_empty_prediction_leaves_its_example_out_of_both(measured: Measured, task: str, side: str) -> None:
    full = table(task)
    gap = full.assign(y_pred=full.y_pred.mask((full.model == side) & (full.example == "e7")))
    expected = measured(full[full.example != "e7"], task=task)
    found = measured(gap, task=task)
    assert found.keys() == expected.keys()
    for name, row in found.items():
        assert (row.n, row.skipped) == (N - 1, 2)
        assert row.value == pytest.approx(expected[name].value, rel=1e-12)
        assert row.baseline_value == pytest.approx(expected[name].baseline_value, rel=1e-12)
        assert isinstance(row.gain, Interval) == isinstance(expected[name].gain, Interval)


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_an_empty_prediction_does_not_hide_other_examples(measured: Measured, task: str) -> None:
    full = table(task)
    full["y_pred"] = full.y_pred.mask((full.model == "old") & (full.example == "e7"))
    for row in measured(full[~((full.model == "new") & (full.example == "e3"))], task=task).values():
        assert isinstance(row.gain, NotEstimable)
        assert row.gain.detail == "evaluated on 39 examples, the baseline on 40, 39 shared"
        assert (row.value, row.baseline_value) == (None, None)


def test_series_keep_examples_of_one_name_apart(measured: Measured) -> None:
    full = table("forecast").assign(series=["a", "b"] * N)
    full["example"] = [f"e{i // 2}" for i in range(N)] * 2
    full["y_pred"] = full.y_pred.mask((full.model == "old") & (full.example == "e7") & (full.series == "b"))
    found = measured(full, task="forecast")["mae"]
    assert (found.n, found.skipped) == (N - 1, 2)


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_slices_add_up_to_the_whole_with_what_is_not_known(
    study_of: Callable[..., Study], tmp_path: Path, task: str
) -> None:
    full = table(task).assign(group=["a", "not known", "b", "a"] * (N // 2))
    full["group"] = full.group.mask(full.group == "not known")
    with DuckDBEngine(directory=tmp_path) as engine:
        study = study_of(full, task=task, slices=["group"], offline={"production": "old"})
        contests = measure_task(engine, study, tmp_path, []).contests
    for model in ("new", "old"):
        for metric in {c.metric for c in contests}:
            parts = {
                c.slice_value: c.n for c in contests if (c.model, c.metric) == (model, metric) if c.slice_name
            }
            assert parts == {"a": N // 2, "b": N // 4, None: N // 4}
