-- purpose: The canonical view of a fact table: what units did, and when.
-- takes: the study's column mapping of [facts.NAME], compiled into the select list.
-- reads: the source of [facts.NAME].
-- gives: one row per event: unit (text), at (timestamp, UTC, null when not mapped), and every other column of the
--        source under its own name.
select
    {{ unit }} as unit
    , {{ at }} as "at"
{% for column in others %}
    , {{ column.value }} as {{ column.name }}
{% endfor %}
from {{ source }}
