"""Ready-made effects are read as they stand, and what cannot be one is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.online.given_effects import GivenEffects, read_effects, with_arms
from abgap.study.model import ColumnSpec
from abgap.study.portfolio import PortfolioEffects

HEAD = "experiment,arm,metric,effect,se,start,tag\n"
COLUMNS: dict[str, ColumnSpec] = {
    "experiment": "experiment",
    "treatment": "arm",
    "metric": "metric",
    "effect": "effect",
    "standard_error": "se",
    "start": "start",
    "tag": "tag",
}


def read(folder: Path, rows: str, *, timezone: str = "UTC") -> GivenEffects:
    (folder / "effects.csv").write_text(HEAD + rows, encoding="utf-8")
    source = PortfolioEffects(path="effects.csv", columns=COLUMNS)
    with DuckDBEngine(directory=folder) as engine:
        return read_effects(engine, source, folder, timezone=timezone)[0]


def test_effects_come_with_what_was_given_of_them(tmp_path: Path) -> None:
    rows = (
        "007,B,ndcg@10,0.012,0.004,2026-03-02,search\n"
        '"<b>\'; drop",,revenue,-0.5,,2026-03-02 10:15:00,\n'
        "008,B,revenue,,0.1,,\n"
    )
    found = read(tmp_path, rows, timezone="Europe/Berlin")
    assert found.experiment.tolist() == ["007", "<b>'; drop"]
    assert found.treatment.tolist() == ["B", None]
    assert found.metric.tolist() == ["ndcg@10", "revenue"]
    assert found.effect.tolist() == [0.012, -0.5]
    assert found.standard_error[0] == 0.004
    assert np.isnan(found.standard_error[1])
    assert found.start.tolist() == ["2026-03-01T23:00:00", "2026-03-02T09:15:00"]
    assert found.tag.tolist() == ["search", None]


KEY = "experiment 'a', treatment 'B', metric 'm'"
WRONG = {
    "a,B,m,1,.1,,\na,B,m,2,.1,,\n": f"there is more than one effect for 1 key, e.g. {KEY}; "
    "one row is needed per experiment, treatment and metric",
    "a,B,,1,.1,,\n": "a row has no experiment or metric; every row needs both: name them, or take the row out",
    "a,B,m,1,0,,\n": f"standard_error of {KEY} is not above zero; leave it empty where it is not known",
    "a,B,m,1,1e999,,\n": f"standard_error of {KEY} is infinite; leave it empty where it is not known",
    "a,B,m,-1e999,1,,\n": f"effect of {KEY} is infinite; mend the data",
    "a,B,m,1,.1,spring,\n": "a start is 'spring'; write it as 2026-03-02 or 2026-03-02 10:15:00",
}


@pytest.mark.parametrize("rows", WRONG)
def test_what_cannot_be_an_effect_is_refused(tmp_path: Path, rows: str) -> None:
    with pytest.raises(DataError) as raised:
        read(tmp_path, rows)
    assert str(raised.value) == f"portfolio.effects: {WRONG[rows]}"


def test_an_effect_without_arm_is_of_the_only_one(tmp_path: Path) -> None:
    effects = read(tmp_path, "a,,m,1,.1,,\nb,,m,1,.1,,\nc,C,m,1,.1,,\n")
    assert with_arms(effects, {"a": ["B"]}).treatment.tolist() == ["B", "treatment", "C"]
    with pytest.raises(DataError, match="the effects of 'a' name no treatment, but it has 2; map treatment"):
        with_arms(effects, {"a": ["B", "C"]})
