-- purpose: How many queries are judged, and how many documents of one query at most.
-- takes: the graded documents, compiled in.
-- reads: the graded documents.
-- gives: one row: queries, and longest (documents judged under one query).
select
    count(*) as queries
    , max(documents) as longest
from (
    select
        query_id
        , count(*) as documents
    from {{ graded }}
    group by query_id
) as sizes
