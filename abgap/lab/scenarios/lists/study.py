"""The study file of the world "lists"."""

from __future__ import annotations

from collections.abc import Mapping

from abgap.lab.scenarios import text
from abgap.lab.scenarios.lists.plan import Plan

CLICK, PURCHASE = "click", "purchase"
_OFFLINE = """\
# --- Offline: the lists of both models, and what was clicked and bought; position and propensity are those of the list
# that was live when clicks were collected.
[offline.rankings]
path = "offline/rankings.parquet"
columns = {{ model = "model", query = "query", item = "item", score = "score", position = "position", \
propensity = "looked_at" }}

[offline.judgements]
path = "offline/judgements.parquet"
columns = {{ query = "query", item = "item", relevance = "relevance", label = "label" }}

[offline_metrics."{metric}"]
label = "{click}"
why = "clicks are plenty"

[offline_metrics."purchase_{metric}"]
metric = "{metric}"
label = "{purchase}"
why = "purchases are what counts"
"""
_LIVE = """\
# --- Live: the lists that were shown, the offline pipeline's scores of the same items, and what was clicked.
[facts.picked]
path = "logs/picked.parquet"
columns = { unit = "user_id", at = "ts" }

[live.rankings]
path = "logs/lists.parquet"
columns = { unit = "user_id", at = "ts", model = "model", query = "query", item = "item", score = "score", \
offline_score = "replayed" }
outcome = { fact = "picked", within_days = 1, key = "query", item = "item", label = "click" }
"""
_GAP = """\
[gap]
offline = ["{metric}"]
business = ["{revenue}"]

[gap.exchange_rate."{metric}"]
{revenue} = {rate:.12g}
"""


def study_text(name: str, story: str, seed: int, models: Mapping[str, tuple[str, str]], plan: Plan) -> str:
    """The whole file. models: of control and treatment, by experiment."""
    parts = (
        text.head_text(name, story, seed),
        text.logs_text(()),
        "# --- Experiments. The control is the model that was live.",
        text.experiments_text(models),
        _OFFLINE.format(metric=plan.metric, click=CLICK, purchase=PURCHASE),
        _LIVE if plan.logged else "",
        _GAP.format(revenue=text.REVENUE, rate=plan.rate, metric=plan.metric),
    )
    return text.joined(parts)
