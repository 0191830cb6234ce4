-- purpose: One number per unit and metric part, from the events of one fact table, in one scan for all experiments.
-- takes: the metric parts over this fact table: window and aggregate of each, the value whose different values are
--        counted, if it is one, and the experiment, if only one is declared, compiled in.
-- reads: first_exposures and part_values of one fact table.
-- gives: one row per experiment and unit with at least one event in reach of a window: experiment, unit (its id as text, or
--        as a number where all logs hold it as one) and one column per part, null where the unit has no event for it. Sums
--        of fractions are made of sums whose terms are rounded to common grids: each is exact, so the order of rows and
--        the number of threads cannot change the result. A value that is counted apart is grouped by first: counting
--        rows is much cheaper than counting different values.
with in_window as (
    select
        x.{{ key }}
{% if not only %}
        , x.experiment
{% endif %}
{% if apart %}
        , e.{{ apart }}
{% endif %}
{% for part in parts %}
{% if part.window %}
        , case when {{ part.window }} then e.{{ part.name }} end as {{ part.name }}
{% else %}
        , e.{{ part.name }}
{% endif %}
{% endfor %}
    from first_exposures as x
    join {{ values }} as e on e.{{ key }} = x.{{ key }}
{% if reach %}
        and {{ reach }}
{% endif %}
)
{% if apart %}
, by_value as (
    select
        {{ key }}
{% if not only %}
        , experiment
{% endif %}
        , {{ apart }}
{% for part in parts %}
{% for partial in part.partials %}
        , {{ partial.value }} as {{ partial.name }}
{% endfor %}
{% endfor %}
    from in_window
    group by {% if not only %}experiment, {% endif %}{{ key }}, {{ apart }}
)
{% endif %}

select
{% if only %}
    {{ only }} as experiment
{% else %}
    experiment
{% endif %}
    , {{ key }}
{% for part in parts %}
    , {{ part.total }} as {{ part.name }}
{% endfor %}
from {% if apart %}by_value{% else %}in_window{% endif %}

group by {% if not only %}experiment, {% endif %}{{ key }}
