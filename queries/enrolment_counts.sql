-- purpose: Units per arm, with those seen in two variants and repeated exposures.
-- takes: nothing.
-- reads: enrolments.
-- gives: one row per experiment x variant of first exposure: units (all), mixed_units (seen in another variant too),
--        repeated_rows (exposures beyond the first of a unit), last_at (latest first exposure, as text, UTC).
select
    experiment
    , first.variant as variant
    , count(*) as units
    , sum(case when mixed then 1 else 0 end) as mixed_units
    , sum(exposures - 1) as repeated_rows
    , cast(max(first.at) as varchar) as last_at
from enrolments
group by experiment, first.variant
order by experiment, first.variant
