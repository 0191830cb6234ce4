"""The rankings workload by trec_eval's own code, behind dictionaries of Python.

python -m benchmarks.peers.pytrec_eval_rankings runs=FILE judgements=FILE
"""

from __future__ import annotations

import sys
from typing import Any

import pyarrow.parquet as pq
import pytrec_eval

from benchmarks.peers.answers import paired, show

# recip_rank has no cut-off there: ranks behind the tenth are taken out below.
NAMES = {
    "ndcg@10": "ndcg_cut_10",
    "mrr@10": "recip_rank",
    "map": "map",
    "precision@10": "P_10",
    "recall@10": "recall_10",
}


def nested(path: str, number: str, *keys: str) -> Any:
    """A dictionary of dictionaries by the key columns of a file."""
    table = pq.read_table(path, columns=[*keys, number])
    found: dict[str, Any] = {}
    for *outer, last, value in zip(*(table[c].to_pylist() for c in (*keys, number)), strict=True):
        place = found
        for key in outer:
            place = place.setdefault(key, {})
        place[last] = value
    return found


def main() -> None:
    files = dict(pair.split("=", 1) for pair in sys.argv[1:])
    judged = nested(files["judgements"], "relevance", "query", "item")
    judged = {q: grades for q, grades in judged.items() if any(g > 0 for g in grades.values())}
    runs = nested(files["runs"], "score", "model", "query", "item")
    evaluator = pytrec_eval.RelevanceEvaluator(
        judged, {"ndcg_cut.10", "recip_rank", "map", "P.10", "recall.10"}
    )
    new, old = (evaluator.evaluate(runs[model]) for model in ("new", "old"))

    def value(side: Any, query: str, metric: str) -> float:
        found = float(side[query][NAMES[metric]])
        return 0.0 if metric == "mrr@10" and found < 0.1 - 1e-9 else found

    show({m: paired([value(new, q, m) - value(old, q, m) for q in judged]) for m in NAMES})


if __name__ == "__main__":
    main()
