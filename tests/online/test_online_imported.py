"""Moments from elsewhere: the fewest columns that do, and what is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.online.imported import noted_until, read_moments
from abgap.records import Kind, Moments
from abgap.study.model import Source

Read = Callable[..., Moments]
KINDS = {"revenue": Kind.MEAN, "paid": Kind.PROPORTION, "per_visit": Kind.RATIO}


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Read]:
    """Read a moments file with these columns."""
    with DuckDBEngine(directory=tmp_path) as engine:

        def reader(columns: Mapping[str, Any], *, suffix: str = "parquet", mapping: Any = None) -> Moments:
            frame = pd.DataFrame(columns)
            path = tmp_path / f"moments.{suffix}"
            if suffix == "csv":
                frame.to_csv(path, index=False)
            else:
                frame.to_parquet(path, index=False)
            source = Source.model_validate({"path": path.name, "columns": mapping or {}})
            return read_moments(engine, source, KINDS, tmp_path)[0]

        yield reader


MEANS: Mapping[str, Any] = {
    "experiment": ["e", "e"],
    "variant": ["A", "B"],
    "metric": ["revenue", "revenue"],
    "n": [100, 120],
    "mean": [2.5, 2.75],
    "variance": [4.0, 5.0],
}
SHARES: Mapping[str, Any] = {
    "experiment": ["e", "e"],
    "variant": ["A", "B"],
    "metric": ["paid", "paid"],
    "n": [100, 120],
    "sum": [10, 18],
}


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_means_with_variances_are_enough(read: Read, suffix: str) -> None:
    found = read(MEANS, suffix=suffix)
    assert found.variant.tolist() == ["A", "B"]
    assert (found.n.tolist(), found.mean.tolist()) == ([100, 120], [2.5, 2.75])
    assert found.variance.tolist() == [4.0, 5.0]
    assert found.slice_name.tolist() == [None, None]
    assert np.isnan(found.covariate_mean).all()


def test_a_proportion_needs_its_successes_only(read: Read) -> None:
    found = read(SHARES)
    assert found.mean.tolist() == pytest.approx([0.1, 0.15])
    assert found.variance.tolist() == pytest.approx(
        [np.var([1] * 10 + [0] * 90, ddof=1), np.var([1] * 18 + [0] * 102, ddof=1)]
    )


def test_the_variance_of_a_proportion_is_that_of_a_share_whatever_is_given(read: Read) -> None:
    given = dict(SHARES) | {"mean": [0.1, 0.15], "variance": [9.0, 9.0], "sum": [None, None]}
    assert read(given).variance.tolist() == read(SHARES).variance.tolist()


def test_columns_are_mapped_or_found_by_their_own_name_in_any_case(read: Read) -> None:
    renamed = {"Experiment": ["e"], "arm": ["A"], "METRIC": ["revenue"], "units": [7], "avg": [1.5]}
    mapping = {"variant": "arm", "n": "units", "mean": "avg", "variance": {"expr": "avg * 2"}}
    found = read(renamed, mapping=mapping)
    assert (found.experiment[0], found.variant[0], found.n[0]) == ("e", "A", 7)
    assert (found.mean[0], found.variance[0]) == (1.5, 3.0)


def test_names_are_text_and_keep_their_zeros(read: Read) -> None:
    found = read(dict(MEANS) | {"experiment": ["007", "007"], "variant": ["01", "1"]}, suffix="csv")
    assert found.experiment.tolist() == ["007", "007"]
    assert sorted(found.variant) == ["01", "1"]


def test_slices_days_folds_and_funnels_come_along(read: Read) -> None:
    columns = {name: [values[0]] * 4 for name, values in MEANS.items()} | {
        "slice_name": ["device", None, None, None],
        "slice_value": ["phone", None, None, None],
        "period": [None, "2026-03-02", None, None],
        "fold": [None, None, "3", None],
        "stage_means": [None, None, None, [1.0, 2.0]],
        "stage_covariances": [None, None, None, [1.0, 0.5, 0.5, 2.0]],
    }
    found = read(columns)
    assert {v for v in found.slice_value if v is not None} == {"phone"}
    assert {v for v in found.period if v is not None} == {"2026-03-02"}
    assert {v for v in found.fold if v is not None} == {3}

    assert [v for v in found.stage_covariances if v is not None] == [(1.0, 0.5, 0.5, 2.0)]


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        (
            {"stage_means": [1.0, 2.0], "stage_covariances": [1.0, 0.5]},
            "stage_covariances of .* it should have 4",
        ),
        (
            {"covariate_means": [1.0, 2.0], "covariate_crosses": [1.0]},
            "covariate_crosses of .* has 1 number; beside 2 numbers in covariate_means it should have 2 or 4",
        ),
        ({"covariate_covariances": [1.0]}, "covariate_covariances of .* beside 0 numbers"),
    ],
)
def test_lists_that_do_not_fit_together_are_refused(
    read: Read, lists: dict[str, list[float]], expected: str
) -> None:
    columns = {name: [values[0]] for name, values in MEANS.items()}
    with pytest.raises(DataError, match=expected):
        read(columns | {name: [given] for name, given in lists.items()})


def test_a_fold_that_is_no_number_is_refused(read: Read) -> None:
    columns = {name: [values[0]] for name, values in MEANS.items()}
    with pytest.raises(DataError, match="a fold is 'first'; folds are numbered from 0 on"):
        read(columns | {"fold": ["first"]})


def test_rows_come_in_one_order(read: Read) -> None:
    frame = pd.DataFrame(MEANS)
    assert read(frame.iloc[::-1]).variant.tolist() == ["A", "B"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"variance": [4.0, -1.0]}, "variance of experiment 'e', variant 'B', metric 'revenue' is -1; it cannot be"),
        ({"n": [100.0, -1.0]}, "n of .* is -1; it cannot be below zero"),
        ({"n": [100.0, 1.5]}, "n of .* is 1.5; it counts units, and has to be a whole number"),
        ({"n": [100.0, None]}, "n of .* is missing; every row needs its number of units"),
        ({"mean": [1.0, np.inf]}, "mean of .* is infinite; mend the file"),
        ({"variant": ["A", "A"]}, "there is more than one row for 1 key, e.g. experiment 'e', variant 'A', metric"),
        ({"variant": ["A", None]}, "a row has no experiment, variant or metric"),
        ({"metric": ["paid", "paid"]}, "the share of .* is 2.5; a proportion lies between 0 and 1"),
        ({"mean": ["2.5", "many"]}, "a number is needed, but 'mean' is VARCHAR and holds 'many'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_row(
    read: Read, changes: Mapping[str, Any], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        read(dict(MEANS) | dict(changes))


def test_a_needed_column_that_is_missing_is_named(read: Read) -> None:
    without = {name: values for name, values in MEANS.items() if name != "variant"} | {"variants": ["A", "B"]}
    with pytest.raises(
        DataError,
        match=r"moments\.columns\.variant: column 'variant' is not in moments .*did you mean 'variants'",
    ):
        read(without)


def test_a_ratio_needs_its_parts_only(read: Read) -> None:
    y, x = np.array([3.0, 1.0, 4.0, 1.0, 5.0]), np.array([2.0, 1.0, 2.0, 3.0, 2.0])
    parts = {
        "experiment": ["e"],
        "variant": ["A"],
        "metric": ["per_visit"],
        "n": [5],
        "numerator_mean": [y.mean()],
        "numerator_variance": [y.var(ddof=1)],
        "denominator_mean": [x.mean()],
        "denominator_variance": [x.var(ddof=1)],
        "covariance": [np.cov(y, x)[0, 1]],
    }
    found = read(parts)
    ratio = y.sum() / x.sum()
    assert found.mean[0] == pytest.approx(ratio)
    assert found.variance[0] == pytest.approx(np.var((y - ratio * x) / x.mean(), ddof=1))
    assert np.isnan(read(parts | {"denominator_mean": [0.0]}).mean[0])


@pytest.mark.parametrize(("version", "refused"), [("1", False), ("2", True)])
def test_a_newer_table_is_refused(tmp_path: Path, version: str, refused: bool) -> None:
    table = pa.Table.from_pandas(pd.DataFrame(MEANS), preserve_index=False)
    pq.write_table(
        table.replace_schema_metadata({"abgap_moments_version": version}), tmp_path / "moments.parquet"
    )
    source = Source.model_validate({"path": "moments.parquet"})
    with DuckDBEngine(directory=tmp_path) as engine:
        if not refused:
            assert len(read_moments(engine, source, KINDS, tmp_path)[0]) == 2
            return
        with pytest.raises(
            DataError, match="holds version 2 of the moments table, this abgap reads version 1"
        ):
            read_moments(engine, source, KINDS, tmp_path)


@pytest.mark.parametrize(
    ("notes", "until"),
    [
        (["2026-03-22T10:00:00"], dt.datetime(2026, 3, 22, 10)),
        (["2026-03-22T10:00:00", "2026-03-23T10:00:00.5"], dt.datetime(2026, 3, 23, 10, 0, 0, 500_000)),
        (["2026-03-22T10:00:00", None], None),
        (["tomorrow"], None),
        (["2026-03-22T10:00:00+02:00"], None),
    ],
)
def test_files_say_how_far_their_logs_reached(
    tmp_path: Path, notes: list[str | None], until: dt.datetime | None
) -> None:
    for i, note in enumerate(notes):
        frame = pd.DataFrame(MEANS).assign(experiment=f"e{i}")
        table = pa.Table.from_pandas(frame, preserve_index=False)
        metadata = {} if note is None else {"abgap_data_until": note}
        pq.write_table(table.replace_schema_metadata(metadata), tmp_path / f"moments{i}.parquet")
    with DuckDBEngine(directory=tmp_path) as engine:
        source = Source.model_validate({"path": "moments*.parquet"})
        assert noted_until(read_moments(engine, source, KINDS, tmp_path)[1]) == until


def test_an_empty_file_gives_no_moments(read: Read) -> None:
    assert len(read({name: [] for name in MEANS}, suffix="csv")) == 0
