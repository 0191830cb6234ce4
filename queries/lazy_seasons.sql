-- purpose: The seasonal naive forecast: the value of the same place in the last season of the training series.
-- takes: the rows of a season, compiled in.
-- reads: task_targets, training_scales, training_places. The steps to forecast follow the training series without a gap.
-- gives: example, y.
with ahead as (
    select
        example
        , series
        , row_number() over (partition by series order by t.at, t.example) as step
    from task_targets as t
)

select
    a.example
    , p.y
from ahead as a
join training_scales as s on s.series = a.series
join training_places as p
    on p.series = a.series
    and p.place = s.length - {{ season }} + a.step - {{ season }} * floor((a.step - 1) / {{ season }})
