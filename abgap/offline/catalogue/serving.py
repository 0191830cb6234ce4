"""What serving a model takes: shown next to quality, for five per cent better at ten times the cost is a bad trade."""

from __future__ import annotations

from functools import partial

from abgap.offline.catalogue.entry import MetricEntry, Task
from abgap.records.vocabulary import Direction

# What they have in common: less is better, without an end, and the laziest solution is always the same.
_entry = partial(
    MetricEntry,
    tasks=(Task.SERVING,),
    high=None,
    direction=Direction.DOWN,
    best=0.0,
    needs="ready-made values in [offline.scores], or of a tracker",
    lazy="The popular list, or a constant, costs next to nothing.",
)

ENTRIES = (
    _entry(
        name="latency_p95_ms",
        title="95th percentile of latency",
        formula="the time that 95 of 100 requests do not exceed, in milliseconds",
        aliases=("p95_latency_ms", "latency_p95", "p95_latency", "latency_ms", "latency"),
        needs='[models.NAME] latency_p95_ms, a shadow log, or a business metric with kind = "quantile"',
        use_when="Always, as a guardrail: a shadow run at 800 ms against 250 ms stops a launch.",
        misleads="Measured on an idle machine it is not what users wait for; one stage is not the whole page.",
        watch=("latency_p50_ms", "revenue_per_session"),
        disagreement="The median stays where it was while the slow requests get slower.",
        business="How long the patient few wait; slower pages sell less.",
    ),
    _entry(
        name="latency_p50_ms",
        title="Median latency",
        formula="the time that half of the requests do not exceed, in milliseconds",
        aliases=("p50_latency_ms", "latency_p50", "p50_latency", "median_latency_ms"),
        needs='[models.NAME] latency_p50_ms, a shadow log, or a business metric with kind = "quantile"',
        use_when="Beside the 95th percentile, to see whether everybody or only the slow requests changed.",
        misleads="Half of the requests are slower, some of them by far.",
        watch=("latency_p95_ms",),
        disagreement="The 95th percentile rises while the median stays: the complicated queries pay.",
        business="How long people usually wait.",
    ),
    _entry(
        name="cost_per_1000_requests",
        title="Cost of a thousand requests",
        formula="what a thousand requests cost in machines and services, in the study's currency",
        aliases=("cost_per_1k_requests", "cost_per_thousand_requests"),
        needs="[models.NAME] cost_per_1000_requests, or a shadow log",
        use_when="Always, beside the money that the gain is worth.",
        misleads="Prices of reserved machines hide what more traffic would cost.",
        watch=("latency_p95_ms", "throughput"),
        disagreement="Latency rises when cost is saved on machines.",
        business="What the model takes from the margin.",
    ),
    _entry(
        name="throughput",
        title="Throughput",
        formula="requests served per second",
        aliases=("requests_per_second", "rps", "qps"),
        direction=Direction.UP,
        best=None,
        use_when="Traffic has peaks that have to be served.",
        misleads="Large batches raise it, and everybody's latency with it.",
        watch=("latency_p95_ms",),
        disagreement="Latency rises when throughput is gained by waiting for full batches.",
        business="How much traffic a machine carries.",
    ),
    _entry(
        name="cpu_seconds_per_request",
        title="Processor time per request",
        formula="seconds of processor time / requests",
        aliases=("cpu_seconds", "cpu_time", "cpu"),
        use_when="To compare the resources of models apart from prices.",
        misleads="It does not see waiting for other services or for an accelerator.",
        watch=("latency_p95_ms", "gpu_seconds_per_request"),
        disagreement="Processor time falls where the work moves to an accelerator.",
        business="Machines that have to be paid for.",
    ),
    _entry(
        name="gpu_seconds_per_request",
        title="Accelerator time per request",
        formula="seconds of accelerator time / requests",
        aliases=("gpu_seconds", "gpu_time", "gpu"),
        use_when="Models on accelerators, whose price decides.",
        misleads="Busy is not useful: waiting for memory counts as work.",
        watch=("cost_per_1000_requests", "throughput"),
        disagreement="Throughput falls where less accelerator time per request means smaller batches.",
        business="The dearest machines that have to be paid for.",
    ),
    _entry(
        name="memory_mb",
        title="Memory",
        formula="largest resident memory while serving, in megabytes",
        aliases=("ram", "ram_mb", "memory", "peak_memory_mb"),
        use_when="Many models share machines, or devices are small.",
        misleads="Memory that is shared is counted for each of its users.",
        watch=("latency_p95_ms",),
        disagreement="Latency rises when memory is saved by loading things again.",
        business="How many models fit on a machine.",
    ),
)
