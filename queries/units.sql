-- purpose: The canonical view of units: facts known before the experiment, one row per unit.
-- takes: the study's column mapping of [units], compiled into the select list.
-- reads: the source of [units].
-- gives: unit (text) and every other column of the source under its own name; rows without a unit are left out.
select
    {{ unit }} as unit
{% for column in others %}
    , {{ column.value }} as {{ column.name }}
{% endfor %}
from {{ source }}
where {{ unit }} is not null
