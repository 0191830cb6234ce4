-- purpose: Queries that a model ranked and nobody judged.
-- takes: nothing.
-- reads: rankings, ranking_queries.
-- gives: one row per model with such queries: model and queries.
select
    r.model
    , count(distinct r.query) as queries
from rankings as r
left join ranking_queries as q on q.query = r.query
where q.query_id is null
group by r.model
order by r.model
