-- purpose: Queries that several units are said to have asked.
-- takes: nothing beyond what it reads.
-- reads: offline_queries.
-- gives: one row: several (queries with more than one unit) and the first of them.
select
    count(*) as several
    , min(query) as example
from (
    select query
    from offline_queries
    where unit <> ''
    group by query
    having min(unit) <> max(unit)
) as asked
