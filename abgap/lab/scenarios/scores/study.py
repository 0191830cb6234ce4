"""The study file of the world "scores"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abgap.lab.scenarios import text
from abgap.lab.scenarios.scores.offline import DIVERSITY, NDCG, PURCHASE_NDCG, Models
from abgap.lab.scenarios.scores.online import CHANGED, DEVICE, MARKET, PURPOSE
from abgap.lab.scenarios.scores.plan import DIVERSITY_RATE, ELASTICITY_PER_100_MS, RATE
from abgap.study.toml import toml_string

SPELLING, CLEAN, MISSPELT = "spelling", "clean", "misspelt"
SLICES = (MARKET, DEVICE, CHANGED, PURPOSE)

_OFFLINE = """\
# --- Offline: one value per model, metric and test query.
[offline.scores]
path = "offline/scores.parquet"
columns = {{ model = "model", metric = "metric", value = "value", query = "query" }}
slices = ["{market}", "{spelling}"]

[offline_metrics."{ndcg}"]
label = "click"

[offline_metrics."{purchase}"]
metric = "{ndcg}"
label = "purchase"

[offline_metrics."{diversity}"]
direction = "up"
"""
_GAP = """\
# --- Which gain is held against which metric, and what is known of the ways on which it gets lost.
[gap]
offline = ["{ndcg}", "{diversity}"]
business = ["{revenue}"]
latency = "{latency}"
latency_elasticity_per_100ms = {elasticity}
triggered = "{changed}"
perturbed = {{ slice = "{spelling}", clean = "{clean}", live_share = {typos} }}

[gap.exchange_rate."{ndcg}"]
{revenue} = {rate}

[gap.exchange_rate."{diversity}"]
{revenue} = {diversity_rate}
"""


def study_text(name: str, story: str, seed: int, models: Mapping[str, Models], *, live_typos: float) -> str:
    """The whole file. models: of every experiment."""
    parts = (
        text.head_text(name, story, seed),
        text.logs_text(SLICES),
        "# --- Experiments. The control is the model that was live.",
        text.experiments_text({name: (each.live, each.new) for name, each in models.items()}),
        _OFFLINE.format(
            market=MARKET, spelling=SPELLING, ndcg=NDCG, purchase=PURCHASE_NDCG, diversity=DIVERSITY
        ),
        _models_text(list(models.values())),
        _gap_text(live_typos),
    )
    return text.joined(parts)


def _gap_text(live_typos: float) -> str:
    return _GAP.format(
        ndcg=NDCG,
        diversity=DIVERSITY,
        revenue=text.REVENUE,
        latency=text.LATENCY,
        elasticity=ELASTICITY_PER_100_MS,
        changed=CHANGED,
        spelling=SPELLING,
        clean=CLEAN,
        typos=live_typos,
        rate=RATE,
        diversity_rate=DIVERSITY_RATE,
    )


def _models_text(models: Sequence[Models]) -> str:
    """What the gain of every model was claimed against."""
    lines = ["# --- What the gain of each model was claimed against."]
    for each in models:
        against = each.live if each.claimed is None else each.claimed
        lines += [
            f"[models.{toml_string(name)}]\nbaseline = {toml_string(against)}\n"
            for name in (each.new, *each.others)
        ]
    return "\n".join(lines)
