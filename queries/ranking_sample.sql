-- purpose: Queries drawn by a hash of their names, for what would take too long over all of them.
-- takes: the hash of a query and below which it is drawn, compiled in.
-- reads: ranking_queries.
-- gives: one row per drawn query: query and query_id.
select
    query
    , query_id
from ranking_queries
where {{ hash }} < {{ bound }}
