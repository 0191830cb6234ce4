-- purpose: What relevant documents say of two models, as they are and weighted by one over their propensity.
-- takes: the hits of a label, what a place is worth to each model, the sums over a query and over queries with their grids,
--        compiled in; $clip, where weights are cut.
-- reads: ranking_clicks, click_pairs (pair and the numbers of its models), the hits.
-- gives: one row per pair: units (queries), clicks, cut (weight above the clip), largest (weight), and the parts of the
--        exact sums of columns and products over queries, and of squared weights.
with valued as (
    select
        p.pair
        , c.query_id
        , c.gain as n
        , c.gain * ({{ of_model }} - {{ of_base }}) as a
        , c.gain * c.weight as w
        , c.gain * c.weight * ({{ of_model }} - {{ of_base }}) as wa
        , c.gain * least(c.weight, $clip) as v
        , c.gain * least(c.weight, $clip) * ({{ of_model }} - {{ of_base }}) as va
        , c.gain * c.weight * c.gain * c.weight as squared
        , c.weight
    from click_pairs as p
    cross join ranking_clicks as c
    left join {{ hits }} as m on m.model_id = p.model_id and m.query_id = c.query_id and m.item = c.item
    left join {{ hits }} as b on b.model_id = p.base_id and b.query_id = c.query_id and b.item = c.item
    where c.weight is not null
)

, parts as (
    select
        pair
        , query_id
        , count(*) as clicks
        , sum(case when weight > $clip then 1 else 0 end) as cut
        , max(weight) as largest
{% for sum in inner %}
        , {{ sum.value }} as {{ sum.name }}
{% endfor %}
    from valued
    group by pair, query_id
)

, queries as (
    select
        pair
        , clicks
        , cut
        , largest
{% for column in columns %}
        , {% for part in column.parts %}{{ part }}{% if not loop.last %} + {% endif %}{% endfor %} as {{ column.name }}
{% endfor %}
    from parts
)

select
    pair
    , count(*) as units
    , sum(clicks) as clicks
    , sum(cut) as cut
    , max(largest) as largest
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from queries
group by pair
order by pair
