-- The units workload by hand, the fastest way: plain sums of values, squares and products. Digits get lost where a mean
-- is large beside the spread around it.
select
    variant, count(*) as n,
    sum(revenue), sum(revenue * revenue),
    sum(converted),
    sum(clicks), sum(sessions), sum(clicks * clicks), sum(sessions * sessions), sum(clicks * sessions),
    sum(spend), sum(spend * spend), sum(history), sum(history * history), sum(spend * history)
from read_parquet(getvariable('units'))
group by variant
