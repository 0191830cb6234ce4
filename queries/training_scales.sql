-- purpose: The mean absolute error of the (seasonal) naive forecast within each training series, which MASE divides by.
-- takes: the rows of a season and the exact sum of absolute steps, compiled in.
-- reads: training_places.
-- gives: one row per series: series, length, last_value, scale (null for a series no longer than a season).
with steps as (
    select
        a.series
        , abs(a.y - b.y) as step
    from training_places as a
    join training_places as b on b.series = a.series and b.place = a.place - {{ season }}
),

scales as (
    select
        series
        , ({% for sum in sums %}{{ sum.value }}{% if not loop.last %} + {% endif %}{% endfor %}) / count(*) as scale
    from steps
    group by series
),

lengths as (
    select
        series
        , max(place) as length
    from training_places
    group by series
)

select
    l.series
    , l.length
    , p.y as last_value
    , s.scale
from lengths as l
join training_places as p on p.series = l.series and p.place = l.length
left join scales as s on s.series = l.series
