-- purpose: Analysed units whose window was not over yet when the data ends: their value may still grow.
-- takes: $last_at: the latest event of the fact table (UTC); $window_seconds: length of the window.
-- reads: first_exposures.
-- gives: one row per experiment: units (all analysed), open_units (window ends after the data).
select
    experiment
    , count(*) as units
    , count(
        case when exposed_at + $window_seconds * interval '1' second > cast($last_at as timestamp) then 1 end
    ) as open_units
from first_exposures
group by experiment
order by experiment
