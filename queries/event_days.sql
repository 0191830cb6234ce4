-- purpose: Events of analysed units by calendar day and arm: a day without any is a day whose log is lost.
-- takes: what tells units apart, and the day of an event in the time zone of the study, compiled in.
-- reads: first_exposures and one fact table.
-- gives: one row per experiment x variant x day (ISO date, as text): event_count, of events from exposure to the end of the
--        experiment.
select
    x.experiment
    , x.variant
    , cast({{ day }} as varchar) as day
    , count(*) as event_count
from first_exposures as x
join {{ fact }} as e on e.{{ key }} = x.{{ key }} and e.at >= x.exposed_at and e.at < x.ends_at
group by x.experiment, x.variant, cast({{ day }} as varchar)
order by 1, 2, 3
