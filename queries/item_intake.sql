-- purpose: What the items hold, and whether they can be used.
-- takes: nothing.
-- reads: offline_items.
-- gives: one row: row_count, items (distinct), nameless (rows), not_finite (rows whose price or popularity is NaN or
--        infinite), negative (rows where one is below zero), priced, grouped and popular (rows with a price, a category, a
--        popularity), largest_price, and popularity (the sum).
select
    count(*) as row_count
    , count(distinct item) as items
    , count(case when item is null then 1 end) as nameless
    , count(case when not isfinite(coalesce(price, 0)) or not isfinite(coalesce(popularity, 0)) then 1 end) as not_finite
    , count(case when price < 0 or popularity < 0 then 1 end) as negative
    , count(price) as priced
    , count(category) as grouped
    , count(popularity) as popular
    , max(price) as largest_price
    , sum(popularity) as popularity
from offline_items
