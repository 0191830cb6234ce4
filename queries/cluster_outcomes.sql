-- purpose: The wide table of an experiment that was randomised by cluster: one row per experiment and cluster.
-- takes: the units and the column of their cluster, the slices, the value columns (part, cap) and their sums, compiled
--        in.
-- reads: member_outcomes; caps when a metric is capped.
-- gives: experiment, variant, unit (the cluster, text), day (of the first unit's first exposure), the slices (the value
--        that all units of the cluster have, null when they differ), and the sums over its units. Clusters in two variants
--        are left out. Values are capped by unit; sums are exact, so that they do not depend on the order of units.
with members as (
    select
        o.experiment
        , o.variant
        , nullif(o.{{ cluster }}, '') as {{ cluster }}
        , o.day
{% for slice in slices %}
        , o.{{ slice }}
{% endfor %}
{% for column in columns %}
        , {{ column.value }} as {{ column.name }}
{% if column.is_cut %}
        , {{ column.is_cut }} as {{ column.cut }}
{% endif %}
{% endfor %}
    from {{ members }} as o
{% if capped %}
    left join caps as c on c.experiment = o.experiment
{% endif %}
)

select
    experiment
    , min(variant) as variant
    , {{ cluster }} as unit
    , min(day) as day
{% for slice in slices %}
    , case when min({{ slice }}) = max({{ slice }}) and count({{ slice }}) = count(*) then min({{ slice }}) end
        as {{ slice }}
{% endfor %}
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from members
where {{ cluster }} is not null and variant is not null
group by experiment, {{ cluster }}
having min(variant) = max(variant)
