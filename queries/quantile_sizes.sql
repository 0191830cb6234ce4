-- purpose: How many values each cell has, and between which bounds they lie.
-- takes: nothing.
-- reads: quantile_ranks.
-- gives: one row per cell: cell, events (values), and the smallest and largest value.
select
    cell
    , count(*) as events
    , min(value) as smallest
    , max(value) as largest
from quantile_ranks
group by cell
order by cell
