-- purpose: The terms of examples added up by model, of all examples and by slice.
-- takes: the slices and the exact sums, compiled in.
-- reads: the table of terms, compiled in.
-- gives: one row per model, and per model x value of each slice: slice_name, slice_value (null for all examples,
--        and where it is not known), n (examples), and the parts of the sums.
select
    model
    , cast(null as varchar) as slice_name
    , cast(null as varchar) as slice_value
    , count(*) as n
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from {{ table }}
group by model
{% for slice in slices %}
union all
select
    model
    , {{ slice.label }}
    , {{ slice.column }}
    , count(*)
{% for sum in sums %}
    , {{ sum.value }}
{% endfor %}
from {{ table }}
group by model, {{ slice.column }}
{% endfor %}
order by 1, 2, 3
