-- purpose: The units that an A/A test divides anew: all arms of one experiment together, with the number each is drawn by.
-- takes: the slices and metric parts that are kept, the hash of a unit, and the experiment, compiled into the statement.
-- reads: unit_outcomes, experiments, and arms where an experiment declares its variants.
-- gives: one row per analysed unit that has an id: experiment, drawn_from (a whole number), the slices, and the parts.
select
    o.experiment
    , {{ number }} as drawn_from
{% for column in columns %}
    , o.{{ column }}
{% endfor %}
from unit_outcomes as o
join experiments as x on x.experiment = o.experiment
left join arms as a on a.experiment = o.experiment and a.variant = o.variant
where o.unit is not null
    and o.variant is not null
    and o.experiment = {{ experiment }}
    and (not x.closed or a.variant is not null)
