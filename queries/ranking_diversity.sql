-- purpose: How many pairs of the first documents of a list are of different categories.
-- takes: the cut-off, compiled in.
-- reads: ranking_shown, ranking_models, ranking_queries, offline_items.
-- gives: model, split, query and value (null where fewer than two documents with a category were shown).
with kinds as (
    select
        s.model_id
        , s.query_id
        , i.category
        , count(*) as shown
    from ranking_shown as s
    join offline_items as i on i.item = s.item
    where s.place <= {{ cut }} and i.category is not null
    group by s.model_id, s.query_id, i.category
)

, lists as (
    select
        model_id
        , query_id
        , sum(shown) as shown
        , sum(shown * (shown - 1)) as alike
    from kinds
    group by model_id, query_id
)

select
    m.model
    , m.split
    , q.query
    , case when l.shown > 1 then 1 - l.alike / cast(l.shown * (l.shown - 1) as double) end as value
from ranking_models as m
cross join ranking_queries as q
left join lists as l on l.model_id = m.model_id and l.query_id = q.query_id
