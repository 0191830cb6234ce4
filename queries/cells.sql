-- purpose: The exact sums of values and products per cell: experiment x variant x day x all slices, in one pass.
-- takes: the value columns (part, cap, shift), the sums and their grids, compiled into the select list.
-- reads: unit_outcomes, and caps when a metric is capped.
-- gives: one row per cell: units, per column how many units have a value and how many were cut, and per sum its high and
--        low part. Values are shifted towards zero first, so that nothing is lost to cancellation. The terms of each sum
--        are rounded to a common grid that makes every partial sum exact: the result cannot depend on the order of rows,
--        on threads or on how files are split.
with valued as (
    select
        {%+ for key in keys %}o.{{ key }}{% if not loop.last %}, {% endif %}{% endfor %}

{% for column in columns %}
        , {{ column.value }} as {{ column.name }}
{% if column.raw %}
        , {{ column.raw }} as {{ column.counted }}
{% endif %}
{% if column.cut %}
        , {{ column.is_cut }} as {{ column.cut }}
{% endif %}
{% endfor %}
    from unit_outcomes as o
{% if capped %}
    left join caps as c on c.experiment = o.experiment
{% endif %}
),

shifted as (
    select
        {{ key_list }}
{% for column in columns %}
        , {{ column.shifted }} as {{ column.name }}
{% if column.raw %}
        , {{ column.counted }}
{% endif %}
{% if column.cut %}
        , {{ column.cut }}
{% endif %}
{% endfor %}
    from valued
)

select
    {{ key_list }},
    count(*) as units
{% for column in columns %}
{% if column.counted %}
    , count({{ column.counted }}) as {{ column.known }}
{% endif %}
{% if column.cut %}
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
group by {{ key_list }}
