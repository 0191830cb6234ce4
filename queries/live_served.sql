-- purpose: What was served to the analysed units, in the experiments they were in, with what came of it.
-- takes: the log (one row a request), the outcomes (predictions only), the fact table that tells, whether it has times,
--        for how long its events count, whether exposures have a time, the day in the study's time zone, and the slices,
--        compiled in.
-- reads: the log, the outcomes, the fact table, first_exposures, live_arms (place, experiment, variant, model).
-- gives: one row per request of a unit in an experiment, from its first exposure to the end: experiment, variant, place (of
--        the arm, null when the request names another model than the arm's), model, unit, request, day (text), is_old (1
--        when all events that could tell are in the data), y_true (1 or 0; predictions only), score, offline_score, and the
--        slices.
select
    x.experiment
    , x.variant
    , a.place
    , l.model
    , l.unit
    , l.request
    , cast({{ day }} as varchar) as day
{% if timed %}
    , case when l.at + {{ within }} <= u.until then 1 else 0 end as is_old
{% else %}
    , 1 as is_old
{% endif %}
{% if outcomes %}
    , l.score
    , l.offline_score
    , case when o.request is null then 0 else 1 end as y_true
{% endif %}
{% for slice in slices %}
    , l.{{ slice }}
{% endfor %}
from {{ log }} as l
join first_exposures as x
    on x.unit = l.unit
{% if exposures_timed %}
    and l.at >= x.exposed_at
    and l.at < x.ends_at
{% endif %}
left join live_arms as a on a.experiment = x.experiment and a.variant = x.variant and a.model = l.model
{% if outcomes %}
left join {{ outcomes }} as o on o.model = l.model and o.unit = l.unit and o.request = l.request
{% endif %}
{% if timed %}
cross join (
    select max("at") as until
    from {{ fact }}
) as u
{% endif %}
where
    l.unit is not null
    and l.model is not null
    and l.request is not null
    and l.at is not null
{% if outcomes %}
    and l.score is not null
{% endif %}
