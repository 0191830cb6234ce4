"""The study file of the world "predictions"."""

from __future__ import annotations

from collections.abc import Mapping

from abgap.lab.scenarios import text
from abgap.lab.scenarios.predictions.plan import ACCURACY, ROC_AUC
from abgap.study.toml import toml_key, toml_string

MARKET, OLD, NEW = "market", "old", "new"
INPUTS, CLEAN, PERTURBED = "inputs", "clean", "perturbed"
_REST = """\
# --- What came of a visit: a row where the customer took the offer.
[facts.taken]
path = "logs/taken.parquet"
columns = {{ unit = "user_id", at = "ts" }}

# --- Offline: the test set, and what models learnt from.
[offline.predictions]
path = "offline/predictions.parquet"
task = "binary"
columns = {{ model = "model", example = "example", y_true = "taken", y_score = "score" }}
slices = ["{market}", "{inputs}"]

[offline.trained_on]
path = "offline/trained_on.parquet"
columns = {{ model = "model", example = "example" }}

[offline_metrics.{accuracy}]
why = "share of visits that are called rightly"

[offline_metrics.recall]
why = "how many of the offers that are taken are foreseen"

[offline_metrics.{roc_auc}]
why = "how well visits are put in order"

# --- Live: what was served, what the offline pipeline says of the same request, and what came of it.
[live.predictions]
path = "logs/predictions.parquet"
columns = {{ unit = "user_id", at = "ts", model = "model", example = "request", y_score = "score", \
offline_score = "replayed" }}
slices = ["{market}", "{inputs}"]
outcome = {{ fact = "taken", within_days = 1, key = "request" }}
"""
_GAP = """\
[gap]
offline = ["{metric}"]
business = ["{revenue}"]
perturbed = {{ slice = "{inputs}", clean = "{clean}" }}

[gap.exchange_rate.{metric}]
{revenue} = {rate:.12g}
"""


def study_text(
    name: str, story: str, seed: int, models: Mapping[str, tuple[str, str]], *, metric: str, rate: float
) -> str:
    """The whole file. models: of control and treatment, by experiment."""
    parts = (
        text.head_text(name, story, seed),
        text.logs_text(()),
        "# --- Experiments. The control is the model that was live.",
        text.experiments_text(models),
        _REST.format(market=MARKET, inputs=INPUTS, accuracy=ACCURACY, roc_auc=ROC_AUC),
        *(_trained(model) for pair in models.values() for model in pair),
        _GAP.format(metric=metric, revenue=text.REVENUE, inputs=INPUTS, clean=CLEAN, rate=rate),
    )
    return text.joined(parts)


def _trained(model: str) -> str:
    return f"[models.{toml_key(model)}]\ntrained_until = 2026-02-15\nversion = {toml_string('1')}\n"
