-- purpose: The documents of a run that are worth something, each with its place whichever way ties are broken.
-- takes: the grade of a label, whether the order of ties matters, whether prices are wanted, and runs that these may not
--        be longer than, compiled in.
-- reads: the places of the runs, of the runs that cut them, offline_items (prices only).
-- gives: one row per document: model_id, query_id, item, grade, relevant (1 from grade 1 on, else 0), price (0 where there
--        is none), first_place and size of the documents with its score, last_place that they have in a list so long, place
--        (ties by document id descending), best_place and worst_place; and of the relevant ones: found, best_found and
--        worst_found (how many up to there), alike (with its score) and before (above its score).
with tied as (
    select
        model_id
        , query_id
        , item
        , {{ grade }} as grade
        , min(place) over (partition by model_id, query_id, score) as first_place
        , count(*) over (partition by model_id, query_id, score) as size
{% if tied %}
        , row_number() over (partition by model_id, query_id, score order by item desc) as turn
        , row_number() over (
            partition by model_id, query_id, score order by coalesce({{ grade }}, 0) desc, item desc
        ) as best_turn
{% else %}
        , 1 as turn
        , 1 as best_turn
{% endif %}
    from {{ places }}
    where is_tied
)

, hits as (
    select
        model_id
        , query_id
        , item
        , {{ grade }} as grade
        , case when {{ grade }} >= 1 then 1 else 0 end as relevant
        , place as first_place
        , 1 as size
        , place
        , place as best_place
        , place as worst_place
    from {{ places }}
    where {{ grade }} > 0 and not is_tied
    union all
    select
        model_id
        , query_id
        , item
        , grade
        , case when grade >= 1 then 1 else 0 end as relevant
        , first_place
        , size
        , first_place + turn - 1 as place
        , first_place + best_turn - 1 as best_place
        , first_place + size - best_turn as worst_place
    from tied
    where grade > 0
)

, counted as (
    select
        *
        , sum(relevant) over (partition by model_id, query_id order by place) as found
        , sum(relevant) over (partition by model_id, query_id order by first_place) as through
        , sum(relevant) over (partition by model_id, query_id, first_place) as alike
{% if tied %}
        , sum(relevant) over (partition by model_id, query_id order by best_place) as best_found
        , sum(relevant) over (partition by model_id, query_id order by worst_place) as worst_found
{% else %}
        , 0 as best_found
        , 0 as worst_found
{% endif %}
    from hits
)

{% if within %}
, lengths as (
    select
        query_id
        , max(place) as longest
    from {{ within }}
    group by query_id
)

{% endif %}
select
    c.*
    , c.through - c.alike as before
{% if within %}
    , case
        when c.first_place + c.size - 1 > l.longest then l.longest
        else c.first_place + c.size - 1
    end as last_place
{% else %}
    , c.first_place + c.size - 1 as last_place
{% endif %}
{% if priced %}
    , coalesce(i.price, 0) as price
{% else %}
    , 0 as price
{% endif %}
from counted as c
{% if within %}
join lengths as l on l.query_id = c.query_id and c.first_place <= l.longest
{% endif %}
{% if priced %}
left join offline_items as i on i.item = c.item
{% endif %}
