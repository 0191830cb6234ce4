"""Every row of the table of metrics by task, from a small file to `abgap offline --json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pytest

from abgap.errors import ExitCode
from abgap.offline.tasks import extras

N = 40
rng = np.random.default_rng(17)
MODELS = ("live", "next")
SKILL = {"live": 0.6, "next": 0.85}


class Outcome(Protocol):
    """How a command ended."""

    code: int
    out: str
    err: str


Abgap = Callable[..., Outcome]


def examples(make: Callable[[str], Mapping[str, Any]], n: int = N) -> pd.DataFrame:
    """The same examples for every model, half of them in either slice."""
    return pd.concat(
        pd.DataFrame(
            {"model": model, "example": [f"e{i}" for i in range(n)], "half": np.arange(n) % 2}
            | dict(make(model))
        )
        for model in MODELS
    )


def write(folder: Path, task: str, frame: pd.DataFrame, more: str = "", slices: str = '["half"]') -> None:
    frame.to_parquet(folder / "p.parquet", index=False)
    roles = [name for name in frame.columns if name not in ("half", "x", "y")]
    columns = ", ".join(f'{name} = "{name}"' for name in roles)
    (folder / "abgap.toml").write_text(
        f'[offline]\nproduction = "live"\n[offline.predictions]\npath = "p.parquet"\ntask = "{task}"\n'
        f"columns = {{ {columns} }}\nslices = {slices}\n{more}\n",
        encoding="utf-8",
    )


def offline(abgap_in: Abgap, folder: Path) -> dict[str, dict[str, Any]]:
    """The rows of `next` over all examples, by metric; those of its slices must be there too."""
    ended = abgap_in(folder, "offline", "--json")
    assert ended.code == 0, ended.err
    rows = json.loads(ended.out)["offline"]
    found = {row["metric"]: row for row in rows if row["model"] == "next" and row["slice_name"] is None}
    assert all(row["baseline"] == "live" for row in found.values())
    sliced = {(row["metric"], row["slice_value"]) for row in rows if row["slice_name"] == "half"}
    assert sliced >= {(metric, value) for metric in found for value in "01"}
    return found


def check(found: Mapping[str, Mapping[str, Any]], *metrics: str) -> None:
    """Value, baseline, definition, interval or reason, and lazy solutions."""
    for metric in metrics:
        row = found[metric]
        assert row["value"] is not None, metric
        assert row["baseline_value"] is not None, metric
        assert row["n"] == N, metric
        assert row["definition"], metric
        assert row["lazy"], metric
        assert "estimate" in row["gain"], (metric, row["gain"])
        assert row["gain"]["low"] <= row["gain"]["estimate"] <= row["gain"]["high"]


def right(model: str, truth: Any, classes: list[str]) -> Any:
    return np.where(rng.random(len(truth)) < SKILL[model], truth, rng.choice(classes, len(truth)))


@pytest.mark.parametrize(
    ("row", "share"),
    [("binary classification", 0.4), ("imbalanced classification", 0.2), ("anomaly detection", 0.15)],
)
def test_yes_or_no(row: str, share: float, tmp_path: Path, abgap_in: Abgap) -> None:
    assert row
    truth = (np.arange(N) < share * N).astype(float)
    scores = {
        model: np.clip(0.5 * truth + rng.normal(0.25, 0.4 * (1 - skill), N), 0.001, 0.999)
        for model, skill in SKILL.items()
    }
    metrics = ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision")
    declared = "".join(f"[offline_metrics.{name}]\n" for name in metrics)
    frame = examples(lambda m: {"y_true": truth, "y_score": scores[m]})
    write(tmp_path, "binary", frame.assign(half=np.tile(np.arange(N) // 2 % 2, 2)), declared)
    found = offline(abgap_in, tmp_path)
    for metric in metrics:
        assert found[metric]["value"] is not None, metric
        assert found[metric]["lazy"], metric


def test_ranking(tmp_path: Path, abgap_in: Abgap) -> None:
    grades = pd.DataFrame(
        {"query": np.repeat([f"e{i}" for i in range(N)], 12), "item": [f"d{i}" for i in range(12)] * N}
    ).assign(grade=rng.integers(0, 3, 12 * N))
    grades.to_parquet(tmp_path / "j.parquet")
    runs = [
        grades.assign(model=m, score=SKILL[m] * grades["grade"] + rng.normal(size=12 * N)) for m in MODELS
    ]
    pd.concat(runs).to_parquet(tmp_path / "r.parquet")
    queries = pd.DataFrame({"query": [f"e{i}" for i in range(N)], "half": np.arange(N) % 2})
    queries.to_parquet(tmp_path / "q.parquet")
    (tmp_path / "abgap.toml").write_text(
        '[offline]\nproduction = "live"\n'
        '[offline.rankings]\npath = "r.parquet"\n'
        'columns = { model = "model", query = "query", item = "item", score = "score" }\n'
        '[offline.judgements]\npath = "j.parquet"\n'
        'columns = { query = "query", item = "item", relevance = "grade" }\n'
        '[offline.queries]\npath = "q.parquet"\ncolumns = { query = "query" }\nslices = ["half"]\n'
    )
    check(offline(abgap_in, tmp_path), "map", "ndcg@10", "precision@10", "recall@10")


CLASSES = ["cat", "dog", "fish"]
LABELS = rng.choice(CLASSES, N, p=[0.5, 0.3, 0.2])


@pytest.mark.parametrize("row", ["multi-class classification", "NLP classification", "vision classification"])
def test_labels_of_several_classes(row: str, tmp_path: Path, abgap_in: Abgap) -> None:
    assert row
    write(tmp_path, "multiclass", examples(lambda m: {"y_true": LABELS, "y_pred": right(m, LABELS, CLASSES)}))
    found = offline(abgap_in, tmp_path)
    check(found, "accuracy", "macro_f1", "weighted_f1", "micro_f1", "balanced_accuracy")
    assert set(found["accuracy"]["lazy"]) >= {
        "majority class",
        "random by class shares",
        "current production",
    }


AMOUNTS = rng.gamma(2.0, 10.0, N) + 1.0


def amounts(model: str) -> dict[str, Any]:
    return {"y_true": AMOUNTS, "y_pred": AMOUNTS + rng.normal(0.0, 10.0 * (1 - SKILL[model]), N)}


def test_regression(tmp_path: Path, abgap_in: Abgap) -> None:
    write(tmp_path, "regression", examples(amounts))
    found = offline(abgap_in, tmp_path)
    check(found, "mae", "mse", "rmse", "r2", "bias")
    assert set(found["mae"]["lazy"]) >= {"mean", "median"}


def test_forecasting(tmp_path: Path, abgap_in: Abgap) -> None:
    days = pd.date_range("2026-03-01", periods=N)
    past = pd.DataFrame({"at": pd.date_range("2026-01-01", periods=30), "y": rng.gamma(2.0, 10.0, 30)})
    past.to_parquet(tmp_path / "t.parquet")
    training = '[offline.training]\npath = "t.parquet"\ncolumns = { at = "at", y = "y" }\nseason = 7'
    write(tmp_path, "forecast", examples(lambda m: amounts(m) | {"at": days}), training)
    found = offline(abgap_in, tmp_path)
    check(found, "mape", "smape", "mae", "rmse", "mase", "wape")
    assert set(found["mase"]["lazy"]) >= {"naive", "seasonal naive"}


def test_clustering(tmp_path: Path, abgap_in: Abgap) -> None:
    kind = np.arange(N) % 4 // 2
    points = {"x": kind * 5.0 + rng.normal(size=N), "y": rng.normal(size=N)}
    clusters = {model: np.where(rng.random(N) < SKILL[model], kind, 1 - kind).astype(str) for model in MODELS}
    write(
        tmp_path, "clustering", examples(lambda m: {"y_pred": clusters[m]} | points), 'features = ["x", "y"]'
    )
    found = offline(abgap_in, tmp_path)
    check(found, "silhouette", "davies_bouldin", "calinski_harabasz")


WORDS = ["the", "a", "cat", "dog", "sat", "ran", "far", "near", "home", "away"]
TEXTS = [" ".join(rng.choice(WORDS, 8)) for _ in range(N)]


def test_text_generation(tmp_path: Path, abgap_in: Abgap) -> None:
    said = {m: [" ".join(right(m, np.array(t.split()), WORDS)) for t in TEXTS] for m in MODELS}
    write(tmp_path, "generation", examples(lambda m: {"y_true": TEXTS, "y_pred": said[m]}))
    check(offline(abgap_in, tmp_path), "bleu", "rouge_1", "rouge_2", "rouge_l", "meteor")


def test_text_generation_with_several_references(tmp_path: Path, abgap_in: Abgap) -> None:
    said = {m: [" ".join(right(m, np.array(t.split()), WORDS)) for t in TEXTS] for m in MODELS}
    references = [[text, text.upper()] for text in TEXTS]
    write(tmp_path, "generation", examples(lambda m: {"y_true": references, "y_pred": said[m]}))
    check(offline(abgap_in, tmp_path), "bleu", "rouge_1", "rouge_2", "rouge_l", "meteor")


def test_object_detection(tmp_path: Path, abgap_in: Abgap) -> None:
    corner = rng.uniform(0, 50, (N, 2))
    size = rng.uniform(20, 40, (N, 2))
    truth = pd.DataFrame(
        {
            "example": [f"e{i}" for i in range(N)],
            "class": CLASSES[0],
            "half": np.arange(N) % 2,
            **dict(
                zip(("x_min", "y_min", "x_max", "y_max"), np.hstack([corner, corner + size]).T, strict=True)
            ),
        }
    )
    truth.to_parquet(tmp_path / "t.parquet")
    annotations = (
        '[offline.annotations]\npath = "t.parquet"\nslices = ["half"]\ncolumns = { example = "example", '
        'class = "class", x_min = "x_min", y_min = "y_min", x_max = "x_max", y_max = "y_max" }'
    )

    def boxes(model: str) -> dict[str, Any]:
        off = corner + rng.normal(0, 12 * (1 - SKILL[model]), (N, 2))
        ends = np.hstack([off, off + size]).T
        return {"class": CLASSES[0], "y_score": rng.random(N)} | dict(
            zip(("x_min", "y_min", "x_max", "y_max"), ends, strict=True)
        )

    write(tmp_path, "detection", examples(boxes), annotations, slices="[]")
    found = offline(abgap_in, tmp_path)
    check(found, "detection_map", "iou")
    assert found["detection_map"]["lazy"]["no box"] == 0.0


def test_segmentation(tmp_path: Path, abgap_in: Abgap) -> None:
    union = rng.integers(50, 100, N)
    write(
        tmp_path,
        "segmentation",
        examples(
            lambda m: {
                "intersection": (union * np.clip(SKILL[m] + rng.normal(0, 0.1, N), 0, 1)).astype(int),
                "union": union,
                "true_pixels": union,
                "pixels": 1000,
            }
        ),
    )
    found = offline(abgap_in, tmp_path)
    check(found, "iou", "dice", "pooled_iou", "pooled_dice")
    assert found["iou"]["lazy"]["empty mask"] == 0.0


def test_segmentation_from_masks(tmp_path: Path, abgap_in: Abgap) -> None:
    starts = rng.integers(1, 500, N)
    write(
        tmp_path,
        "segmentation",
        examples(
            lambda m: {
                "y_true": [f"{s} 100" for s in starts],
                "y_pred": [f"{s + int(200 * (1 - SKILL[m]) * rng.random())} 100" for s in starts],
            }
        ),
    )
    check(offline(abgap_in, tmp_path), "iou", "dice")


def test_a_missing_library_ends_with_its_own_exit_code(
    tmp_path: Path, abgap_in: Abgap, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(extras, "import_module", nothing)
    write(tmp_path, "generation", examples(lambda m: {"y_true": TEXTS, "y_pred": [m] * N}))
    ended = abgap_in(tmp_path, "offline")
    assert ended.code == ExitCode.ENGINE
    assert "install abgap[text]" in ended.err.replace("\n", " ")


def test_hostile_names_and_a_second_run_give_the_same_bytes(tmp_path: Path, abgap_in: Abgap) -> None:
    hostile = "<script>alert('x')</script>"
    frame = examples(lambda m: {"y_true": LABELS, "y_pred": right(m, LABELS, [*CLASSES[:2], hostile])})
    write(tmp_path, "multiclass", frame.assign(model=frame["model"].replace("next", hostile)))
    once = abgap_in(tmp_path, "offline", "--json")
    again = abgap_in(tmp_path, "offline", "--json")
    assert (once.code, once.out) == (0, again.out)
    found = json.loads(once.out)
    assert {matrix["model"] for matrix in found["confusions"]} == {"live", hostile}
    for _ in range(2):  # the second report is made from what the first one kept
        assert abgap_in(tmp_path, "report", "--out", "report").code == 0
        kept = json.loads((tmp_path / "report" / "results.json").read_text(encoding="utf-8"))
        assert (kept["offline"], kept["confusions"]) == (found["offline"], found["confusions"])
    assert "<script>alert" not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_rows_without_a_truth_or_a_prediction_are_counted(tmp_path: Path, abgap_in: Abgap) -> None:
    frame = examples(amounts)
    frame.loc[frame["example"].isin(["e1", "e2"]), "y_true"] = None
    write(tmp_path, "regression", frame)
    found = offline(abgap_in, tmp_path)
    assert (found["mae"]["n"], found["mae"]["skipped"]) == (N - 2, 4)
