-- purpose: How much was served to whom, and how often what was predicted happened.
-- takes: the table of what was served, what it is broken down by (a slice, the day, or nothing), and whether it tells what
--        came of a request, compiled in.
-- reads: the table of what was served.
-- gives: one row per experiment x variant x model x is_own (1 when the model is the arm's) x is_old x value of the slice
--        (part): units, requests, most (of one unit), and happened (requests whose label is 1; 0 of lists).
select
    experiment
    , variant
    , model
    , is_own
    , is_old
    , part
    , count(*) as units
    , sum(requests) as requests
    , max(requests) as most
    , sum(happened) as happened
from (
    select
        experiment
        , variant
        , model
        , case when place is null then 0 else 1 end as is_own
        , is_old
        , {{ part }} as part
        , unit
        , count(*) as requests
        , {{ happened }} as happened
    from {{ served }}
    group by
        experiment
        , variant
        , model
        , case when place is null then 0 else 1 end
        , is_old
        , {{ part }}
        , unit
) as by_unit
group by experiment, variant, model, is_own, is_old, part
order by experiment, variant, model, is_own, is_old, part
