-- purpose: The examples whose truth is 0, which a percentage error cannot be taken of.
-- takes: nothing.
-- reads: task_targets.
-- gives: example of the first five.
select example
from task_targets
where y_true = 0
order by example
limit 5
