"""TREC files as trec_eval reads them, and NIST's own expected output to its four digits."""

from __future__ import annotations

import gzip
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.offline.catalogue.lookup import parse_metric
from abgap.offline.ranking.definitions import Definition, definition_of
from abgap.offline.ranking.intake import read_runs
from abgap.offline.ranking.values import make_values, put_in_order
from abgap.sources.sql import identifier
from abgap.study.load import check_study

DATA = Path(os.environ.get("ABGAP_DATA", "../shared/data")) / "trec_eval_tests"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the reference data are not here (ABGAP_DATA)")
# trec_eval averages over these two without the queries that are in neither file, or with all that are judged (-c).
NIST = [
    ("results.test", "qrels.test", "out.test"),
    ("results.test", "qrels.test", "out.test.a"),
    ("results.test", "qrels.test", "out.test.aq"),
    ("results.trunc", "qrels.test", "out.test.aqc"),
    ("results.comment.test.gz", "qrels.comment.test", "out.comment.test"),
    ("results.test", "qrels.test", "out.test.meas_params"),
]
Values = dict[str, float | None]


def expected_of(name: str) -> Iterator[tuple[str, str, str]]:
    """Metric, query and number as NIST's program printed them."""
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        metric, query, number = line.split()
        yield metric, query, number


def definition_like_trec(name: str) -> Definition | None:
    """trec_eval's definition of one of its metrics; None for those that abgap does not have."""
    written = {"ndcg": "ndcg", "map": "map", "recip_rank": "mrr", "Rprec": "r-precision"}.get(name)
    if written is None and parse_metric(name).k is None:
        return None
    found = definition_of(written or name)
    return None if found is None else replace(found, denominator="relevant", empty="zero")


def values_of(
    directory: Path, rankings: str, judgements: str, definitions: Sequence[Definition]
) -> tuple[list[Values], dict[str, int]]:
    """Of every definition its values by query, and how many lines were refused by source."""
    study = check_study(
        {
            "offline": {
                "rankings": {"path": rankings, "format": "trec"},
                "judgements": {"path": judgements, "format": "trec"},
            }
        }
    )
    with DuckDBEngine(directory=directory) as engine:
        runs = read_runs(engine, study, directory)
        assert runs is not None
        made = put_in_order(engine, runs)
        columns = make_values(engine, made, definitions, label=0, table="v")
        listed = ", ".join(str(columns[definition]) for definition in definitions)
        rows = engine.rows(f"SELECT query, {listed} FROM {identifier('v')}")
        refused = {key: r.counted.rejected for key, r in runs.relations.items() if r.counted is not None}
    return [{row[0]: row[i + 1] for row in rows} for i in range(len(definitions))], refused


@needs_data
@pytest.mark.parametrize(("rankings", "judgements", "printed"), NIST)
def test_nist_prints_the_same_four_digits(rankings: str, judgements: str, printed: str) -> None:
    wanted: dict[str, dict[str, str]] = defaultdict(dict)
    for metric, query, number in expected_of(printed):
        if definition_like_trec(metric) is not None:
            wanted[metric][query] = number
    definitions = [d for metric in wanted if (d := definition_like_trec(metric)) is not None]
    found, refused = values_of(DATA, rankings, judgements, definitions)
    assert refused == {"offline.rankings": 0, "offline.judgements": 0}
    assert len(wanted) > 8
    compared = 0
    for values, (metric, numbers) in zip(found, wanted.items(), strict=True):
        means = values | {"all": sum(v or 0.0 for v in values.values()) / len(values)}
        for query, number in numbers.items():
            value = means[query]
            assert value is not None
            assert float(number) == pytest.approx(value, abs=5.1e-5), (metric, query)
            compared += 1
    assert compared >= len(wanted)


@needs_data
def test_which_metrics_of_nist_are_compared() -> None:
    have = {m for m, _, _ in expected_of("out.test.a") if definition_like_trec(m) is not None}
    kinds = {parse_metric(name).base.casefold() for name in have}
    assert kinds == {"map", "rprec", "mrr", "precision", "recall", "ndcg", "hit"}
    assert len(have) == 4 + 9 + 9 + 9 + 9 + 3


def test_blanks_tabs_comments_and_compression(tmp_path: Path) -> None:
    run = "\n1  Q0\t d#1   7 2.5  my-run \r\n  1 Q0 d2 1 2.50 my-run reserved\n\n1 Q0 d3 0\n1 Q0 d4 1 high my-run\n"
    with gzip.open(tmp_path / "a.run.gz", "wt", encoding="utf-8") as stream:
        stream.write(run)
    (tmp_path / "q").write_text("1\t0  d#1 1\n1 0 d2 0\n1 0 d3 -1\n", encoding="utf-8")
    mrr = Definition(kind="rr")
    found, refused = values_of(tmp_path, "a.run.gz", "q", [mrr])
    # Scores tie, and d2 comes before d#1 in descending order; two lines are no lines of a run.
    assert found == [{"1": 0.5}]
    assert refused == {"offline.rankings": 2, "offline.judgements": 0}


def test_a_folder_of_runs_is_several_models(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for name in ("one", "two"):
        (tmp_path / "runs" / f"{name}.run").write_text(f"1 Q0 d 1 2.0 {name}\n", encoding="utf-8")
    (tmp_path / "q").write_text("1 0 d 1\n", encoding="utf-8")
    study = check_study(
        {
            "offline": {
                "rankings": {"path": "runs", "format": "trec"},
                "judgements": {"path": "q", "format": "trec"},
            }
        }
    )
    with DuckDBEngine(directory=tmp_path) as engine:
        runs = read_runs(engine, study, tmp_path)
    assert runs is not None
    assert runs.models == ("one", "two")


def test_a_file_that_is_no_run_says_what_one_looks_like(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("query,item,score\n1,d,2\n", encoding="utf-8")
    (tmp_path / "q").write_text("1 0 d 1\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"no line is one of a TREC run \(query iteration document rank score tag\)"
    ):
        values_of(tmp_path, "run", "q", [Definition(kind="rr")])
