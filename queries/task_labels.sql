-- purpose: Whether the true labels can be taken at their word.
-- takes: nothing.
-- reads: task_targets.
-- gives: one row: examples, conflicts (examples with several labels), conflict (one of them).
select
    count(*) as examples
    , count(case when y_true <> other_truth then 1 end) as conflicts
    , min(case when y_true <> other_truth then example end) as conflict
from task_targets
