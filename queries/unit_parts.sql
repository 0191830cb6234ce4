-- purpose: One number per unit and metric part, from the events of one fact table, in one scan for all experiments.
-- takes: the metric parts over this fact table: window and aggregate of each, compiled in.
-- reads: first_exposures and part_values of one fact table.
-- gives: one row per experiment and unit with at least one event in reach of a window: experiment, unit and one column per
--        part, null where the unit has no event for it. Sums of fractions are made of sums whose terms are rounded to
--        common grids: each is exact, so the order of rows and the number of threads cannot change the result.
with in_window as (
    select
        x.experiment
        , x.unit
{% for part in parts %}
{% if part.window %}
        , case when {{ part.window }} then e.{{ part.name }} end as {{ part.name }}
{% else %}
        , e.{{ part.name }}
{% endif %}
{% endfor %}
    from first_exposures as x
    join {{ values }} as e on e.unit = x.unit
{% if reach %}
        and {{ reach }}
{% endif %}
)

select
    experiment
    , unit
{% for part in parts %}
{% if part.aggregate == 'sum' %}
    , cast({{ part.total }} as double) as {{ part.name }}
{% elif part.aggregate == 'mean' %}
    , cast({{ part.total }} as double) / nullif(count({{ part.name }}), 0) as {{ part.name }}
{% elif part.aggregate == 'count' %}
    , nullif(count({{ part.name }}), 0) as {{ part.name }}
{% elif part.aggregate == 'count_distinct' %}
    , nullif(count(distinct {{ part.name }}), 0) as {{ part.name }}
{% elif part.aggregate == 'max' %}
    , max({{ part.name }}) as {{ part.name }}
{% elif part.aggregate == 'min' %}
    , min({{ part.name }}) as {{ part.name }}
{% endif %}
{% endfor %}
from in_window
group by experiment, unit
