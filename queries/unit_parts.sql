-- purpose: One number per unit and metric part, out of what the events of one fact table add up to.
-- takes: the metric parts over this fact table, the value whose different values are counted, if it is one, and the
--        experiment, if only one is declared, compiled in.
-- reads: unit_partials of one fact table.
-- gives: one row per experiment and unit with at least one event in reach of a window: experiment, unit (its id as text, or
--        as a number where all logs hold it as one) and one column per part, null where the unit has no event for it.
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
from {{ partials }}
{% if apart %}
group by {% if not only %}experiment, {% endif %}{{ key }}
{% endif %}
