-- purpose: The judged queries, numbered by name.
-- takes: the judgements, compiled in.
-- reads: the judgements.
-- gives: one row per query: query and query_id (from 1).
select
    query
    , row_number() over (order by query) as query_id
from (
    select distinct query
    from {{ judgements }}
) as judged
