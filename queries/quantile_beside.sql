-- purpose: What lies just outside of the bounds of a quantile, and how many values share a bound.
-- takes: nothing.
-- reads: quantile_ranks and quantile_bounds.
-- gives: one row per cell: cell, the largest value before the low bound and the smallest after the high one (null where
--        there is none), and how many values are equal to each bound.
select
    r.cell
    , max(case when r.value < b.low then r.value end) as before
    , min(case when r.value > b.high then r.value end) as after
    , count(case when r.value = b.low then 1 end) as at_low
    , count(case when r.value = b.high then 1 end) as at_high
from quantile_ranks as r
join quantile_bounds as b on b.cell = r.cell
group by r.cell
order by r.cell
