-- purpose: Where each example stands in the order of scores of two models: the placements of DeLong, and the influence of
--          each example on average precision.
-- takes: the slice that is looked at (or none), and the terms of the exact sums, compiled in.
-- reads: prediction_pairs.
-- gives: one row per pair x value of the slice (part) x label (y_true): n (examples), and the parts of the exact sums over
--        them: of the placements of both models (of a positive its negatives not above less those not below, of a negative
--        the other way round with positives), of their difference and its square; of the influences of both models on the
--        sum of precisions, of their difference and its square; and of the precisions at the positives of both models.
with from_above as (
    select
        model
        , baseline
{% if slice %}
        , {{ slice }} as part
{% endif %}
        , y_true
        , candidate
        , base
        , count(*) over (partition by {{ keys }} order by candidate desc) as called
        , count(case when y_true = 1 then 1 end) over (partition by {{ keys }} order by candidate desc) as found
        , count(*) over (partition by {{ keys }} order by base desc) as base_called
        , count(case when y_true = 1 then 1 end) over (partition by {{ keys }} order by base desc) as base_found
    from prediction_pairs
)

, stepped as (
    select
        *
{% for step in steps %}
        , {{ step.value }} as {{ step.name }}
{% endfor %}
    from from_above
)

, from_below as (
    select
        *
        , count(*) over (partition by {{ parts }} order by candidate) as upto
        , count(case when y_true = 1 then 1 end) over (partition by {{ parts }} order by candidate) as positives_upto
        , count(*) over (partition by {{ parts }} order by base) as base_upto
        , count(case when y_true = 1 then 1 end) over (partition by {{ parts }} order by base) as base_positives_upto
        , sum(missed_step) over (partition by {{ parts }} order by candidate) as missed_steps
        , sum(found_step) over (partition by {{ parts }} order by candidate) as found_steps
        , sum(base_missed_step) over (partition by {{ parts }} order by base) as base_missed_steps
        , sum(base_found_step) over (partition by {{ parts }} order by base) as base_found_steps
    from stepped
)

, influences as (
    select
        model
        , baseline
{% if slice %}
        , part
{% endif %}
        , y_true
{% for term in terms %}
        , {{ term.value }} as {{ term.name }}
{% endfor %}
    from from_below
)

select
    model
    , baseline
{% if slice %}
    , part
{% endif %}
    , y_true
    , count(*) as n
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from influences
group by
    model
    , baseline
{% if slice %}
    , part
{% endif %}
    , y_true
order by
    model
    , baseline
{% if slice %}
    , part
{% endif %}
    , y_true
