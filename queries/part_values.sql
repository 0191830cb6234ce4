-- purpose: The events of a fact table with the value that each metric part takes from them.
-- takes: the metric parts over this fact table: filter and value of each, and the value that is counted apart, compiled in.
-- reads: one fact table.
-- gives: one row per event: unit (its id as text, or as a number where all logs hold it as one), at, and one column per
--        part, null where the event does not count for it.
select
    {{ key }}
    , "at"
{% if apart %}
    , {{ apart.value }} as {{ apart.name }}
{% endif %}
{% for part in parts %}
    , {{ part.chosen }} as {{ part.name }}
{% endfor %}
from {{ fact }}
