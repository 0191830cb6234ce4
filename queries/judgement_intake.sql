-- purpose: What the judgements hold, per label, and whether they can be used.
-- takes: nothing.
-- reads: judgements.
-- gives: one row per label: row_count, documents (distinct pairs of query and item), nameless (rows without query or item),
--        not_finite (relevance that is NaN, infinite or missing), smallest and largest relevance.
select
    label
    , count(*) as row_count
    , count(distinct hash(query, item)) as documents
    , count(case when query is null or item is null then 1 end) as nameless
    , count(case when relevance is null or not isfinite(relevance) then 1 end) as not_finite
    , min(relevance) as smallest
    , max(relevance) as largest
from judgements
group by label
order by label
