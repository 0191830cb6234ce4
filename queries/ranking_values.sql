-- purpose: Every metric of every model for every judged query.
-- takes: the sums over places and the values made of them, by definition, compiled in.
-- reads: the hits and the places of the runs, ranking_models, the ideals of a label, ranking_discounts (mean orders only).
-- gives: one row per model and judged query: model_id, query_id, model, split, query, relevant and graded (documents judged
--        1 and more, and above 0), retrieved (documents; null when the query is missing from the run), and one value per
--        definition (null where the query is left out).
with summed as (
    select
        h.model_id
        , h.query_id
        , count(*) as hits
{% for sum in sums %}
        , {{ sum.value }} as {{ sum.name }}
{% endfor %}
    from {{ hits }} as h
    join {{ ideals }} as q on q.query_id = h.query_id
{% if with_mean %}
    join ranking_discounts as t on t.place = h.last_place
    join ranking_discounts as b on b.place = h.first_place - 1
{% endif %}
    group by h.model_id, h.query_id
)

{% if firsts %}
, first_groups as (
    select
        model_id
        , query_id
        , first_place
        , last_place
        , size
        , alike
    from {{ hits }}
    where relevant = 1 and before = 0
    group by model_id, query_id, first_place, last_place, size, alike
)

, chances as (
    select
        f.model_id
        , f.query_id
        , f.first_place + d.place - 1 as place
        , exp(
            ln(f.alike) + others.log_factorial - whole.log_factorial + later.log_factorial - rest.log_factorial
        ) as chance
    from first_groups as f
    join ranking_discounts as d
        on d.place >= 1 and d.place <= f.size - f.alike + 1 and f.first_place + d.place - 1 <= f.last_place
    join ranking_discounts as whole on whole.place = f.size
    join ranking_discounts as others on others.place = f.size - f.alike
    join ranking_discounts as later on later.place = f.size - d.place
    join ranking_discounts as rest on rest.place = f.size - d.place - f.alike + 1
)

, firsts as (
    select
        model_id
        , query_id
{% for first in firsts %}
        , {{ first.value }} as {{ first.name }}
{% endfor %}
    from chances
    group by model_id, query_id
)

{% endif %}
, lengths as (
    select
        model_id
        , query_id
        , max(place) as retrieved
    from {{ places }}
    group by model_id, query_id
)

select
    m.model_id
    , q.query_id
    , m.model
    , m.split
    , q.query
    , q.relevant
    , q.graded
    , l.retrieved
{% for value in values %}
    , {{ value.value }} as {{ value.name }}
{% endfor %}
from {{ models }} as m
cross join {{ ideals }} as q
left join lengths as l on l.model_id = m.model_id and l.query_id = q.query_id
left join summed as s on s.model_id = m.model_id and s.query_id = q.query_id
{% if firsts %}
left join firsts as f on f.model_id = m.model_id and f.query_id = q.query_id
{% endif %}
