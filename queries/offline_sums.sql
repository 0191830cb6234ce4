-- purpose: Values of models, alone or beside those of their baselines, added up over all examples and by slice.
-- takes: the examples, the column that a counted example has, the slices, and the grids of the exact sums, compiled in.
-- reads: the pairs of values, or the values of models that are held against none.
-- gives: one row per contest, and per value of each slice (slice_name, slice_value, null for the whole): evaluated
--        (examples), shared (those with a value, of both models), and the parts of the exact sums over these.
select
    contest
    , cast(null as varchar) as slice_name
    , cast(null as varchar) as slice_value
    , count(*) as evaluated
    , count({{ counted }}) as shared
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from {{ examples }}
group by contest
{% for slice in slices %}
union all
select
    contest
    , {{ slice.label }}
    , {{ slice.column }}
    , count(*)
    , count({{ counted }})
{% for sum in sums %}
    , {{ sum.value }}
{% endfor %}
from {{ examples }}
group by contest, {{ slice.column }}
{% endfor %}
order by 1, 2, 3
