"""Studies that hold nothing but predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pytest

from abgap.study.load import check_study
from abgap.study.model import Study

StudyOf: TypeAlias = Callable[..., Study]
ROLES = ("model", "example", "y_true", "y_score", "y_pred", "split", "series", "at")


@pytest.fixture
def study_of(tmp_path: Path) -> StudyOf:
    """Write predictions, and give the study that reads them; columns are called like their roles."""

    def made(
        table: pd.DataFrame | Mapping[str, Any],
        *,
        task: str = "binary",
        offline: Mapping[str, Any] | None = None,
        rest: Mapping[str, Any] | None = None,
        **keys: Any,
    ) -> Study:
        frame = pd.DataFrame(table)
        frame.to_parquet(tmp_path / "predictions.parquet", index=False)
        columns = {role: role for role in ROLES if role in frame.columns}
        source = {"path": "predictions.parquet", "task": task, "columns": columns} | keys
        return check_study({"offline": {"predictions": source} | dict(offline or {})} | dict(rest or {}))

    return made
