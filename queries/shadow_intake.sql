-- purpose: What a shadow run holds, per model, and whether it can be used.
-- takes: nothing.
-- reads: shadow_requests.
-- gives: one row per model: row_count, requests (distinct), unnamed (rows without a request), not_usable (a latency or cost
--        below zero or not finite), costs (rows with one), errors (rows that tell), largest cost.
select
    model
    , count(*) as row_count
    , count(distinct request) as requests
    , count(case when request is null then 1 end) as unnamed
    , count(
        case
            when not (isfinite(coalesce(latency, 0)) and isfinite(coalesce(cost, 0)))
                or coalesce(latency, 0) < 0 or coalesce(cost, 0) < 0
                then 1
        end
    ) as not_usable
    , count(cost) as costs
    , count(error) as errors
    , max(cost) as largest
from shadow_requests
group by model
order by model
