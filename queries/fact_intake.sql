-- purpose: What a fact table holds: rows, rows that cannot be used, the time it covers, and the range of each summed value.
-- takes: the values that metrics sum, compiled into the select list.
-- reads: one fact table.
-- gives: one row: row_count, no_unit, no_time (rows), first_at, last_at (text), and per summed value its min_, max_ and
--        not_finite_ (rows with NaN or infinity).
with summed as (
    select
        unit,
        "at"
{% for part in parts %}
        , case when {{ part.where }} then {{ part.value }} end as {{ part.name }}
{% endfor %}
    from {{ fact }}
)

select
    count(*) as row_count,
    sum(case when unit is null or unit = '' then 1 else 0 end) as no_unit,
    sum(case when "at" is null then 1 else 0 end) as no_time,
    cast(min("at") as varchar) as first_at,
    cast(max("at") as varchar) as last_at
{% for part in parts %}
    , min({{ part.name }}) as {{ part.min }}
    , max({{ part.name }}) as {{ part.max }}
    , sum(case when isfinite(cast({{ part.name }} as double)) then 0 else 1 end) - sum(case when {{ part.name }} is null then 1 else 0 end) as {{ part.not_finite }}
{% endfor %}
from summed
