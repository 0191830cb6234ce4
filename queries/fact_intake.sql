-- purpose: What a fact table holds: rows, rows that cannot be used, the time it covers, and the range of each summed value.
-- takes: the metric parts that are sums or extremes, compiled into the select list.
-- reads: part_values of one fact table.
-- gives: one row: row_count, no_unit, no_time (rows), first_at, last_at (text, UTC), and per summed value the smallest and
--        largest one, how many are below zero, and how many are not finite (NaN or infinity).
select
    count(*) as row_count
    , count(*) - count(nullif(unit, '')) as no_unit
    , count(*) - count("at") as no_time
    , cast(min("at") as varchar) as first_at
    , cast(max("at") as varchar) as last_at
{% for part in parts %}
    , min({{ part.name }}) as {{ part.low }}
    , max({{ part.name }}) as {{ part.high }}
    , count(case when {{ part.name }} < 0 then 1 end) as {{ part.below_zero }}
    , count(case when not isfinite(cast({{ part.name }} as double)) then 1 end) as {{ part.not_finite }}
{% endfor %}
from {{ values }}
