"""The study file of a scenario: text that a person can read, in the order of docs/study.md."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from abgap.lab.scenarios.visits import ARMS, RUN_DAYS, START, WINDOW_DAYS
from abgap.study.toml import toml_comment, toml_key, toml_string

REVENUE, CLICKS, LATENCY = "revenue_per_user", "clicks_per_user", "latency_ms"
SMALLEST_WORTHWHILE_LIFT = 0.02

_HEAD = """\
# {story}
# Made by abgap lab; what is planted stands in truth.json, which abgap never reads.

[study]
name = {name}
currency = "EUR"
seed = {seed}
"""
_LOGS = """\
# --- Who saw which ranking, and what they did: one visit a day.
[exposures]
path = "logs/exposures.parquet"
columns = {{ experiment = "experiment", unit = "user_id", variant = "variant", at = "ts" }}
slices = [{slices}]

[facts.visits]
path = "logs/visits.parquet"
columns = {{ unit = "user_id", at = "ts" }}

[metrics.revenue_per_user]
kind = "mean"
fact = "visits"
value = "spend"
window_days = {window}
money = true
role = "primary"
covariate = {{ lookback_days = {window} }}
smallest_worthwhile_lift = {delta}

[metrics.clicks_per_user]
kind = "mean"
fact = "visits"
value = "clicks"
window_days = {window}

[metrics.latency_ms]
kind = "ratio"
numerator = {{ fact = "visits", value = "latency_ms" }}
denominator = {{ fact = "visits" }}
window_days = {window}
role = "diagnostic"
direction = "down"
"""
_EXPERIMENT = """\
[experiments.{name}]
control = "{control}"
treatments = ["{treatment}"]
split = {{ {control} = 0.5, {treatment} = 0.5 }}
start = {start}
end = {end}
models = {{ {control} = {baseline}, {treatment} = {model} }}
"""


def head_text(name: str, story: str, seed: int) -> str:
    """The opening comment and ``[study]``."""
    return _HEAD.format(story=toml_comment(story), name=toml_string(name), seed=seed)


def logs_text(slices: Sequence[str]) -> str:
    """Exposures, visits and the metrics of ``visits.py``. slices: columns of the exposures."""
    return _LOGS.format(
        slices=", ".join(map(toml_string, slices)), window=WINDOW_DAYS, delta=SMALLEST_WORTHWHILE_LIFT
    )


def experiments_text(models: Mapping[str, tuple[str, str]]) -> str:
    """One section per experiment. models: that of the control and that of the treatment, by experiment."""
    start = START.astype(dt.datetime).date()
    control, treatment = ARMS
    return "\n".join(
        _EXPERIMENT.format(
            name=toml_key(name),
            control=control,
            treatment=treatment,
            start=start,
            end=start + dt.timedelta(days=RUN_DAYS),
            baseline=toml_string(baseline),
            model=toml_string(model),
        )
        for name, (baseline, model) in models.items()
    )


def joined(parts: Iterable[str]) -> str:
    """Parts of a study file as one text."""
    return "\n".join(part for part in parts if part)
