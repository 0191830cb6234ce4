-- purpose: How much of a live log is of units that no experiment analyses.
-- takes: the log (one row a request), compiled in.
-- reads: the log, first_exposures.
-- gives: one row: requests, and outside (those of units that are in no experiment).
select
    count(*) as requests
    , count(case when x.unit is null then 1 end) as outside
from {{ log }} as l
left join (
    select distinct unit
    from first_exposures
) as x on x.unit = l.unit
where
    l.unit is not null
    and l.model is not null
    and l.request is not null
    and l.at is not null
