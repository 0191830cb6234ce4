-- purpose: The events of a fact table with the value that each metric part takes from them.
-- takes: the metric parts over this fact table: filter and value of each, compiled in.
-- reads: one fact table.
-- gives: one row per event: unit, at, and one column per part, null where the event does not count for it.
select
    unit
    , "at"
{% for part in parts %}
    , {{ part.chosen }} as {{ part.name }}
{% endfor %}
from {{ fact }}
