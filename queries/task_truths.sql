-- purpose: Whether the truth can be taken at its word, and what a predictor that learnt nothing would say.
-- takes: nothing.
-- reads: task_targets.
-- gives: one row: examples, series (how many), conflicts (examples with several truths), conflict (one of them), zeros
--        (examples whose truth is 0), smallest, largest and median truth.
select
    count(*) as examples
    , count(distinct series) as series
    , count(case when y_true <> other_truth then 1 end) as conflicts
    , min(case when y_true <> other_truth then example end) as conflict
    , count(case when y_true = 0 then 1 end) as zeros
    , min(y_true) as smallest
    , max(y_true) as largest
    , quantile_cont(cast(y_true as double), 0.5e0) as median
from task_targets
