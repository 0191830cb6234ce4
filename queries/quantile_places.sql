-- purpose: The values at given places of the order: order statistics.
-- takes: nothing.
-- reads: quantile_ranks and quantile_places.
-- gives: one row per cell: cell, and the values at its low and at its high place.
select
    r.cell
    , max(case when r.place = p.low then r.value end) as at_low
    , max(case when r.place = p.high then r.value end) as at_high
from quantile_ranks as r
join quantile_places as p on p.cell = r.cell and (p.low = r.place or p.high = r.place)
group by r.cell
order by r.cell
