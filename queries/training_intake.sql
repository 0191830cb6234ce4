-- purpose: Whether the training series can be used.
-- takes: nothing.
-- reads: training.
-- gives: one row: row_count, without_time, without_value, not_finite (rows), times (distinct ones of a series), largest
--        absolute value.
select
    sum(row_count) as row_count
    , sum(without_time) as without_time
    , sum(without_value) as without_value
    , sum(not_finite) as not_finite
    , sum(times) as times
    , max(largest) as largest
from (
    select
        count(*) as row_count
        , count(case when t.at is null then 1 end) as without_time
        , count(case when y is null then 1 end) as without_value
        , count(case when not isfinite(coalesce(y, 0e0)) then 1 end) as not_finite
        , count(distinct t.at) as times
        , max(abs(y)) as largest
    from training as t
    group by series
) as by_series
