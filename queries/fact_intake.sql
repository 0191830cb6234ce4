-- purpose: What a fact table holds: rows, rows that cannot be used, the time it covers, and the range of each summed value.
-- takes: the condition that a row has no unit, and the values that are added up or compared, compiled in.
-- reads: one fact table.
-- gives: one row: row_count, no_unit, no_time (rows), first_at, last_at (text, UTC), and per value the smallest and largest
--        one: of the whole column, or of the events that count where the value is an expression. The statistics of
--        parquet files answer the same, except that they need not know of NaN.
select
    count(*) as row_count
    , count(case when {{ no_unit }} then 1 end) as no_unit
    , count(*) - count("at") as no_time
    , cast(min("at") as varchar) as first_at
    , cast(max("at") as varchar) as last_at
{% for value in values %}
    , min({{ value.value }}) as {{ value.low }}
    , max({{ value.value }}) as {{ value.high }}
{% endfor %}
from {{ fact }}
