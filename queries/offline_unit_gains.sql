-- purpose: What each unit adds to the gains over queries that it made.
-- takes: the tables of values and of contests, and the grid of the exact sum, compiled in.
-- reads: the values, contests (number, model, baseline, metric and gain of what is compared), offline_queries.
-- gives: one row per contest x unit that asked a query with both values: unit, the contest and the unit's influence, the sum
--        over its queries of the difference less the gain, under names that no metric has.
with asked as (
    select
        query
        , min(unit) as unit
    from offline_queries
    where unit <> ''
    group by query
)

select
    q.unit
    , c.contest as {{ contest }}
    , {{ added }} as {{ influence }}
from {{ contests }} as c
join {{ values }} as m on m.model = c.model and m.metric = c.metric
join {{ values }} as b on b.model = c.baseline and b.metric = c.metric and b.example = m.example
join asked as q on q.query = m.example
where m.value is not null and b.value is not null
group by q.unit, c.contest
