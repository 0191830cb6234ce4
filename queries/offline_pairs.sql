-- purpose: Every candidate beside its baseline, query by query or example by example.
-- takes: the tables of values and of contests, and the slices of examples with the tables they are in, compiled in.
-- reads: contests (number, model, baseline and metric of what is compared), the values, slices of examples.
-- gives: one row per contest x example that both models were evaluated on: both values and their difference, all null
--        unless both have one, and the example's slices.
select
    c.contest
    , m.example
    , case when b.value is not null then m.value end as candidate
    , case when m.value is not null then b.value end as base
    , m.value - b.value as difference
{% for slice in slices %}
    , {{ slice.table }}.{{ slice.column }}
{% endfor %}
from {{ contests }} as c
join {{ values }} as m on m.model = c.model and m.metric = c.metric
join {{ values }} as b on b.model = c.baseline and b.metric = c.metric and b.example = m.example
{% for table in slice_tables %}
left join {{ table }} on {{ table }}.example = m.example
{% endfor %}
