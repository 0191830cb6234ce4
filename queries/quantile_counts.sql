-- purpose: How the values of each unit lie about the quantile: what the share of values up to it varies by.
-- takes: whether values belong to units that may have several, compiled in.
-- reads: quantile_ranks and quantile_points.
-- gives: one row per cell: units with a value, and over them the sums of their values (events), of those below the point
--        and up to it, of their squares and products. All are whole numbers, so the order of rows cannot matter.
with per_unit as (
    select
        r.cell
{% if clustered %}
        , count(*) as events
        , count(case when r.value < p.point then 1 end) as below
        , count(case when r.value <= p.point then 1 end) as up_to
{% else %}
        , 1 as events
        , case when r.value < p.point then 1 else 0 end as below
        , case when r.value <= p.point then 1 else 0 end as up_to
{% endif %}
    from quantile_ranks as r
    join quantile_points as p on p.cell = r.cell
{% if clustered %}
    group by r.cell, r.cluster
{% endif %}
)

select
    cell
    , count(*) as units
    , sum(events) as events
    , sum(below) as below
    , sum(up_to) as up_to
    , sum(events * events) as events_squared
    , sum(below * below) as below_squared
    , sum(up_to * up_to) as up_to_squared
    , sum(events * below) as events_below
    , sum(events * up_to) as events_up_to
from per_unit
group by cell
order by cell
