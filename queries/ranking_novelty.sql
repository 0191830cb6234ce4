-- purpose: How unexpected the first documents of a list are: the mean of -log2 of their popularity.
-- takes: the cut-off, the exact sum and its value, and the popularity of all items where they bring it, compiled in.
-- reads: ranking_shown, ranking_models, ranking_queries, offline_items (popularity only).
-- gives: model, split, query and value (null where the model showed nothing).
with popularity as (
{% if brought %}
    select
        s.item
        , (coalesce(max(i.popularity), 0) + 1) / {{ brought }} as share
    from ranking_shown as s
    left join offline_items as i on i.item = s.item
    group by s.item
{% else %}
    select
        s.item
        , cast(count(*) as double) / max(l.lists) as share
    from ranking_shown as s
    cross join (
        select count(*) as lists
        from ranking_shown
        where place = 1
    ) as l
    where s.place <= {{ cut }}
    group by s.item
{% endif %}
)

, lists as (
    select
        s.model_id
        , s.query_id
        , count(*) as shown
{% for sum in sums %}
        , {{ sum.value }} as {{ sum.name }}
{% endfor %}
    from ranking_shown as s
    join popularity as p on p.item = s.item
    where s.place <= {{ cut }}
    group by s.model_id, s.query_id
)

select
    m.model
    , m.split
    , q.query
    , {{ value }} / s.shown as value
from ranking_models as m
cross join ranking_queries as q
left join lists as s on s.model_id = m.model_id and s.query_id = q.query_id
