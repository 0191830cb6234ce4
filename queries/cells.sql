-- purpose: The exact sums of values and products per cell (experiment x variant x day x all slices; or fold, or draw).
-- takes: the units, the value columns (part, cap, centre), the sums and their grids, compiled into the select list.
-- reads: unit_outcomes (or a view that gives more of it); caps when a metric is capped; centres when each arm has its own.
-- gives: one row per cell: units; per column how many units have a value (known) and how many were cut; per sum one to
--        four parts. Values are centred first, so that nothing is lost to cancellation. The terms of each sum are
--        rounded to a common grid that makes every partial sum exact: the result cannot depend on the order of rows, on
--        threads or on how files are split.
with valued as (
    select
        o.experiment
{% for key in keys[1:] %}
        , o.{{ key }}
{% endfor %}
{% for column in columns %}
        , {{ column.value }} as {{ column.name }}
{% if column.raw %}
        , {{ column.raw }} as {{ column.raw_name }}
{% endif %}
{% if column.is_cut %}
        , {{ column.is_cut }} as {{ column.cut }}
{% endif %}
{% endfor %}
    from {{ units }} as o
{% if capped %}
    left join caps as c on c.experiment = o.experiment
{% endif %}
),

centred as (
    select
        v.experiment
{% for key in keys[1:] %}
        , v.{{ key }}
{% endfor %}
{% for column in columns %}
        , v.{{ column.name }}{% if column.centre %} - {{ column.centre }} as {{ column.name }}{% endif %}

{% if column.raw %}
        , v.{{ column.raw_name }}
{% endif %}
{% if column.is_cut %}
        , v.{{ column.cut }}
{% endif %}
{% endfor %}
    from valued as v
{% if by_arm %}
    left join centres as m on m.experiment = v.experiment and m.variant = v.variant
{% endif %}
)

select
{% if only_experiment %}
    {{ only_experiment }} as experiment
{% else %}
    experiment
{% endif %}
{% for key in keys[1:] %}
    , {{ key }}
{% endfor %}
    , count(*) as units
{% for column in columns %}
{% if column.counted %}
    , count({{ column.counted }}) as {{ column.known }}
{% endif %}
{% if column.is_cut %}
    , sum({{ column.cut }}) as {{ column.cut }}
{% endif %}
{% endfor %}
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from centred
group by {% for key in (keys[1:] if only_experiment else keys) %}{{ key }}{% if not loop.last %}, {% endif %}{% endfor %}
