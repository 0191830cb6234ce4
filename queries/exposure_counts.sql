-- purpose: What became of the rows of exposures, so that every row left out is counted aloud.
-- takes: $timed: whether exposures carry a time; the condition that a row has no unit, compiled in.
-- reads: exposures, experiments, arms.
-- gives: one row per experiment x variant x outcome: outcome is one of kept, no unit, no variant, no experiment,
--        no time, unknown experiment, unknown variant, before start, after end; row_count in rows.
select
    e.experiment
    , e.variant
    , case
        when e.experiment is null then 'no experiment'
        when x.experiment is null then 'unknown experiment'
        when {{ no_unit }} then 'no unit'
        when e.variant is null then 'no variant'
        when x.closed and a.variant is null then 'unknown variant'
        when $timed and e.at is null then 'no time'
        when e.at < x.starts_at then 'before start'
        when e.at >= x.ends_at then 'after end'
        else 'kept'
    end as outcome
    , count(*) as row_count
from exposures as e
left join experiments as x on x.experiment = e.experiment
left join arms as a on a.experiment = e.experiment and a.variant = e.variant
group by 1, 2, 3
order by 1, 2, 3, 4
