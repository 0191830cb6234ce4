-- purpose: The values that are added up or compared, where their columns have some that are negative, huge or infinite.
-- takes: the metric parts that are sums or extremes, compiled into the select list.
-- reads: part_values of one fact table.
-- gives: one row: per part the smallest and largest value among the finite ones, and how many are below zero.
select
    count(*) as row_count
{% for part in parts %}
    , min(case when isfinite({{ part.name }}) then {{ part.name }} end) as {{ part.low }}
    , max(case when isfinite({{ part.name }}) then {{ part.name }} end) as {{ part.high }}
    , count(case when {{ part.name }} < 0 then 1 end) as {{ part.below_zero }}
{% endfor %}
from {{ values }}
