-- purpose: What every example adds to the metrics of its part: decisions, losses, and its placement in the order of scores.
-- takes: whether there is a second score, whether the order of scores is wanted, and the terms, compiled in.
-- reads: live_examples.
-- gives: one row per example: place, part, unit, and one column per term.
with ordered as (
    select
        place
        , part
        , unit
        , y_true
        , score
{% if ordered %}
        , count(*) over (partition by place, part) as n
        , count(case when y_true = 1 then 1 end) over (partition by place, part) as positives
        , count(*) over (partition by place, part order by score desc) as called
        , count(case when y_true = 1 then 1 end) over (partition by place, part order by score desc) as found
        , count(*) over (partition by place, part order by score) as upto
        , count(case when y_true = 1 then 1 end) over (partition by place, part order by score) as positives_upto
{% endif %}
{% if base %}
        , base
{% if ordered %}
        , count(*) over (partition by place, part order by base desc) as base_called
        , count(case when y_true = 1 then 1 end) over (partition by place, part order by base desc) as base_found
        , count(*) over (partition by place, part order by base) as base_upto
        , count(case when y_true = 1 then 1 end) over (partition by place, part order by base) as base_positives_upto
{% endif %}
{% endif %}
    from live_examples
)

select
    place
    , part
    , unit
{% for term in terms %}
    , {{ term.value }} as {{ term.name }}
{% endfor %}
from ordered
