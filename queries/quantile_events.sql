-- purpose: The values whose quantile is asked for: one per event of an analysed unit in the metric's window.
-- takes: what tells units apart and what they are called, the slices of the study, the window, and the metric's value,
--        compiled in.
-- reads: first_exposures, and the part values of one quantile metric.
-- gives: one row per event with a value: experiment, variant, cluster (the unit), day, the slices, value.
select
    x.experiment
    , x.variant
    , x.{{ unit }} as cluster
    , x.day
{% for slice in slices %}
    , x.{{ slice }}
{% endfor %}
    , e.{{ part }} as value
from first_exposures as x
join {{ values }} as e on e.{{ key }} = x.{{ key }}
{% if window %}
    and {{ window }}
{% endif %}
where e.{{ part }} is not null
