"""The sample data on disk: the same bytes for a seed, whole or not at all, never over foreign files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from abgap.errors import DataError
from abgap.lab.sample import generate, is_complete, small
from abgap.lab.sample.generation import SMALL_SCALE
from abgap.lab.sample.truth import EXPERIMENTS

TINY = 0.001


def fingerprints(directory: Path) -> dict[str, str]:
    return {
        file.relative_to(directory).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(directory.rglob("*.*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    small(directory)
    return directory


def test_the_same_seed_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    small(tmp_path)
    assert fingerprints(tmp_path) == fingerprints(made)


def test_another_seed_gives_other_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "one", seed=1, scale=TINY)
    generate(tmp_path / "two", seed=2, scale=TINY)
    one, two = fingerprints(tmp_path / "one"), fingerprints(tmp_path / "two")
    part = "logs/events/month=2025-03/part-03.parquet"
    assert one[part] != two[part]
    assert one["offline/scores.parquet"] != two["offline/scores.parquet"]


def test_a_complete_set_is_left_alone(made: Path) -> None:
    assert is_complete(made, scale=SMALL_SCALE)
    generate(made, scale=SMALL_SCALE, progress=lambda *_: pytest.fail("made again"))


def test_a_set_of_another_seed_or_scale_is_not_this_one(made: Path) -> None:
    assert not is_complete(made)
    assert not is_complete(made, scale=SMALL_SCALE, seed=1)


@pytest.mark.parametrize("damage", ["missing", "cut short", "foreign part", "no manifest entry"])
def test_a_damaged_set_is_noticed_and_made_again(tmp_path: Path, damage: str) -> None:
    generate(tmp_path, scale=TINY)
    before = fingerprints(tmp_path)
    victim = tmp_path / "logs/events/month=2025-03/part-03.parquet"
    if damage == "missing":
        victim.unlink()
    elif damage == "cut short":
        victim.write_bytes(victim.read_bytes()[:-10])
    elif damage == "foreign part":
        victim.with_name("stray.parquet").write_bytes(victim.read_bytes())
    else:
        manifest = tmp_path / "logs/manifest.json"
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"complete": False}))
    assert not is_complete(tmp_path, scale=TINY)
    generate(tmp_path, scale=TINY)
    assert fingerprints(tmp_path) == before


def test_an_interrupted_run_leaves_nothing_that_counts_and_can_be_repeated(tmp_path: Path) -> None:
    def interrupt(step: str, _fraction: float) -> None:
        if step == "search_v3":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, scale=TINY, progress=interrupt)
    assert not is_complete(tmp_path, scale=TINY)
    assert not list(tmp_path.rglob("*.parquet"))
    generate(tmp_path, scale=TINY)
    assert is_complete(tmp_path, scale=TINY)


@pytest.mark.parametrize("folder", ["logs", "offline"])
def test_files_of_somebody_else_are_never_replaced(tmp_path: Path, folder: str) -> None:
    own = tmp_path / folder / "mine.csv"
    own.parent.mkdir()
    own.write_text("precious")
    with pytest.raises(DataError, match="not made by the sample data generator"):
        generate(tmp_path, scale=TINY)
    assert own.read_text() == "precious"
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [own]


def test_progress_names_every_experiment_and_ends_at_one(tmp_path: Path) -> None:
    heard: list[tuple[str, float]] = []
    generate(tmp_path, scale=TINY, progress=lambda step, done: heard.append((step, done)))
    assert [step for step, _ in heard[:-1]] == [experiment.name for experiment in EXPERIMENTS]
    fractions = [done for _, done in heard]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_every_file_has_the_columns_that_the_study_maps(made: Path) -> None:
    columns = {
        "logs/events": {
            "user_id": "string",
            "ts": "timestamp[ms]",
            "event": "string",
            "session_id": "int64",
            "amount": "double",
        },
        "logs/exposures": {
            "experiment_id": "string",
            "user_id": "string",
            "variation_id": "string",
            "ts": "timestamp[ms]",
            "device": "string",
            "country": "string",
            "new_user": "bool",
        },
        "logs/requests": {
            "user_id": "string",
            "ts": "timestamp[ms]",
            "latency_ms": "int64",
            "model": "string",
        },
        "offline/scores.parquet": {
            "model": "string",
            "metric": "string",
            "qid": "string",
            "value": "double",
            "device": "string",
        },
        "offline/rare_events.parquet": {
            "model": "string",
            "case_id": "string",
            "happened": "int8",
            "score": "double",
            "channel": "string",
        },
    }
    for part, expected in columns.items():
        place = made / part
        files = [place] if place.is_file() else sorted(place.rglob("*.parquet"))
        assert files
        for file in files:
            schema = pq.ParquetFile(file).schema_arrow
            assert dict(zip(schema.names, map(str, schema.types), strict=True)) == expected


def test_a_month_folder_holds_its_month_only(made: Path) -> None:
    files = sorted((made / "logs").rglob("month=*/*.parquet"))
    months = {file.parent.name for file in files}
    assert len(months) == 12
    for file in files:
        stamps = pq.ParquetFile(file).read(columns=["ts"])["ts"].to_pylist()
        assert {f"month={stamp:%Y-%m}" for stamp in (min(stamps), max(stamps))} == {file.parent.name}
