"""Made-up logs taken through the whole pipeline, as anybody's would be: files, a study, checks and estimates."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from abgap.lab.selftest.shop import RUN_DAYS, START, WINDOW_DAYS, Shop, event_table, exposure_table
from abgap.online.wide import Progress
from abgap.pipeline.analysis import open_analysis
from abgap.records import Check, Estimate
from abgap.study import model
from abgap.study.load import load_study

_STUDY = """\
[study]
name = "Self-test"

[exposures]
path = "exposures.parquet"
columns = {{ experiment = "experiment", unit = "user", variant = "variant", at = "ts" }}

[facts.events]
path = "events.parquet"
columns = {{ unit = "user", at = "ts" }}

{experiments}
[metrics.revenue_per_user]
kind = "mean"
fact = "events"
where = "event = 'order'"
value = "amount"
window_days = {window}
role = "primary"
covariate = {{ lookback_days = {window} }}

[metrics.orders_per_user]
kind = "mean"
fact = "events"
where = "event = 'order'"
window_days = {window}

[metrics.conversion]
kind = "proportion"
fact = "events"
where = "event = 'order'"
window_days = {window}

[metrics.orders_per_visit]
kind = "ratio"
window_days = {window}
numerator = {{ fact = "events", where = "event = 'order'" }}
denominator = {{ fact = "events", where = "event = 'visit'" }}

[metrics.visits_per_user]
kind = "mean"
fact = "events"
where = "event = 'visit'"
window_days = {window}
"""
_EXPERIMENT = """\
[experiments.{name}]
control = "A"
treatments = ["B"]
split = {{ A = 0.5, B = 0.5 }}
start = {start}
end = {end}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of made-up logs. estimates: of whole experiments."""

    checks: tuple[Check, ...]
    estimates: tuple[Estimate, ...]

    def estimate(self, experiment: str, metric: str) -> Estimate:
        """The one comparison of a metric."""
        return next(e for e in self.estimates if (e.experiment, e.metric) == (experiment, metric))


def run_shops(shops: Mapping[str, Shop], engine: model.Engine, *, progress: Progress) -> Run:
    """Write the logs of experiments by name, and analyse them on an engine like that of the study."""
    with tempfile.TemporaryDirectory(prefix="abgap-selftest-") as name:
        folder = Path(name)
        pq.write_table(exposure_table(shops), folder / "exposures.parquet")
        pq.write_table(event_table(shops), folder / "events.parquet")
        (folder / "abgap.toml").write_text(_text(shops), encoding="utf-8")
        loaded = load_study(folder / "abgap.toml")
        # A folder for what does not fit into memory is named from the user's study.
        settings = engine.model_copy(update={"temp_directory": None})
        loaded = replace(loaded, study=loaded.study.model_copy(update={"engine": settings}))
        with open_analysis(loaded, progress=progress) as analysis:
            whole = (e for e in analysis.estimates if e.period is None and e.slice_name is None)
            return Run(checks=analysis.thorough_checks, estimates=tuple(whole))


def _text(shops: Mapping[str, Shop]) -> str:
    start = START.astype(dt.datetime).date()
    end = start + dt.timedelta(days=RUN_DAYS)
    experiments = (_EXPERIMENT.format(name=name, start=start, end=end) for name in shops)
    return _STUDY.format(experiments="\n".join(experiments), window=WINDOW_DAYS)
