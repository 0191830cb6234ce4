"""The models of the sample data: what each scores offline, how slow it is, what it costs.

Scores are means over the test queries and are met exactly by the generated values (``offline.py``), because
the figures of the search-ranking story, 0.72 to 0.78, have to be found in the data and not only near them.

NDCG@10 and MRR@10 are judged by clicks, purchase_ndcg@10 by purchases: it stays flat where people only click
more. The test set was collected on desktops, where a third of live traffic comes from.
"""

from __future__ import annotations

import datetime as dt

from abgap.lab.sample.plant import PlantedModel

NDCG = "ndcg@10"
MRR = "mrr@10"
PURCHASE_NDCG = "purchase_ndcg@10"
OFFLINE_METRICS = (NDCG, MRR, PURCHASE_NDCG)


def _model(
    version: str,
    trained_until: tuple[int, int, int],
    latency_ms: int,
    cost: float,
    *scores: float,
    desktop_tilt: float = 0.0,
) -> PlantedModel:
    return PlantedModel(
        version=version,
        trained_until=dt.date(*trained_until),
        latency_p50_ms=latency_ms,
        cost_per_1000_requests=cost,
        scores=dict(zip(OFFLINE_METRICS, scores, strict=True)) if scores else {},
        desktop_tilt=desktop_tilt,
    )


_DENSE = 1.55
"""Dense retrieval understands the long queries that people type on a desktop, and no others."""


MODELS: dict[str, PlantedModel] = {
    "ranker-1": _model("1.4.0", (2024, 10, 31), 250, 0.30, 0.720, 0.640, 0.600),
    "ranker-1-bargain": _model("1.5.0", (2025, 1, 15), 250, 0.30, 0.770, 0.675, 0.570),
    "ranker-1-typo": _model("1.4.2", (2025, 1, 31), 260, 0.31, 0.750, 0.660, 0.615),
    "ranker-2-shadow": _model("2.0.0", (2025, 1, 31), 800, 0.95, 0.780, 0.690, 0.601),
    "ranker-2": _model("2.1.0", (2025, 1, 31), 300, 0.42, 0.780, 0.690, 0.601),
    "ranker-3": _model("3.0.0", (2025, 4, 15), 300, 0.42, 0.740, 0.655, 0.630),
    "ranker-3-voice": _model("3.1.0", (2025, 5, 15), 305, 0.44, 0.780, 0.690, 0.650),
    "ranker-4": _model("4.0.0", (2025, 5, 31), 305, 0.43, 0.780, 0.685, 0.665),
    "ranker-4-refresh": _model("4.0.1", (2025, 6, 30), 305, 0.43, 0.781, 0.685, 0.664),
    "ranker-5": _model("5.0.0", (2025, 7, 15), 310, 0.44, 0.779, 0.684, 0.667),
    "ranker-5-mini": _model("5.1.0", (2025, 7, 31), 140, 0.20, 0.739, 0.650, 0.640),
    "ranker-6": _model("6.0.0", (2025, 8, 31), 320, 0.52, 0.869, 0.765, 0.750, desktop_tilt=_DENSE),
    "ranker-7-full": _model("7.0.0", (2025, 9, 30), 720, 1.60, 0.908, 0.815, 0.792, desktop_tilt=_DENSE),
    "ranker-7": _model("7.1.0", (2025, 9, 30), 330, 0.55, 0.896, 0.800, 0.782, desktop_tilt=_DENSE),
    "ranker-8": _model("8.0.0", (2025, 10, 31), 335, 0.58, 0.912, 0.820, 0.807, desktop_tilt=_DENSE),
}
