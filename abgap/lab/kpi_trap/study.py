"""The KPI-trap experiment as files: predictions, logs, the study that reads them, and what is true of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from abgap.lab.kpi_trap import online
from abgap.lab.kpi_trap.cases import CLEAN, INPUT, MARKET, Cases, balanced
from abgap.lab.kpi_trap.variants import BASELINE, THRESHOLD, Models, train_all
from abgap.lab.sample.population import stream

CASES = 40_000
"""Orders to train on, to validate on, and to test on; one in two hundred of each is fraud."""
SEED = 20260101
MADE_BY = "abgap lab kpi-trap"
BELIEVED = 4.0
"""What the team believes: a hundredth of accuracy brings so many percent of net revenue."""
_DECIMALS = 10

_LOGS = """\
# One metric chased on purpose, by weighting, by sampling and by the threshold: what it gained, and what it cost.
# abgap offline, abgap gap, abgap report

[study]
name = "KPI trap"
currency = "EUR"

[exposures]
path = "logs/exposures.parquet"
columns = { experiment = "experiment", unit = "user", variant = "variant", at = "ts" }

[facts.events]
path = "logs/events.parquet"
columns = { unit = "user", at = "ts" }

"""
_REST = f"""\
[metrics.net_revenue_per_user]
kind = "mean"
fact = "events"
where = "event in ('order', 'chargeback')"
value = "amount"
window_days = {online.WINDOW_DAYS}
money = true
smallest_worthwhile_lift = 0.02
role = "primary"
description = "what customers pay, less what fraud takes back"

[metrics.chargebacks_per_user]
kind = "mean"
fact = "events"
where = "event = 'chargeback'"
window_days = {online.WINDOW_DAYS}
direction = "down"
role = "guardrail"
non_inferiority_margin = 0.2
description = "fraud that was missed"

[metrics.held_per_user]
kind = "mean"
fact = "events"
where = "event = 'held'"
window_days = {online.WINDOW_DAYS}
direction = "down"
role = "diagnostic"
description = "orders that were held, rightly or not"

[offline]
production = "{BASELINE}"

[offline.predictions]
path = "offline/predictions.parquet"
task = "binary"
columns = {{ model = "model", example = "example", y_true = "fraud", y_score = "score" }}
slices = ["{MARKET}", "{INPUT}"]
threshold = {THRESHOLD}
error_costs = {{ false_positive = {online.FALSE_ALARM_COST:g}, false_negative = {online.MISS_COST:g} }}

[offline_metrics.accuracy]
why = "the number that everybody knows"

[offline_metrics.recall]
why = "fraud that is missed is paid by the shop"

[offline_metrics.precision]
why = "an order that is held without need is lost"

[offline_metrics.specificity]
why = "honest customers who are served"

[offline_metrics.f1]
why = "recall and precision together"

[offline_metrics.roc_auc]
why = "the order of cases, whatever the threshold"

[offline_metrics.average_precision]
why = "the same, where positives are rare"

[offline_metrics.calibration_error]
why = "whether a probability can be taken at its word"

[offline_metrics.log_loss]
why = "the same, case by case"

[offline_metrics.expected_cost]
why = "what wrong decisions cost, in money"

[gap]
offline = ["accuracy", "recall"]
business = ["net_revenue_per_user"]
exchange_rate.accuracy.net_revenue_per_user = {BELIEVED}
perturbed = {{ slice = "{INPUT}", clean = "{CLEAN}" }}
"""
_EXPERIMENT = """\
[experiments.{name}]
control = "A"
treatments = ["B"]
split = {{ A = 0.5, B = 0.5 }}
start = {start}
end = {end}
models = {{ A = "{control}", B = "{treatment}" }}
hypothesis = "{hypothesis}"
"""
_HYPOTHESES = {
    "chasing_accuracy": "fewer wrong decisions bring more revenue",
    "chasing_recall": "fraud that is found brings more revenue",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made: the models, the test cases, and the study that evaluates them."""

    models: Models
    test: Cases
    study: Path


def write_study(directory: Path, *, seed: int = SEED) -> Made:
    """Train all models, and write their predictions, the logs of both A/B tests, ``abgap.toml`` and ``truth.json``.

    Files of these names are replaced; the same seed gives the same bytes. Raises OSError.
    """
    training = balanced(stream(seed, "kpi trap", "training"), CASES, perturbed_share=0.0)
    validation, test = (balanced(stream(seed, "kpi trap", what), CASES) for what in ("validation", "test"))
    models = train_all(training, validation, seed=seed)
    for folder in ("logs", "offline"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    served = {name: models.by_name[name] for pair in online.EXPERIMENTS.values() for name in pair}
    tables = {
        "offline/predictions": _predictions(models, test),
        "logs/exposures": online.exposure_table(seed=seed),
        "logs/events": online.event_table(served, seed=seed),
    }
    for name, table in tables.items():
        pq.write_table(table, directory / f"{name}.parquet", compression="zstd")
    (directory / "truth.json").write_text(_truth(models, seed=seed), encoding="utf-8")
    study = directory / "abgap.toml"
    study.write_text(_study(), encoding="utf-8")
    return Made(models=models, test=test, study=study)


def _predictions(models: Models, test: Cases) -> pa.Table:
    """model, example, fraud, score, market, inputs: one row per model and test case."""
    known = {
        "example": pa.array(np.arange(len(test))),
        "fraud": pa.array(test.fraud.astype(np.int64)),
        MARKET: pa.array(test.markets),
        INPUT: pa.array(test.inputs),
    }
    parts = [
        pa.table(
            {
                "model": pa.array([name] * len(test)),
                "score": pa.array(np.round(model.probabilities(test.features), _DECIMALS)),
                **known,
            }
        )
        for name, model in models.by_name.items()
    ]
    return pa.concat_tables(parts)


def _study() -> str:
    start = online.START.item().date()
    end = (online.START + np.timedelta64(online.DAYS, "D")).item().date()
    experiments = (
        _EXPERIMENT.format(
            name=name,
            start=start,
            end=end,
            control=control,
            treatment=treatment,
            hypothesis=_HYPOTHESES[name],
        )
        for name, (control, treatment) in online.EXPERIMENTS.items()
    )
    return "\n".join([_LOGS + next(experiments), *experiments, _REST])


def _truth(models: Models, *, seed: int) -> str:
    by_name = models.by_name
    truth = {
        "made_by": MADE_BY,
        "seed": seed,
        "online_lift": {
            name: round(online.true_lift(by_name[control], by_name[treatment], seed=seed), 6)
            for name, (control, treatment) in online.EXPERIMENTS.items()
        },
        "strength": {variant.name: variant.strength for variant in models.variants},
    }
    return json.dumps(truth, indent=2) + "\n"
