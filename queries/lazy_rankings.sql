-- purpose: Rankings by rankers that learnt nothing of a query: in any order, and by popularity.
-- takes: the names of the grades, and whether items bring their popularity, compiled in.
-- reads: ranking_candidates, ranking_grades, offline_items (popularity only).
-- gives: as rankings: model, query, item, score. Popularity is what items bring, or in how many other queries a document is
--        relevant.
with wanted as (
    select
        item
        , count(*) as queries
    from ranking_grades
    where
{% for grade in grades %}
        {{ grade }} >= 1
        or
{% endfor %}
        false
    group by item
)

select
    'random' as model
    , query
    , item
    , 0e0 as score
from ranking_candidates
union all
select
    'popularity' as model
    , c.query
    , c.item
{% if popularity %}
    , coalesce(i.popularity, 0) as score
{% else %}
    , cast(coalesce(w.queries, 0) - c.is_relevant as double) as score
{% endif %}
from ranking_candidates as c
left join wanted as w on w.item = c.item
{% if popularity %}
left join offline_items as i on i.item = c.item
{% endif %}
