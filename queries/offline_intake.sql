-- purpose: What the offline scores hold, per model, metric and day of evaluation, and whether they can be used.
-- takes: nothing.
-- reads: offline_scores.
-- gives: one row per model x metric x day (null without days): row_count, query_rows (rows with a query), queries
--        (distinct), not_finite (rows), smallest and largest value (null without any).
select
    model
    , metric
    , day
    , count(*) as row_count
    , count(query) as query_rows
    , count(distinct query) as queries
    , count(case when not (isfinite(value) and isfinite(coalesce(n, 0)) and isfinite(coalesce(se, 0))) then 1 end)
        as not_finite
    , min(value) as smallest
    , max(value) as largest
from offline_scores
group by model, metric, day
order by model, metric, day
