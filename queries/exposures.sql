-- purpose: The canonical view of exposures: who saw which variant of which experiment, and when.
-- takes: the study's column mapping of [exposures], compiled into the select list.
-- reads: the source of [exposures].
-- gives: one row per exposure: experiment, unit, variant (text), at (timestamp, UTC, null when not mapped),
--        one text column per slice, and the unit as a number where all logs hold it as one.
select
    {{ experiment }} as experiment
    , {{ unit }} as unit
{% if number %}
    , {{ number.value }} as {{ number.name }}
{% endif %}
    , {{ variant }} as variant
    , {{ at }} as "at"
{% for slice in slices %}
    , {{ slice.value }} as {{ slice.name }}
{% endfor %}
from {{ source }}
