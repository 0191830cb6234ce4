-- purpose: The series that MASE is not defined for: absent from training, no longer than a season, or constant in it.
-- takes: nothing.
-- reads: task_targets, training_scales.
-- gives: series of the first five.
select distinct t.series
from task_targets as t
left join training_scales as s on s.series = t.series
where s.scale is null or s.scale = 0
order by t.series
limit 5
