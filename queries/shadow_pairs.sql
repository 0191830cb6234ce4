-- purpose: The requests of a shadow run with what both models took.
-- takes: $candidate and $production, the models.
-- reads: shadow_requests.
-- gives: one row per request that either saw: of both models latency (null where it did not answer), cost and failed
--        (1 or 0; null where it is not told, or the model did not see the request).
with told as (
    select
        request
        , case when model = $candidate then 1 else 0 end as of_candidate
        , case when coalesce(error, 0) = 0 then latency end as latency
        , cost
        , case when error is not null then case when error = 0 then 0 else 1 end end as failed
    from shadow_requests
    where model in ($candidate, $production)
)

select
    request
    , max(case when of_candidate = 1 then latency end) as candidate_latency
    , max(case when of_candidate = 0 then latency end) as production_latency
    , max(case when of_candidate = 1 then cost end) as candidate_cost
    , max(case when of_candidate = 0 then cost end) as production_cost
    , max(case when of_candidate = 1 then failed end) as candidate_failed
    , max(case when of_candidate = 0 then failed end) as production_failed
from told
group by request
