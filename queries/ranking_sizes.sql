-- purpose: How many queries are judged, and how many documents of one query at most.
-- takes: nothing.
-- reads: ranking_grades.
-- gives: one row: queries, and longest (documents judged under one query).
select
    count(*) as queries
    , max(documents) as longest
from (
    select
        query_id
        , count(*) as documents
    from ranking_grades
    group by query_id
) as sizes
