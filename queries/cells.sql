-- purpose: The exact sums of values and products per cell: experiment x variant x day x all slices, in one pass.
-- takes: the value columns (part, cap, shift), the sums and their grids, compiled into the select list.
-- reads: unit_outcomes, and caps when a metric is capped.
-- gives: one row per cell: units, per column how many units have a value and how many were cut, and per sum its high and
--        low part. Values are shifted towards zero first, so that nothing is lost to cancellation. The terms of each sum
--        are rounded to a common grid that makes every partial sum exact: the result cannot depend on the order of rows,
--        on threads or on how files are split.
with valued as (
    select
        {{ keys }}
{% for column in columns %}
{% if column.cap %}
        , case when o.{{ column.part }} > c.{{ column.cap }} then c.{{ column.cap }} else o.{{ column.part }} end as {{ column.name }}
        , case when o.{{ column.part }} > c.{{ column.cap }} then 1 else 0 end as {{ column.cut }}
{% elif column.guard %}
        , case when {{ column.guard }} then o.{{ column.part }} end as {{ column.name }}
{% else %}
        , o.{{ column.part }} as {{ column.name }}
{% endif %}
{% endfor %}
    from unit_outcomes as o
{% if capped %}
    left join caps as c on c.experiment = o.experiment
{% endif %}
),

shifted as (
    select
        {{ keys }}
{% for column in columns %}
{% if column.counted %}
        , case when {{ column.name }} is null then 0 else 1 end as {{ column.known }}
{% endif %}
{% if column.cap %}
        , {{ column.cut }}
{% endif %}
        , {{ column.shifted }} as {{ column.name }}
{% endfor %}
    from valued
)

select
    {{ keys }},
    count(*) as units
{% for column in columns %}
{% if column.counted %}
    , sum({{ column.known }}) as {{ column.known }}
{% endif %}
{% if column.cap %}
    , sum({{ column.cut }}) as {{ column.cut }}
{% endif %}
{% endfor %}
{% for term in terms %}
{% if term.high %}
    , sum(({{ term.value }} + {{ term.high }}) - {{ term.high }}) as {{ term.high_name }}
    , sum((({{ term.value }} - (({{ term.value }} + {{ term.high }}) - {{ term.high }})) + {{ term.low }}) - {{ term.low }}) as {{ term.low_name }}
{% else %}
    , sum({{ term.value }}) as {{ term.high_name }}
{% endif %}
{% endfor %}
from shifted
group by {{ keys }}
