-- purpose: Where the documents of judged queries were shown when their labels were collected, each once.
-- takes: nothing.
-- reads: rankings, ranking_queries.
-- gives: query_id, item, position and propensity (each null where it is not known), disagrees (1 where rows of the document
--        say different things) and unfit (1 where the propensity is no probability above zero).
select
    q.query_id
    , r.item
    , min(r.position) as position
    , min(r.propensity) as propensity
    , case when min(r.propensity) < max(r.propensity) or min(r.position) < max(r.position) then 1 else 0 end as disagrees
    , max(case when not (r.propensity > 0 and r.propensity <= 1) then 1 else 0 end) as unfit
from rankings as r
join ranking_queries as q on q.query = r.query
where r.propensity is not null or r.position is not null
group by q.query_id, r.item
