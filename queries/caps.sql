-- purpose: The value at which each capped metric is cut: a percentile over all analysed units, arms pooled.
-- takes: the capped parts and their percentiles, compiled into the select list.
-- reads: unit_outcomes, and arms where an experiment declares its variants.
-- gives: one row per experiment: one threshold per capped part, interpolated between order statistics.
select
    o.experiment
{% for column in capped %}
    , quantile_cont({{ column.part }}, {{ column.fraction }}) as {{ column.name }}
{% endfor %}
from unit_outcomes as o
join experiments as x on x.experiment = o.experiment
left join arms as a on a.experiment = o.experiment and a.variant = o.variant
where not x.closed or a.variant is not null
group by o.experiment
order by o.experiment
