-- purpose: The values whose quantile is asked for, with the cluster that was randomised: of its units or their events.
-- takes: the column of the cluster, the slices of the study, the value, and whether it is one of events, compiled in.
-- reads: member_outcomes, unit_outcomes (one row per cluster), and quantile_events where values are those of events.
-- gives: one row per value: experiment, variant, cluster, day and slices (of the cluster), value. Units of clusters that
--        are not analysed are left out.
select
    o.experiment
    , o.variant
    , o.unit as cluster
    , o.day
{% for slice in slices %}
    , o.{{ slice }}
{% endfor %}
    , {{ value }} as value
from member_outcomes as m
{% if of_events %}
join quantile_events as v on v.experiment = m.experiment and v.cluster = m.unit
{% endif %}
join unit_outcomes as o on o.experiment = m.experiment and o.unit = m.{{ cluster }}
where {{ value }} is not null
