-- purpose: One document that stands more than once where it may stand once, to show it.
-- takes: the table and the column (model, or label) within which it repeats, compiled in.
-- reads: rankings or judgements.
-- gives: one row: group_name (model or label), query, item and row_count of the first that repeats; no row when none does.
select
    {{ within }} as group_name
    , query
    , item
    , count(*) as row_count
from {{ table }}
group by {{ within }}, query, item
having count(*) > 1
order by {{ within }}, query, item
limit 1
