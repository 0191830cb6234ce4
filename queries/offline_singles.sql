-- purpose: The values of models that are held against none, example by example.
-- takes: the tables of values and of contests, and the slices of examples with the tables they are in, compiled in.
-- reads: contests (number, model and metric of what has no baseline), the values, slices of examples.
-- gives: one row per contest x example: the value, null where there is none, and the example's slices.
select
    c.contest
    , m.value as candidate
{% for slice in slices %}
    , {{ slice.table }}.{{ slice.column }}
{% endfor %}
from {{ contests }} as c
join {{ values }} as m on m.model = c.model and m.metric = c.metric
{% for table in slice_tables %}
left join {{ table }} on {{ table }}.example = m.example
{% endfor %}
