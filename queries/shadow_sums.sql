-- purpose: A shadow run added up: requests by who answered, errors, and costs.
-- takes: the grids of the exact sums, compiled in.
-- reads: shadow_pairs.
-- gives: one row: timed (both answered), only_candidate, only_production; told (both tell of errors), failed_both,
--        failed_candidate and failed_production (alone); costed (both have a cost), and the parts of the exact sums over
--        these.
select
    count(case when candidate_latency is not null and production_latency is not null then 1 end) as timed
    , count(case when candidate_latency is not null and production_latency is null then 1 end) as only_candidate
    , count(case when candidate_latency is null and production_latency is not null then 1 end) as only_production
    , count(case when candidate_failed is not null and production_failed is not null then 1 end) as told
    , count(case when candidate_failed = 1 and production_failed = 1 then 1 end) as failed_both
    , count(case when candidate_failed = 1 and production_failed = 0 then 1 end) as failed_candidate
    , count(case when candidate_failed = 0 and production_failed = 1 then 1 end) as failed_production
    , count(case when candidate_cost is not null and production_cost is not null then 1 end) as costed
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from shadow_pairs
