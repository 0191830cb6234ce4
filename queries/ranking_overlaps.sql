-- purpose: How far the first documents of two models agree, query by query: rank-biased overlap.
-- takes: the cut-off, the exact sum of what a depth of a list adds, and the value made of it, compiled in.
-- reads: ranking_shown, ranking_models, overlap_depths (depth and its weight).
-- gives: one row per two models: model, other, queries (where one of them showed something), and the parts of the sum.
with lengths as (
    select
        model_id
        , query_id
        , max(place) as shown
    from ranking_shown
    where place <= {{ cut }}
    group by model_id, query_id
)

, pairs as (
    select
        m.model_id
        , o.model_id as other_id
        , m.model
        , o.model as other
    from ranking_models as m
    join ranking_models as o on o.model_id <> m.model_id
)

, seen as (
    select
        p.model_id
        , p.other_id
        , count(distinct l.query_id) as queries
    from pairs as p
    join lengths as l on l.model_id = p.model_id or l.model_id = p.other_id
    group by p.model_id, p.other_id
)

, common as (
    select
        a.model_id
        , b.model_id as other_id
        , a.query_id
        , case when a.place > b.place then a.place else b.place end as depth
    from ranking_shown as a
    join ranking_shown as b on b.query_id = a.query_id and b.item = a.item and b.model_id <> a.model_id
    where a.place <= {{ cut }} and b.place <= {{ cut }}
)

, agreed as (
    select
        c.model_id
        , c.other_id
        , d.weight * 2 / (
            case when l.shown < d.depth then l.shown else d.depth end
            + case when o.shown < d.depth then o.shown else d.depth end
        ) as added
    from common as c
    join overlap_depths as d on d.depth >= c.depth
    join lengths as l on l.model_id = c.model_id and l.query_id = c.query_id
    join lengths as o on o.model_id = c.other_id and o.query_id = c.query_id
)

, summed as (
    select
        model_id
        , other_id
{% for sum in sums %}
        , {{ sum.value }} as {{ sum.name }}
{% endfor %}
    from agreed
    group by model_id, other_id
)

select
    p.model
    , p.other
    , s.queries
{% for sum in sums %}
    , t.{{ sum.name }}
{% endfor %}
from pairs as p
join seen as s on s.model_id = p.model_id and s.other_id = p.other_id
left join summed as t on t.model_id = p.model_id and t.other_id = p.other_id
order by p.model, p.other
