-- purpose: One row per experiment and unit: the first exposure wins; units seen in two variants are marked.
-- takes: $timed: whether exposures carry a time; the slices of the study, compiled into the select list.
-- reads: exposures, experiments, arms.
-- gives: experiment, unit, exposures (rows), mixed (seen in more than one variant), first (a struct of at, variant and the
--        slices at first exposure; ties in time are broken by variant, then by the slices, so that the order of rows does
--        not matter), ends_at (the experiment's end, far in the future when there is none).
select
    e.experiment
    , e.unit
    , count(*) as exposures
    , min(e.variant) <> max(e.variant) as mixed
    , min(struct_pack(
        at := e.at
        , variant := e.variant
{% for slice in slices %}
        , {{ slice }} := e.{{ slice }}
{% endfor %}
    )) as first
    , min(x.ends_at) as ends_at
from exposures as e
join experiments as x on x.experiment = e.experiment
left join arms as a on a.experiment = e.experiment and a.variant = e.variant
where e.unit <> ''
    and e.variant is not null
    and (not x.closed or a.variant is not null)
    and (not $timed or (e.at >= x.starts_at and e.at < x.ends_at))
group by e.experiment, e.unit
