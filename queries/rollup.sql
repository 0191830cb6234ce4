-- purpose: Cells added up to whole experiments, slices and days. Exact sums add exactly, so no unit is read again.
-- takes: the cells, the slices and sums of the study, and the draw that cells are told apart by, if they are, compiled in.
-- reads: cells, or those of folds, draws or divisions, whichever is compiled in.
-- gives: one row per experiment x variant, per value of each slice, and per day of first exposure (period, ISO date):
--        level (whole, slice, period), slice_name, slice_value, period, units and all sums of the cells,
--        one row for each draw where cells have one.
select
    experiment
    , variant
    , 'whole' as level
    , cast(null as varchar) as slice_name
    , cast(null as varchar) as slice_value
    , cast(null as varchar) as period
{% if draw %}
    , {{ draw }}
{% endif %}
{% for sum in sums %}
    , sum({{ sum }}) as {{ sum }}
{% endfor %}
from {{ cells }}
group by experiment, variant{% if draw %}, {{ draw }}{% endif %}

{% for slice in slices %}
union all
select
    experiment
    , variant
    , 'slice'
    , {{ slice.label }}
    , {{ slice.column }}
    , null
{% if draw %}
    , {{ draw }}
{% endif %}
{% for sum in sums %}
    , sum({{ sum }})
{% endfor %}
from {{ cells }}
group by experiment, variant, {{ slice.column }}{% if draw %}, {{ draw }}{% endif %}

{% endfor %}
{% if by_day %}
union all
select
    experiment
    , variant
    , 'period'
    , null
    , null
    , cast(day as varchar)
{% if draw %}
    , {{ draw }}
{% endif %}
{% for sum in sums %}
    , sum({{ sum }})
{% endfor %}
from {{ cells }}
group by experiment, variant, day{% if draw %}, {{ draw }}{% endif %}

{% endif %}
order by 1, 2, 3, 4, 5, 6{% if draw %}, 7{% endif %}
