-- purpose: The latencies of both models at the ranks between which quantiles and their bounds lie.
-- takes: the ranks, compiled in.
-- reads: shadow_ranks.
-- gives: one row per model and rank: of_candidate (1 or 0), place, latency.
select
    1 as of_candidate
    , candidate_rank as place
    , candidate_latency as latency
from shadow_ranks
where candidate_rank in ({{ ranks }})
union all
select
    0 as of_candidate
    , production_rank as place
    , production_latency as latency
from shadow_ranks
where production_rank in ({{ ranks }})
order by of_candidate, place
