-- purpose: The wide table when the data already has one row per unit: columns under the names of the metric parts.
-- takes: the column mapping of [unit_values], the metrics' values and the slices, compiled into the select list.
-- reads: the source of [unit_values].
-- gives: experiment, variant, unit (null when not mapped), day (date of exposure, null when not mapped), the slices, the
--        cluster where one is mapped, and one number per part, null where the data has none.
select
    {{ experiment }} as experiment
    , {{ variant }} as variant
    , {{ unit }} as unit
    , {{ day }} as day
{% for slice in slices %}
    , {{ slice.value }} as {{ slice.name }}
{% endfor %}
{% if cluster %}
    , {{ cluster.value }} as {{ cluster.name }}
{% endif %}
{% for part in parts %}
    , {{ part.value }} as {{ part.name }}
{% endfor %}
from {{ source }}
{% if with_unit_only %}
where {{ unit }} <> ''
{% endif %}
