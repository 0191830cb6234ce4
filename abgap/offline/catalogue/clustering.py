"""Metrics of clusterings, which have no truth to be held against."""

from __future__ import annotations

from abgap.offline.catalogue.entry import MetricEntry, Task
from abgap.records.vocabulary import Direction

_NEEDS = "features and cluster of each example, or ready-made values in [offline.scores]"
_TASKS = (Task.CLUSTERING,)

ENTRIES = (
    MetricEntry(
        name="silhouette",
        title="Silhouette score",
        aliases=("silhouette_score",),
        tasks=_TASKS,
        formula="mean of (b - a) / max(a, b): a mean distance within the own cluster, b to the nearest other cluster",
        low=-1.0,
        needs=_NEEDS,
        use_when="To choose the number of clusters, or between clusterings of the same features.",
        misleads="Round, even clusters are preferred; two far groups and a heap of everything else score well.",
        lazy="Random clusters get about 0; one outlier against all others can get close to 1.",
        watch=("davies_bouldin", "calinski_harabasz"),
        disagreement="Davies-Bouldin looks at centres: where it disagrees, clusters are not round.",
        business="How distinct the segments are; whether they are useful only an experiment tells.",
    ),
    MetricEntry(
        name="davies_bouldin",
        title="Davies-Bouldin index",
        aliases=("davies_bouldin_score", "davies_bouldin_index", "dbi"),
        tasks=_TASKS,
        formula="mean over clusters of the worst (spread_i + spread_j) / distance of centres",
        high=None,
        direction=Direction.DOWN,
        best=0.0,
        needs=_NEEDS,
        use_when="As the silhouette, quicker on large data.",
        misleads="Clusters of one example have no spread and make it look perfect.",
        lazy="Every example its own cluster gets 0.",
        watch=("silhouette",),
        disagreement="The silhouette looks at every example, and finds those that lie in the wrong cluster.",
        business="How much segments overlap.",
    ),
    MetricEntry(
        name="calinski_harabasz",
        title="Calinski-Harabasz index",
        aliases=("calinski_harabasz_score", "calinski_harabasz_index", "variance_ratio"),
        tasks=_TASKS,
        formula="(between-cluster variation / (clusters - 1)) / (within-cluster variation / (n - clusters))",
        high=None,
        best=None,
        needs=_NEEDS,
        use_when="To choose the number of clusters on one data set, quickly.",
        misleads="It grows with n: values of two data sets cannot be compared. Round clusters are preferred.",
        lazy="Random clusters get about 1.",
        watch=("silhouette",),
        disagreement="The silhouette falls where more clusters only cut one group in two.",
        business="How sharply the segments differ compared with the differences inside them.",
    ),
)
