-- purpose: The value at which each capped metric is cut: a percentile over all analysed units, arms pooled.
-- takes: the units, the capped columns and their percentiles, compiled into the select list.
-- reads: unit_outcomes (its like by unit, where clusters are analysed), experiments, and arms where an experiment declares
--        its variants.
-- gives: one row per experiment: one threshold per capped column, interpolated between order statistics, null where no
--        unit has a value.
select
    o.experiment
{% for threshold in thresholds %}
    , {{ threshold.value }} as {{ threshold.name }}
{% endfor %}
from {{ units }} as o
join experiments as x on x.experiment = o.experiment
left join arms as a on a.experiment = o.experiment and a.variant = o.variant
where o.variant is not null
    and (not x.closed or a.variant is not null)
group by o.experiment
order by o.experiment
