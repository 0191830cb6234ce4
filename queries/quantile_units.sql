-- purpose: The values whose quantile is asked for: one per analysed unit.
-- takes: the slices of the study and the metric part, compiled in.
-- reads: unit_outcomes.
-- gives: one row per unit with a value: experiment, variant, day, the slices, value.
select
    o.experiment
    , o.variant
    , o.day
{% for slice in slices %}
    , o.{{ slice }}
{% endfor %}
    , cast(o.{{ part }} as double) as value
from unit_outcomes as o
where o.{{ part }} is not null
