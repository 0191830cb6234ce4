-- purpose: One row per experiment and unit: the first exposure wins; units seen in two variants are marked.
-- takes: $timed: whether exposures carry a time; what tells units apart, the slices of the study, and the experiment
--        if only one is declared, compiled in.
-- reads: exposures, experiments, arms.
-- gives: experiment, unit (its id as text, or as a number where all logs hold it as one), exposures (rows), mixed (seen in
--        more than one variant), first (a struct of at, variant and the slices at first exposure; ties in time are broken
--        by variant, then by the slices, so that the order of rows does not matter), ends_at (the experiment's end, far
--        in the future when there is none). Units with one exposure, most of them, need no comparison.
with kept as (
    select
        e.experiment
        , e.{{ key }}
        , e.at
        , e.variant
{% for slice in slices %}
        , e.{{ slice }}
{% endfor %}
        , x.ends_at
    from exposures as e
    join experiments as x on x.experiment = e.experiment
    left join arms as a on a.experiment = e.experiment and a.variant = e.variant
    where not ({{ no_unit }})
        and e.variant is not null
        and (not x.closed or a.variant is not null)
        and (not $timed or (e.at >= x.starts_at and e.at < x.ends_at))
),

repeated as (
    select
        {{ key }}
{% if not only %}
        , experiment
{% endif %}
    from kept
    group by {% if not only %}experiment, {% endif %}{{ key }}
    having count(*) > 1
)

select
    k.experiment
    , k.{{ key }}
    , 1 as exposures
    , false as mixed
    , struct_pack(
        at := k.at
        , variant := k.variant
{% for slice in slices %}
        , {{ slice }} := k.{{ slice }}
{% endfor %}
    ) as first
    , k.ends_at
from kept as k
left join repeated as r on r.{{ key }} = k.{{ key }}{% if not only %} and r.experiment = k.experiment{% endif %}

where r.{{ key }} is null
union all
select
{% if only %}
    {{ only }} as experiment
{% else %}
    k.experiment
{% endif %}
    , k.{{ key }}
    , count(*) as exposures
    , min(k.variant) <> max(k.variant) as mixed
    , min(struct_pack(
        at := k.at
        , variant := k.variant
{% for slice in slices %}
        , {{ slice }} := k.{{ slice }}
{% endfor %}
    )) as first
    , min(k.ends_at) as ends_at
from kept as k
join repeated as r on r.{{ key }} = k.{{ key }}{% if not only %} and r.experiment = k.experiment{% endif %}

group by {% if not only %}k.experiment, {% endif %}k.{{ key }}
