-- purpose: On how many requests both models were at most as slow as their own quantile.
-- takes: $candidate and $production, the quantiles.
-- reads: shadow_ranks.
-- gives: one row: both.
select count(*) as both
from shadow_ranks
where candidate_latency <= $candidate and production_latency <= $production
