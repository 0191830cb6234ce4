-- purpose: The requests that both models answered, ranked by the latency of each.
-- takes: nothing.
-- reads: shadow_pairs.
-- gives: one row per request: candidate_latency, production_latency, candidate_rank, production_rank (from 1).
select
    candidate_latency
    , production_latency
    , row_number() over (order by candidate_latency, request) as candidate_rank
    , row_number() over (order by production_latency, request) as production_rank
from shadow_pairs
where candidate_latency is not null and production_latency is not null
