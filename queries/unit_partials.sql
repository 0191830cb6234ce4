-- purpose: What the events of one fact table add up to, by unit, in one scan for all experiments and metrics.
-- takes: the metric parts over this fact table: window, weight by day and aggregates of each, the value whose different
--        values are counted, if it is one, and the experiment, if only one is declared, compiled in.
-- reads: first_exposures (or all enrolments, where what is found is kept for a later run) and part_values of one fact table.
-- gives: one row per experiment and unit with at least one event in reach of a window (the experiment only where there are
--        several; the unit as text, or as a number where all logs hold it as one), with the aggregates that unit_parts is
--        made of. Sums of fractions are sums whose terms are rounded to common grids: each is exact, so the order of rows
--        and the number of threads cannot change the result. Where different values are counted there is a row for each
--        of them: counting rows is much cheaper than collecting values.
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
        , case when {{ part.window }} then e.{{ part.name }}{{ part.times_weight }} end as {{ part.name }}
{% else %}
        , e.{{ part.name }}{{ part.times_weight }} as {{ part.name }}
{% endif %}
{% endfor %}
    from {{ exposures }} as x
    join {{ values }} as e on e.{{ key }} = x.{{ key }}
{% if reach %}
        and {{ reach }}
{% endif %}
)

select
    {{ key }}
{% if not only %}
    , experiment
{% endif %}
{% if apart %}
    , {{ apart }}
{% endif %}
{% for part in parts %}
{% for partial in part.partials %}
    , {{ partial.value }} as {{ partial.name }}
{% endfor %}
{% endfor %}
from in_window
group by {% if not only %}experiment, {% endif %}{{ key }}{% if apart %}, {{ apart }}{% endif %}
