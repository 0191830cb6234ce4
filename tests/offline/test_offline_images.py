"""Boxes against pycocotools as it is, and masks against scikit-learn pixel by pixel; what cannot be is refused."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn import metrics as oracle

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.offline.contest import Contest
from abgap.offline.tasks.run import measure_task
from abgap.records import Interval
from abgap.study.load import check_study

Found = Mapping[tuple[str, str, str], Contest]
Measure = Callable[..., Found]
BOX = ("x_min", "y_min", "x_max", "y_max")
IMAGES = 30
rng = np.random.default_rng(9)


def _truth() -> pd.DataFrame:
    rows = []
    for image in range(IMAGES):
        for _ in range(image % 4):
            corner, size = rng.uniform(0, 60, 2), rng.uniform(10, 40, 2)
            rows.append((f"i{image:02}", str(rng.choice(["cat", "<b>"])), *corner, *(corner + size)))
        if image % 4 == 0:
            rows.append((f"i{image:02}", None, None, None, None, None))
    return pd.DataFrame(rows, columns=["example", "class", *BOX])


TRUTH = _truth()
THERE = TRUTH.dropna()


def _said(model: str, noise: float, found: float) -> pd.DataFrame:
    """Boxes near the true ones, some missed, some in the wrong class, some made up."""
    boxes = THERE[rng.random(len(THERE)) < found].copy()
    boxes[list(BOX)] += np.tile(rng.normal(0, noise, (len(boxes), 2)), 2)
    made_up = THERE.sample(12, random_state=1).assign(example=[f"i{i:02}" for i in range(12)])
    both = pd.concat([boxes, made_up], ignore_index=True)
    both["class"] = np.where(rng.random(len(both)) < 0.1, "cat", both["class"])
    return both.assign(model=model, y_score=rng.random(len(both)).round(2))


SAID = pd.concat([_said("new", 1.5, 0.9), _said("old", 5.0, 0.7)], ignore_index=True)


@pytest.fixture
def detect(tmp_path: Path) -> Measure:
    """Write boxes, and measure them."""

    def measured(said: pd.DataFrame = SAID, truth: pd.DataFrame = TRUTH) -> Found:
        said.to_parquet(tmp_path / "p.parquet", index=False)
        truth.assign(half=[str(e)[-1] in "02468" for e in truth["example"]]).to_parquet(
            tmp_path / "t.parquet"
        )
        boxes = {name: name for name in ("example", "class", *BOX)}
        offline = {
            "production": "old",
            "predictions": {
                "path": "p.parquet",
                "task": "detection",
                "columns": boxes | {"model": "model", "y_score": "y_score"},
            },
            "annotations": {"path": "t.parquet", "columns": boxes, "slices": ["half"]},
        }
        return _measured(offline, tmp_path)

    return measured


def _measured(offline: Mapping[str, Any], folder: Path) -> Found:
    study = check_study({"offline": offline})
    with DuckDBEngine(directory=folder) as engine:
        contests = measure_task(engine, study, folder, []).contests
    return {(c.metric, c.model, c.slice_value or ""): c for c in contests}


def coco_map(said: pd.DataFrame, truth: pd.DataFrame, images: list[str]) -> tuple[float, float]:
    """Mean average precision as pycocotools sums it up: over thresholds, and at .50."""
    classes = sorted({*said["class"], *truth["class"]})

    def dataset(frame: pd.DataFrame) -> COCO:
        made = COCO()
        made.dataset = {
            "images": [{"id": i} for i in range(1, len(images) + 1)],
            "categories": [{"id": k} for k in range(1, len(classes) + 1)],
            "annotations": [
                {
                    "id": n,
                    "image_id": images.index(row["example"]) + 1,
                    "category_id": classes.index(row["class"]) + 1,
                    "bbox": [
                        row["x_min"],
                        row["y_min"],
                        row["x_max"] - row["x_min"],
                        row["y_max"] - row["y_min"],
                    ],
                    "area": (row["x_max"] - row["x_min"]) * (row["y_max"] - row["y_min"]),
                    "score": row.get("y_score", 1.0),
                    "iscrowd": 0,
                }
                for n, row in enumerate(frame.to_dict("records"), start=1)
                if row["example"] in images
            ],
        }
        made.createIndex()
        return made

    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(dataset(truth), dataset(said), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), float(evaluation.stats[1])


def test_average_precision_is_that_of_coco_overall_and_by_slice(detect: Measure) -> None:
    found = detect()
    every = sorted(set(TRUTH["example"]))
    for model in ("new", "old"):
        said = SAID[SAID["model"] == model]
        for value, images in (("", every), ("true", [i for i in every if i[-1] in "02468"])):
            expected = coco_map(said, THERE, images)
            got = tuple(found[name, model, value].value for name in ("detection_map", "detection_map_50"))
            assert got == pytest.approx(expected, rel=1e-9)


def test_better_boxes_are_established(detect: Measure) -> None:
    found = detect()
    for metric, method in (("detection_map", "paired bootstrap"), ("iou", "paired-t")):
        contest = found[metric, "new", ""]
        assert isinstance(contest.gain, Interval)
        assert (contest.gain.method, contest.gain.low > 0, contest.n) == (method, True, IMAGES)
        assert contest.p_value is not None
        assert contest.p_value < 0.05
    assert found["detection_map", "new", ""].lazy["no box"] == 0.0
    assert found["iou", "new", ""].lazy["no box"] == pytest.approx(8 / IMAGES), "images without objects"
    assert found["iou", "new", ""].lazy["one box around everything"] < 0.2


def test_the_fit_of_boxes_by_hand(detect: Measure) -> None:
    images = [f"e{i}" for i in range(9)]
    truth = pd.DataFrame(
        {"example": images, "class": "a", "x_min": 0.0, "y_min": 0.0, "x_max": 10.0, "y_max": 10.0}
    )
    half = truth.assign(x_max=5.0, y_score=0.9)
    said = pd.concat([half.assign(model="new"), truth.assign(y_score=0.5, model="old")])
    found = detect(said, truth)
    assert (found["iou", "new", ""].value, found["iou", "old", ""].value) == (0.5, 1.0)
    assert found["detection_map", "old", ""].value == pytest.approx(1.0)
    assert found["detection_map", "new", ""].value == pytest.approx(0.1), "a match at one of ten thresholds"


def test_boxes_that_cannot_be_are_refused(detect: Measure) -> None:
    with pytest.raises(DataError, match="box without an extent or without a score"):
        detect(SAID.assign(x_max=SAID["x_min"]))
    with pytest.raises(DataError, match="box without an extent or without a score"):
        detect(SAID.assign(y_score=None))
    with pytest.raises(
        DataError, match=r"images that are not in \[offline.annotations\], e\.g\. 'elsewhere'"
    ):
        detect(SAID.assign(example=["elsewhere", *SAID["example"][1:]]))


SIZE = 400


def runs(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> str:
    """A mask as start and length of its runs, from 1 on."""
    borders = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return " ".join(f"{a + 1} {b - a}" for a, b in zip(borders[::2], borders[1::2], strict=True))


@pytest.fixture
def segment(tmp_path: Path) -> Measure:
    """Write masks or counts, and measure them."""

    def measured(frame: pd.DataFrame) -> Found:
        frame.to_parquet(tmp_path / "p.parquet", index=False)
        columns = {name: name for name in frame.columns}
        source = {"path": "p.parquet", "task": "segmentation", "columns": columns}
        return _measured({"production": "old", "predictions": source}, tmp_path)

    return measured


def _masks() -> tuple[pd.DataFrame, dict[tuple[str, str], list[tuple[Any, Any]]]]:
    rows, masks = [], dict[tuple[str, str], list[tuple[Any, Any]]]()
    for i in range(12):
        truth = {kind: rng.random(SIZE) < share for kind, share in (("cat", 0.3), ("<b>", 0.1))}
        for model, noise in (("new", 0.05), ("old", 0.2)):
            for kind, true in truth.items():
                said = true ^ (rng.random(SIZE) < noise)
                rows.append((model, f"i{i}", kind, runs(true), runs(said), SIZE))
                masks.setdefault((model, kind), []).append((true, said))
    return pd.DataFrame(rows, columns=["model", "example", "class", "y_true", "y_pred", "pixels"]), masks


FRAME, MASKS = _masks()


def test_masks_score_what_scikit_learn_says_of_their_pixels(segment: Measure) -> None:
    found = segment(FRAME)
    for model in ("new", "old"):
        by_class = [MASKS[model, kind] for kind in ("cat", "<b>")]
        for name, score in (("iou", oracle.jaccard_score), ("dice", oracle.f1_score)):
            each = [np.mean([score(*pair) for pair in image]) for image in zip(*by_class, strict=True)]
            assert found[name, model, ""].value == pytest.approx(np.mean(each), rel=1e-12)
            pooled = [
                score(*(np.concatenate(side) for side in zip(*pairs, strict=True))) for pairs in by_class
            ]
            assert found[f"pooled_{name}", model, ""].value == pytest.approx(np.mean(pooled), rel=1e-12)


def test_masks_are_compared_with_lazy_ones_beside(segment: Measure) -> None:
    contest = segment(FRAME)["iou", "new", ""]
    assert isinstance(contest.gain, Interval)
    assert contest.gain.excludes_zero()
    shares = [np.mean([true.mean() for true, _ in MASKS["new", kind]]) for kind in ("cat", "<b>")]
    assert contest.lazy == pytest.approx({"empty mask": 0.0, "whole image": np.mean(shares)})


def test_counted_pixels_give_the_same_as_masks(segment: Measure) -> None:
    counted = FRAME.assign(
        intersection=[int((t & s).sum()) for t, s in _pairs()],
        union=[int((t | s).sum()) for t, s in _pairs()],
        true_pixels=[int(t.sum()) for t, _ in _pairs()],
    ).drop(columns=["y_true", "y_pred"])
    assert segment(counted) == segment(FRAME)


def _pairs() -> list[tuple[Any, Any]]:
    taken = {key: iter(pairs) for key, pairs in MASKS.items()}
    return [next(taken[model, kind]) for model, kind in zip(FRAME["model"], FRAME["class"], strict=True)]


def test_nothing_predicted_where_nothing_is_is_right(segment: Measure) -> None:
    rows = [(m, f"i{i}", "" if i else "1 4", "" if i else "1 2") for m in ("new", "old") for i in range(10)]
    found = segment(pd.DataFrame(rows, columns=["model", "example", "y_true", "y_pred"]))
    assert found["iou", "new", ""].value == pytest.approx((9 + 0.5) / 10)
    assert found["pooled_iou", "new", ""].value == 0.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y_pred": "1 2 2"}, "is no list of run lengths"),
        ({"y_pred": "<script>"}, "is no list of run lengths"),
        ({"y_pred": "1 5 3 2"}, "overlap"),
        ({"pixels": 3}, "union larger than the image"),
        ({"class": "cat"}, "more than one row for image 'i0' and class 'cat'"),
        ({"example": None}, "24 rows without image"),
    ],
)
def test_masks_that_cannot_be_are_refused(segment: Measure, change: dict[str, Any], said: str) -> None:
    part = FRAME["model"] == "new"
    frame = FRAME.copy()
    for name, value in change.items():
        frame.loc[part, name] = value
    with pytest.raises(DataError, match=said):
        segment(frame)
