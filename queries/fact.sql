-- purpose: The canonical view of a fact table: what units did, and when.
-- takes: the study's column mapping of [facts.NAME], compiled into the select list.
-- reads: the source of [facts.NAME].
-- gives: one row per event: unit (text), at (timestamp, UTC, null when not mapped), every other column of the source
--        under its own name, and the unit as a number where all logs hold it as one.
select
    {{ unit }} as unit
{% if number %}
    , {{ number.value }} as {{ number.name }}
{% endif %}
    , {{ at }} as "at"
{% for column in others %}
    , {{ column.value }} as {{ column.name }}
{% endfor %}
from {{ source }}
