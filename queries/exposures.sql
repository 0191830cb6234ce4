-- purpose: The canonical view of exposures: who saw which variant of which experiment, and when.
-- takes: the study's column mapping of [exposures], compiled into the select list.
-- reads: the source of [exposures].
-- gives: one row per exposure: experiment, unit, variant (text), at (timestamp, UTC, null when not mapped),
--        and one text column per slice.
select
    {{ experiment }} as experiment
    , {{ unit }} as unit
    , {{ variant }} as variant
    , {{ at }} as "at"
{% for slice in slices %}
    , {{ slice.value }} as {{ slice.name }}
{% endfor %}
from {{ source }}
