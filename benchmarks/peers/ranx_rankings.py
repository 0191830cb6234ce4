"""The rankings workload in ranx, which compiles its metrics; from parquet, with what it has to be given built by it.

python -m benchmarks.peers.ranx_rankings runs=FILE judgements=FILE
"""

from __future__ import annotations

import sys

import pandas as pd
from ranx import Qrels, Run, evaluate

from benchmarks.peers.answers import RANKING_METRICS, paired, show


def main() -> None:
    files = dict(pair.split("=", 1) for pair in sys.argv[1:])
    judged = pd.read_parquet(files["judgements"]).astype({"query": object, "item": object})
    relevant = judged.groupby("query")["relevance"].transform("max") > 0
    qrels = Qrels.from_df(judged[relevant], q_id_col="query", doc_id_col="item", score_col="relevance")
    table = pd.read_parquet(files["runs"]).astype({"query": object, "item": object})
    kept = table[table["query"].isin(judged.loc[relevant, "query"].unique())]
    sides = []
    for model in ("new", "old"):
        run = Run.from_df(
            kept[kept["model"] == model], q_id_col="query", doc_id_col="item", score_col="score", name=model
        )
        sides.append(evaluate(qrels, run, list(RANKING_METRICS), return_mean=False, make_comparable=True))
    new, old = sides
    show({m: paired((new[m] - old[m]).tolist()) for m in RANKING_METRICS})


if __name__ == "__main__":
    main()
