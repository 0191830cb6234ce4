-- purpose: What a fact table holds: rows, rows that cannot be used, the time it covers, and the range of each summed value.
-- takes: the values that metrics sum, compiled into the select list.
-- reads: one fact table.
-- gives: one row: row_count, no_unit, no_time (rows), first_at, last_at (text, UTC), and per summed value the smallest and
--        largest one and how many are not finite (NaN or infinity).
with summed as (
    select
        unit
        , "at"
{% for part in parts %}
        , {{ part.chosen }} as {{ part.name }}
{% endfor %}
    from {{ fact }}
)

select
    count(*) as row_count
    , count(*) - count(nullif(unit, '')) as no_unit
    , count(*) - count("at") as no_time
    , cast(min("at") as varchar) as first_at
    , cast(max("at") as varchar) as last_at
{% for part in parts %}
    , min({{ part.name }}) as {{ part.low }}
    , max({{ part.name }}) as {{ part.high }}
    , count(case when not isfinite(cast({{ part.name }} as double)) then 1 end) as {{ part.not_finite }}
{% endfor %}
from summed
