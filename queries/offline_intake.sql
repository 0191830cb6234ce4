-- purpose: What the offline scores hold, per model and metric, and whether they can be used.
-- takes: nothing.
-- reads: offline_scores.
-- gives: one row per model x metric: row_count, query_rows (rows with a query), queries (distinct), no_value, not_finite
--        (rows), smallest and largest value.
select
    model,
    metric,
    count(*) as row_count,
    count(query) as query_rows,
    count(distinct query) as queries,
    sum(case when value is null then 1 else 0 end) as no_value,
    sum(case when value is null or isfinite(value) then 0 else 1 end) as not_finite,
    min(value) as smallest,
    max(value) as largest
from offline_scores
group by model, metric
order by model, metric
